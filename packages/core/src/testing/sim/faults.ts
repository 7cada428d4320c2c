import { isGanglionError } from '../../errors.ts';
import { CLOCK_DRIFT } from '../../node/held-leases.ts';
import type { Actor } from '../../node-api.ts';
import type { DiskSnapshot } from '../memory-storage.ts';
import { memoryDisk } from '../memory-storage.ts';
import type { Dice } from './dice.ts';
import { lie } from './impostor.ts';
import {
  askedSpec,
  type Fault,
  LEARNED,
  LEASE_MS,
  learnedSpec,
  OTHER_LEASES_MS,
  openSpec,
  TAGGED,
  taggedSpec,
} from './plan.ts';
import { addMachine, connect, crash, diskOptions, type Machine, start, type World } from './world.ts';

/** Everybody may do everything here: who may do what is the rim's business, and the authority rules have tests. */
const OPERATOR: Actor = { name: 'operator', authority: '*' };

/** What people said and were told is durable, for the end of the run. */
export interface Sayings {
  /** Acknowledged kills and overrides, by tag. */
  readonly said: Set<string>;
  /** Tags whose removal was acknowledged. */
  readonly removed: Set<string>;
}

export interface Troubles {
  readonly sayings: Sayings;
  run(fault: Fault): void;
  /** Ends all faults and starts what is down. */
  heal(): void;
}

