import { isGanglionError } from '../../errors.ts';
import { CLOCK_DRIFT } from '../../node/held-leases.ts';
import type { Actor } from '../../node-api.ts';
import { decideAt } from './clients.ts';
import {
  askedSpec,
  LEARNED,
  LEASE_MS,
  learnedSpec,
  OTHER_LEASES_MS,
  openSpec,
  TAGGED,
  taggedSpec,
} from './plan.ts';
import { children, cutOff, restartLater, rootOf, type Trouble } from './trouble.ts';
import { awake, crash, type Machine, note, type World } from './world.ts';

/** Everybody may do everything here: who may do what is the rim's business, and the authority rules have tests. */
const OPERATOR: Actor = { name: 'operator', authority: '*' };
/** Who asks, and why: of everything that people say. */
const ASKED_BY = { reason: 'test', by: OPERATOR };

/** Runs an action of a person. It may be refused, or never answered. */
function ask<T>(
  world: World,
  machine: Machine,
  what: string,
  action: Promise<T>,
  then: (value: T) => void = () => {},
): void {
  note(world, machine, () => what);
  action.then(then, (error: unknown) => {
    if (!isGanglionError(error)) world.failure ??= error;
  });
  world.pendingPromises = true;
  world.onTouch(machine);
}

/** The root with this probability, where it is one of them; else any of them. */
function rootOrAny({ world, dice }: Trouble, able: readonly Machine[], probability: number): Machine {
  const root = rootOf(world);
  return dice.chance(probability) && able.includes(root) ? root : dice.pick(able);
}

export function kill(trouble: Trouble): void {
  const able = awake(trouble.world);
  if (able.length > 0) killSomething(trouble, rootOrAny(trouble, able, 0.5));
}

/** Somebody says it at this machine; what is killed may be far from there. */
export function killSomething(trouble: Trouble, machine: Machine): void {
  const { world, dice } = trouble;
  const target = dice.pick(world.machines);
  const scopes = ['*', `point:${TAGGED}`, `point:${LEARNED}`, `node:${target.name}`, 'tier:device'];
  killScope(trouble, machine, dice.pick(scopes));
}

function killScope(trouble: Trouble, machine: Machine, scope: string): void {
  const { world } = trouble;
  const killed = machine.process!.node.kill({ scope, ...ASKED_BY });
  ask(world, machine, `kill ${scope}`, killed, ({ tag }) => {
    note(world, machine, () => `kill ${tag} is durable`);
    if (machine === rootOf(world)) afterRootKill(trouble);
  });
}

function afterRootKill(trouble: Trouble): void {
  const { world, dice, apps } = trouble;
  // Just past the bound is when a lease that is counted wrongly shows.
  for (const leaseMs of [LEASE_MS, ...OTHER_LEASES_MS])
    world.line.after(leaseMs * (1 + CLOCK_DRIFT) + 0.1, () => {
      for (const each of awake(world)) decideAt(apps, each);
    });
  // Whoever has just said that it has applied the kill may die of it.
  if (Number.isFinite(world.plan.every.crash) && dice.chance(0.3)) {
    const victim = dice.pick(children(world));
    world.line.after(dice.between(2, 100), () => {
      crash(world, victim);
      restartLater(trouble, victim);
    });
  }
}

export function revive(trouble: Trouble): void {
  const { world, dice } = trouble;
  const able = awake(world);
  if (able.length === 0) return;
  const machine = rootOrAny(trouble, able, 0.6);
  const { node } = machine.process!;
  const standing = [...node.state.controls.kills.values()];
  if (standing.length === 0) return;
  const { scope } = dice.pick(standing);
  ask(world, machine, `revive ${scope}`, node.revive({ scope, ...ASKED_BY }));
}