export function troubles(
  world: World,
  dice: Dice,
  decide: () => void,
  decideAt: (machine: Machine) => void,
): Troubles {
  const sayings: Sayings = { said: new Set(), removed: new Set() };
  const snapshots = new Map<Machine, DiskSnapshot>();
  let specVersion = 1;
  let leaseMs = LEASE_MS;
  let arms = ['a', 'b', 'c'];
  const { line, machines } = world;
  const root = machines[0];

  const note = (machine: Machine, what: () => string): void =>
    world.trace.note(line.nowMs, machine.name, what);
  const live = (): Machine[] => machines.filter((m) => m.process !== undefined && !m.asleep);
  const children = (): Machine[] => machines.filter((m) => m.parent !== '');
  const restartLater = (machine: Machine): void => line.after(dice.wait(150), () => start(world, machine));

  /** Runs an action of a person. It may be refused, or never answered. */
  function ask<T>(
    machine: Machine,
    what: string,
    action: Promise<T>,
    then: (value: T) => void = () => {},
  ): void {
    note(machine, () => what);
    action.then(then, (error: unknown) => {
      if (!isGanglionError(error)) world.failure ??= error;
    });
    world.pendingPromises = true;
    world.onTouch(machine);
  }

  function killSomething(machine: Machine): void {
    const target = dice.pick(machines);
    const scopes = ['*', `point:${TAGGED}`, `point:${LEARNED}`, `node:${target.name}`, 'tier:device'];
    kill(machine, dice.pick(scopes));
  }

  function kill(machine: Machine, scope: string): void {
    ask(
      machine,
      `kill ${scope}`,
      machine.process!.node.kill({ scope, reason: 'test', by: OPERATOR }),
      ({ tag }) => {
        note(machine, () => `kill ${tag} is durable`);
        sayings.said.add(tag);
        if (machine === root) afterRootKill();
      },
    );
  }

  function afterRootKill(): void {
    // Just past the bound is when a lease that is counted wrongly shows.
    for (const leaseMs of [LEASE_MS, ...OTHER_LEASES_MS])
      line.after(leaseMs * (1 + CLOCK_DRIFT) + 0.1, () => {
        for (const each of live()) decideAt(each);
      });
    // Whoever has just said that it has applied the kill may die of it.
    if (Number.isFinite(world.plan.every.crash) && dice.chance(0.3)) {
      const victim = dice.pick(children());
      line.after(dice.between(2, 100), () => {
        crash(world, victim);
        restartLater(victim);
      });
    }
  }

  function revive(machine: Machine): void {
    const standing = [...machine.process!.node.state.controls.kills.values()];
    if (standing.length === 0) return;
    const { scope } = dice.pick(standing);
    ask(
      machine,
      `revive ${scope}`,
      machine.process!.node.revive({ scope, reason: 'test', by: OPERATOR }),
      ({ tags }) => {
        for (const tag of tags) sayings.removed.add(tag);
      },
    );
  }

  function cutOff(machine: Machine): void {
    note(machine, () => 'is cut off');
    world.network.cut(machine.index);
    line.after(dice.wait(500), () => world.network.heal());
  }

  const acts: Record<Fault, () => void> = {
    decide,
    crash() {
      const machine = dice.pick(machines);
      if (machine.process === undefined) return;
      // A backup is taken now and then, to be put back later.
      crash(world, machine);
      if (dice.chance(0.5)) snapshots.set(machine, machine.disk.snapshot());
      restartLater(machine);
    },
    partition() {
      cutOff(dice.pick(machines));
    },
    sleep() {
      const able = live();
      if (able.length === 0) return;
      const machine = dice.pick(able);
      const { process } = machine;
      note(machine, () => 'falls asleep');
      machine.asleep = true;
      machine.clock.sleep();
      // It must not go on as if no time had passed.
      if (dice.chance(0.5))
        line.after(dice.wait(60), () => {
          if (root.process !== undefined && !root.asleep) killSomething(root);
        });
      line.after(dice.between(200, 1400), () => {
        if (machine.process !== process) return;
        machine.clock.wake();
        machine.asleep = false;
        note(machine, () => 'wakes');
        // The first thing it does is what it would have done before: nobody has told it anything yet.
        decideAt(machine);
      });
    },
    wallStep() {
      const machine = dice.pick(machines);
      const by = dice.between(-1500, 1500);
      note(machine, () => `wall clock is set by ${by.toFixed(0)} ms`);
      machine.clock.stepWall(by);
    },
    kill() {
      const able = live();
      if (able.length > 0) killSomething(dice.chance(0.5) && able.includes(root) ? root : dice.pick(able));
    },
    revive() {
      const able = live();
      if (able.length > 0) revive(dice.chance(0.6) && able.includes(root) ? root : dice.pick(able));
    },
    override() {
      const able = live();
      if (able.length === 0) return;
      const machine = dice.pick(able);
      if (machine.process!.node.point(LEARNED) === undefined) return;
      ask(
        machine,
        'override',
        machine.process!.node.override({
          point: LEARNED,
          arm: 'b',
          segment: { unit: 'u1' },
          reason: 'test',
          by: OPERATOR,
          ...(dice.chance(0.5) ? { forMs: dice.between(100, 1000) } : {}),
        }),
        ({ tag }) => void sayings.said.add(tag),
      );
    },
    removeOverride() {
      const able = live().filter((m) => m.process!.node.state.controls.overrides.size > 0);
      if (able.length === 0) return;
      const machine = dice.pick(able);
      ask(
        machine,
        'remove override',
        machine.process!.node.removeOverride({ point: LEARNED, reason: 'test', by: OPERATOR }),
        ({ tags }) => {
          for (const tag of tags) sayings.removed.add(tag);
        },
      );
    },
    apply() {
      if (root.process === undefined) return;
      specVersion++;
      if (dice.chance(0.7))
        arms = dice.chance(0.5)
          ? ['a', 'b', 'c']
          : dice.pick([
              ['a', 'b'],
              ['a', 'b', 'c', 'd'],
              ['b', 'c'],
            ]);
      const plan = {
        ...world.plan,
        policy: dice.pick(['epsilon-greedy', 'thompson', 'linear-thompson', 'q-learning', 'split'] as const),
      };
      const before = leaseMs;
      leaseMs = dice.pick([LEASE_MS, ...OTHER_LEASES_MS]);
      const spec = learnedSpec(
        dice.chance(0.4) ? plan : world.plan,
        arms.includes('b') ? arms : ['a', 'b'],
        specVersion,
        leaseMs,
      );
      // Somebody does not hear of the shorter lease, and goes on by the longer one.
      const unheard = leaseMs < before && dice.chance(0.7);
      if (unheard) cutOff(dice.pick(machines));
      ask(
        root,
        `apply ${LEARNED} v${specVersion} ${spec.policy.kind} ${arms}, lease ${leaseMs}`,
        root.process.node.apply(spec, OPERATOR),
        () => {
          if (unheard && root.process !== undefined) kill(root, `point:${LEARNED}`);
        },
      );
    },
    reset() {
      if (root.process === undefined) return;
      const point = dice.chance(0.7) ? TAGGED : LEARNED;
      if (root.process.node.point(point) === undefined) return;
      ask(root, `reset ${point}`, root.process.node.reset({ point, reason: 'test', by: OPERATOR }));
    },
    move() {
      const movers = machines.filter((m) => m.tier === 'device');
      const regions = machines.filter((m) => m.tier === 'region');
      if (movers.length === 0 || regions.length < 2) return;
      const machine = dice.pick(movers);
      machine.parent = dice.pick(regions.filter((m) => m.name !== machine.parent)).name;
      note(machine, () => `moves to ${machine.parent}`);
      if (machine.process !== undefined) connect(world, machine);
    },
    loseDisk() {
      const machine = dice.pick(children());
      if (machine === undefined) return;
      crash(world, machine);
      machine.named = true;
      machine.disk = memoryDisk(diskOptions(world, machine.dice.fork(5000 + machine.processes)));
      note(machine, () => 'loses its disk');
      restartLater(machine);
    },
    restore() {
      const able = machines.filter((m) => snapshots.has(m));
      if (able.length === 0) return;
      // That of the root above all: what it has forgotten, only those below can tell it.
      const machine = snapshots.has(root) && dice.chance(0.5) ? root : dice.pick(able);
      crash(world, machine);
      machine.disk.crash();
      machine.named = true;
      machine.disk.restore(snapshots.get(machine)!);
      note(machine, () => 'is restored from an old image');
      restartLater(machine);
    },
    clone() {
      const able = machines.filter((m) => m.tier === 'device' && !m.named);
      if (able.length === 0 || machines.length > 9) return;
      const machine = dice.pick(able);
      machine.named = true;
      const twin = addMachine(
        world,
        { name: machine.name, tier: machine.tier, parent: machine.parent },
        undefined,
      );
      twin.disk = machine.disk.clone(diskOptions(world, twin.dice));
      twin.named = true;
      machine.cloned = true;
      twin.cloned = true;
      note(machine, () => 'is started twice');
      start(world, twin);
    },
    poison() {
      const able = machines.filter((m) => m.tier === 'device' && !m.named && !m.poisoned);
      if (able.length === 0 || root.process === undefined) return;
      const machine = dice.pick(able);
      machine.poisoned = true;
      note(machine, () => 'begins to lie about its outcomes');
      line.after(dice.wait(400), () => quarantine(machine));
    },
    garbage() {
      const able = live().filter((m) => m.tier !== 'device');
      if (able.length > 0) garbage(dice.pick(able));
    },
    impostor() {
      const able = live().filter((m) => m.tier !== 'device');
      if (able.length > 0) lie(world, dice, dice.pick(able));
    },
  };

  function quarantine(machine: Machine): void {
    const again = (): void => line.after(200, () => quarantine(machine));
    if (root.process === undefined || root.asleep) return again();
    const { controls, durableControls } = root.process.node.state;
    const isIn = ({ quarantines }: typeof controls): boolean =>
      [...quarantines.values()].some((q) => q.node === machine.name);
    if (isIn(durableControls)) return;
    // A crash may still take what is not on disk.
    if (isIn(controls)) return again();
    ask(
      root,
      `quarantine ${machine.name}`,
      root.process.node.quarantine({ node: machine.name, reason: 'test', by: OPERATOR }),
    );
    again();
  }

  /** A stranger that speaks another version, or sends slots that are no evidence. */
  function garbage(machine: Machine): void {
    const { node } = machine.process!;
    note(machine, () => 'hears garbage');
    const bytes = Uint8Array.from({ length: dice.below(60) }, () => dice.below(256));
    node.receiveUp(
      {
        v: dice.chance(0.3) ? 99 : 1,
        node: dice.pick(['x1', 'x2', machine.name]),
        incarnation: 'stranger',
        tier: 'device',
        parentIncarnation: node.incarnation,
        connection: 1,
        session: 0,
        heardDown: 0,
        seq: Math.floor(line.nowMs) + 1,
        content: true,
        complete: true,
        slots: [...node.state.learners.keys()].map((key) => ({
          key: dice.chance(0.8) ? key : 'no such learner',
          origin: `x1~stranger`,
          version: 1 + dice.below(5),
          onlyVia: '',
          bytes,
        })),
        learners: [['nonsense', 7]],
        digest: 'x',
        joined: '',
        controls: dice.chance(0.5) ? ({ kills: 'all' } as never) : null,
        applied: [],
        feedback: [{ seq: 1, item: { id: 'x~y~z~1', reward: Number.NaN } }],
        feedbackAcks: [999_999],
        telemetry: [],
        share: 0,
        asks: [],
      },
      () => {},
    );
    world.onTouch(machine);
  }

  return {
    sayings,
    run(fault) {
      acts[fault]();
    },
    heal() {
      world.network.calm();
      for (const machine of machines) {
        machine.disk.faults.commitFails = 0;
        machine.disk.faults.lies = 0;
        if (machine.asleep) machine.clock.wake();
        machine.asleep = false;
        start(world, machine);
        // An image from before it has taken the quarantine along: whoever said it says it again.
        if (machine.poisoned) quarantine(machine);
      }
    },
  };
}

/** Declares the points at the root, before anything else happens. */
export function declarePoints(world: World): Promise<unknown> {
  const node = world.machines[0].process!.node;
  const names = world.plan.nodes.map(({ name }) => name);
  return Promise.all([
    node.apply(taggedSpec(names, 1, world.plan.halfLife), OPERATOR),
    node.apply(learnedSpec(world.plan, ['a', 'b', 'c'], 1), OPERATOR),
    node.apply(openSpec(), OPERATOR),
    node.apply(askedSpec(world.plan.placement), OPERATOR),
  ]);
}