export function override({ world, dice }: Trouble): void {
  const able = awake(world);
  if (able.length === 0) return;
  const machine = dice.pick(able);
  const { node } = machine.process!;
  if (node.point(LEARNED) === undefined) return;
  const expiry = dice.chance(0.5) ? { forMs: dice.between(100, 1000) } : {};
  const pin = { point: LEARNED, arm: 'b', segment: { unit: 'u1' }, ...expiry };
  ask(world, machine, 'override', node.override({ ...pin, ...ASKED_BY }));
}

export function removeOverride({ world, dice }: Trouble): void {
  const able = awake(world).filter(({ process }) => process!.node.state.controls.overrides.size > 0);
  if (able.length === 0) return;
  const machine = dice.pick(able);
  const removed = machine.process!.node.removeOverride({ point: LEARNED, ...ASKED_BY });
  ask(world, machine, 'remove override', removed);
}

/** Declares the learned point anew: other arms, another policy, another lease. */
export function apply(trouble: Trouble): void {
  const { world, dice, learned } = trouble;
  const root = rootOf(world);
  if (root.process === undefined) return;
  learned.version++;
  if (dice.chance(0.7)) learned.arms = drawArms(trouble);
  const policy = dice.pick(['epsilon-greedy', 'thompson', 'linear-thompson', 'q-learning', 'split'] as const);
  const before = learned.leaseMs;
  learned.leaseMs = dice.pick([LEASE_MS, ...OTHER_LEASES_MS]);
  const { version, leaseMs, arms } = learned;
  const plan = dice.chance(0.4) ? { ...world.plan, policy } : world.plan;
  const spec = learnedSpec(plan, arms.includes('b') ? arms : ['a', 'b'], version, leaseMs);
  // Somebody does not hear of the shorter lease, and goes on by the longer one.
  const unheard = leaseMs < before && dice.chance(0.7);
  if (unheard) cutOff(trouble, dice.pick(world.machines));
  const what = `apply ${LEARNED} v${version} ${spec.policy.kind} ${arms}, lease ${leaseMs}`;
  ask(world, root, what, root.process.node.apply(spec, OPERATOR), () => {
    if (unheard && root.process !== undefined) killScope(trouble, root, `point:${LEARNED}`);
  });
}

/** Those of the beginning as often as all others together. */
function drawArms({ dice }: Trouble): readonly string[] {
  if (dice.chance(0.5)) return ['a', 'b', 'c'];
  return dice.pick([
    ['a', 'b'],
    ['a', 'b', 'c', 'd'],
    ['b', 'c'],
  ]);
}

export function reset({ world, dice }: Trouble): void {
  const root = rootOf(world);
  if (root.process === undefined) return;
  const { node } = root.process;
  const point = dice.chance(0.7) ? TAGGED : LEARNED;
  if (node.point(point) === undefined) return;
  ask(world, root, `reset ${point}`, node.reset({ point, ...ASKED_BY }));
}

/** Somebody says so at the root, and again until it is on its disk. */
export function quarantine(world: World, machine: Machine): void {
  const again = (): void => world.line.after(200, () => quarantine(world, machine));
  const root = rootOf(world);
  if (root.process === undefined || root.asleep) return again();
  const { node } = root.process;
  const { controls, durableControls } = node.state;
  const isIn = ({ quarantines }: typeof controls): boolean =>
    [...quarantines.values()].some((q) => q.node === machine.name);
  if (isIn(durableControls)) return;
  // A crash may still take what is not on disk.
  if (isIn(controls)) return again();
  ask(world, root, `quarantine ${machine.name}`, node.quarantine({ node: machine.name, ...ASKED_BY }));
  again();
}

/** Declares the points at the root, before anything else happens. */
export function declarePoints(world: World): Promise<unknown> {
  const { node } = rootOf(world).process!;
  const names = world.plan.nodes.map(({ name }) => name);
  return Promise.all([
    node.apply(taggedSpec(names, 1, world.plan.halfLife), OPERATOR),
    node.apply(learnedSpec(world.plan, ['a', 'b', 'c'], 1), OPERATOR),
    node.apply(openSpec(), OPERATOR),
    node.apply(askedSpec(world.plan.placement), OPERATOR),
  ]);
}
