import { GanglionError } from '../../errors.ts';
import { guards } from '../../guards/index.ts';
import { moments } from '../../learners/moments.ts';
import { createNode, type HostedNode } from '../../node.ts';
import { policies } from '../../policies/index.ts';
import { halfLife } from '../../policies/thompson.ts';
import { recordReward } from '../../policies/unlearned.ts';
import type { Policy } from '../../policy.ts';
import type { Factory, Registry } from '../../registry.ts';
import { hash32 } from '../../stats/hash.ts';
import type { DownMessage, UpMessage } from '../../sync/messages.ts';
import { nodeOf } from '../../sync/slots.ts';
import { fakeSeals } from '../fake-seals.ts';
import { type MemoryDisk, memoryDisk } from '../memory-storage.ts';
import type { Dice } from './dice.ts';
import { network, type SimNetwork } from './network.ts';
import { type Plan, type PlannedNode, SIM_TUNING, TICK_MS } from './plan.ts';
import { type SimClock, simClock } from './sim-clock.ts';
import { type Timeline, timeline } from './timeline.ts';
import { type Trace, trace } from './trace.ts';

/** A machine of the tree: its disk and clocks outlive the processes that run on it. */
export interface Machine {
  readonly index: number;
  readonly name: string;
  readonly tier: PlannedNode['tier'];
  parent: string;
  disk: MemoryDisk;
  readonly clock: SimClock;
  readonly dice: Dice;
  process: SimProcess | undefined;
  starting: boolean;
  asleep: boolean;
  /** How often it has fallen asleep. */
  naps: number;
  /** Number of the processes started so far. */
  processes: number;
  /** Something happened to its disk that loses what was acknowledged: exactness is not claimed of it. */
  named: boolean;
  /** It said of something that it was on disk, and lost it: what was acknowledged may come again, and be taken for new. */
  lied: boolean;
  /** Its disk was copied: two processes hold one history, until each has heard from its parent which part is its own. */
  cloned: boolean;
  /** Its uploads claim outcomes that never happened. */
  poisoned: boolean;
}

export interface SimProcess {
  readonly number: number;
  readonly node: HostedNode;
  /** Where messages from the parent go; undefined at the root. */
  receive: ((message: DownMessage) => void) | undefined;
}

export interface World {
  readonly seed: number;
  readonly plan: Plan;
  readonly dice: Dice;
  readonly line: Timeline;
  readonly network: SimNetwork;
  readonly machines: Machine[];
  readonly registry: Registry;
  readonly trace: Trace;
  /** Called after everything that may have changed a node. */
  onTouch: (machine: Machine) => void;
  onStart: (machine: Machine) => void;
  onStop: (machine: Machine) => void;
  /** Learner and node of evidence that the root has refused, for its origin was folded: `learner\nnode`. */
  readonly refused: Set<string>;
  /** Nodes that have refused a correction, for what it corrects was folded or lives on elsewhere. */
  readonly uncorrected: Set<string>;
  /** Work done by promises since the last drain. */
  pendingPromises: boolean;
  failure: unknown;
}

export function createWorld(seed: number, plan: Plan, dice: Dice, log: Trace = trace(undefined)): World {
  const line = timeline();
  const world: World = {
    seed,
    plan,
    dice,
    line,
    network: network(line, dice.fork(1), plan.network),
    machines: [],
    registry: { policies: { ...policies, 'by-unit': byUnit, wavering }, guards },
    trace: log,
    onTouch: () => {},
    onStart: () => {},
    onStop: () => {},
    refused: new Set(),
    uncorrected: new Set(),
    pendingPromises: false,
    failure: undefined,
  };
  for (const planned of plan.nodes) addMachine(world, planned, undefined);
  return world;
}

export function addMachine(world: World, planned: PlannedNode, disk: MemoryDisk | undefined): Machine {
  const index = world.machines.length;
  const own = world.dice.fork(100 + index);
  const kind = own.pick(['steady', 'wall-steps', 'sleepless'] as const);
  const machine: Machine = {
    index,
    name: planned.name,
    tier: planned.tier,
    parent: planned.parent,
    disk: disk ?? memoryDisk(diskOptions(world, own)),
    clock: simClock(() => world.line.nowMs, own.fork(1), kind),
    dice: own,
    process: undefined,
    starting: false,
    asleep: false,
    naps: 0,
    processes: 0,
    named: false,
    lied: false,
    cloned: false,
    poisoned: false,
  };
  world.machines.push(machine);
  const tick = (): void => {
    world.line.after(TICK_MS, tick);
    if (machine.process === undefined || machine.asleep) return;
    machine.process.node.tick();
    world.onTouch(machine);
  };
  world.line.after(own.between(0, TICK_MS), tick);
  return machine;
}

/** Machines whose processes run, and are not asleep. */
export const awake = (world: World): Machine[] =>
  world.machines.filter((machine) => machine.process !== undefined && !machine.asleep);

/** Tells the trace of something that happens on a machine, now. */
export const note = (world: World, machine: Machine, what: () => string): void =>
  world.trace.note(world.line.nowMs, machine.name, what);

/** A disk whose operations take time, and whose answers wake the promises that wait for them. */
export function diskOptions(world: World, own: Dice) {
  const { latencyMs, fails, lies } = world.plan.disk;
  const chance = own.fork(2);
  return {
    schedule: (run: () => void): void =>
      world.line.after(chance.wait(latencyMs / 2), () => {
        run();
        world.pendingPromises = true;
      }),
    chance,
    faults: { commitFails: fails, lies },
  };
}

/** Starts a process on a machine's disk. It is up once it has read it. */
export function start(world: World, machine: Machine): void {
  if (machine.process !== undefined || machine.starting) return;
  machine.starting = true;
  machine.clock.reboot();
  const number = ++machine.processes;
  const storage = machine.disk.open();
  const { line } = world;
  createNode({
    name: machine.name,
    tier: machine.tier,
    root: machine.parent === '',
    registry: world.registry,
    ports: { clock: machine.clock, chance: machine.dice.fork(1000 + number), seals: fakeSeals, storage },
    tuning: { ...SIM_TUNING, ...world.plan.fold, ...world.plan.relay },
    timeout: (ms) =>
      new Promise((resolve) =>
        line.after(ms, () => {
          resolve();
          world.pendingPromises = true;
        }),
      ),
  })
    .then(
      (node) => {
        if (machine.processes !== number || !machine.starting) return;
        machine.starting = false;
        machine.process = { number, node, receive: undefined };
        note(world, machine, () => `up as ${node.incarnation}`);
        if (machine.parent !== '') connect(world, machine);
        world.onStart(machine);
        world.onTouch(machine);
      },
      (error: unknown) => {
        if (machine.processes !== number) return;
        machine.starting = false;
        machine.disk.crash();
        note(world, machine, () => `did not start: ${String(error)}`);
        if (!(error instanceof GanglionError) || error.code === 'storage_corrupt') world.failure ??= error;
        line.after(100, () => start(world, machine));
      },
    )
    .catch((error: unknown) => {
      world.failure ??= error;
    });
}

/** The process dies at this instant; what was not durable is gone. */
export function crash(world: World, machine: Machine): void {
  if (machine.process === undefined && !machine.starting) return;
  world.onStop(machine);
  machine.processes++;
  machine.process = undefined;
  machine.starting = false;
  machine.asleep = false;
  const report = machine.disk.crash();
  if (report.lied > 0) machine.named = machine.lied = true;
  note(world, machine, () => `crashed (${JSON.stringify(report)})`);
}

/** Connects a process upward; both ways go through the network, and end with the process or when it moves. */
export function connect(world: World, machine: Machine): void {
  const process = machine.process as SimProcess;
  const { name, parent } = machine;
  const alive = (): boolean => machine.process === process && !machine.asleep;
  const send = (message: UpMessage): void => {
    const sent = machine.poisoned ? poison(message, machine) : message;
    world.network.send(machine.index, parent, sent, (arrived) => {
      const target = world.machines.find((m) => m.name === parent && m.process !== undefined);
      if (target?.process === undefined || target.asleep) return;
      const answering = target.process;
      note(world, target, () => tellUp(arrived as UpMessage));
      const refusedBefore = refusals(answering.node);
      answering.node.receiveUp(arrived as UpMessage, (down) => {
        if (target.process !== answering) return;
        world.network.send(target.index, name, down, (back) => {
          if (!alive()) return;
          note(world, machine, () => tellDown(back as DownMessage));
          // An answer from above settles what waits for it.
          if ((process.node.state.parent?.asks.size ?? 0) > 0) world.pendingPromises = true;
          receive(back as DownMessage);
          world.onTouch(machine);
        });
      });
      if (refusals(answering.node) > refusedBefore) noteRefused(world, answering.node, arrived as UpMessage);
      world.onTouch(target);
    });
  };
  const { receive } = process.node.connectParent(send);
  process.receive = receive;
}

const refusals = (node: HostedNode): number => node.state.refused.evidence_of_retired_origin ?? 0;

function noteRefused(world: World, { state }: HostedNode, up: UpMessage): void {
  for (const { key, origin } of up.slots)
    if (state.learners.get(key)?.slots.slots.has(origin) !== true)
      world.refused.add(`${key}\n${nodeOf(origin)}`);
}

/** A message as the trace shows it: what it carries of evidence and controls. */
function tellUp(up: UpMessage): string {
  const slots = up.slots.map(
    (slot) => `${short(slot.key)}:${slot.origin} v${slot.version}${slot.onlyVia === '' ? '' : ' only'}`,
  );
  return `<- ${up.node} #${up.seq}${up.content ? ' content' : ''}${up.complete ? ' complete' : ''} heard ${up.heardDown}${up.controls === null ? '' : ' controls'} [${slots.join(', ')}]${up.feedback.length > 0 ? ` ${up.feedback.length} feedback` : ''}`;
}

function tellDown(down: DownMessage): string {
  const bases = down.bases.map(
    (base) =>
      `${short(base.key)} r${base.revision} as of ${base.asOf}${base.foreign.length > 0 ? ` without ${base.foreign}` : ''}`,
  );
  return `=> from ${down.node} #${down.seq} ack ${down.ack} heard ${down.heard} lease ${down.leaseAgeMs?.toFixed(0)}${down.controls === null ? '' : ' controls'} [${bases.join(', ')}]${down.feedback.length > 0 ? ` ${down.feedback.length} feedback` : ''}`;
}

const short = (key: string): string =>
  `${key.slice(0, key.indexOf('|'))}${key.slice(key.lastIndexOf('|') + 1)}`;

const evidence = moments({ range: [0, 1] });

/** Outcomes that never happened, in every slot of its own. */
function poison(message: UpMessage, machine: Machine): UpMessage {
  const slots = message.slots.map((slot) => {
    if (!slot.origin.startsWith(`${machine.name}~`) || !slot.key.startsWith('tagged|')) return slot;
    try {
      const value = evidence.decode(slot.bytes, LIMITS);
      for (const row of value.arms.values()) for (let i = 0; i < row.length; i++) row[i] *= i === 2 ? 9 : 3;
      return { ...slot, bytes: evidence.encode(value) };
    } catch {
      return slot;
    }
  });
  return { ...message, slots };
}

const LIMITS = {
  evidenceBytes: 1 << 20,
  arms: 1024,
  nameLength: 128,
  messageBytes: 16 << 20,
  points: 1000,
  origins: 1000,
};

/** Wants an arm by the unit, and is sure of it in half of the cases: every other time it would rather ask. */
const wavering: Factory<Policy> = (options, input) => {
  const kept = moments({ range: input.range, halfLifeMs: halfLife(options, input.path) });
  const policy: Policy<ReturnType<typeof kept.zero>, null> = {
    name: 'wavering/1',
    evidence: kept,
    additive: true,
    view: () => null,
    propose: (_view, at, out) => {
      let mass = 0;
      for (let a = 0; a < at.arms; a++)
        mass += out.p[a] = at.allowed[a] === 1 ? 1 + ((at.unitHash >>> a) & 3) : 0;
      for (let a = 0; a < at.arms; a++) out.p[a] /= mass;
      out.confidence = (((at.unitHash >>> 5) + at.turn * 3) % 8) / 8;
    },
    learn: recordReward(kept),
  };
  return policy as Policy;
};

/** The arm whose name is the unit, with certainty: so a total tells who has learned what. */
export const byUnit: Factory<Policy> = (options, input) => {
  const kept = moments({ range: input.range, halfLifeMs: halfLife(options, input.path) });
  const hashes = input.arms.map((arm) => hash32(arm.id));
  const policy: Policy<ReturnType<typeof kept.zero>, null> = {
    name: 'by-unit/1',
    evidence: kept,
    additive: true,
    view: () => null,
    propose: (_view, at, out) => {
      let mass = 0;
      for (let a = 0; a < at.arms; a++) {
        out.p[a] = at.allowed[a] === 1 && hashes[a] === at.unitHash ? 1 : 0;
        mass += out.p[a];
      }
      if (mass === 0) for (let a = 0; a < at.arms; a++) out.p[a] = at.allowed[a] / at.allowedCount;
      out.confidence = Number.NaN;
    },
    learn: recordReward(kept),
  };
  return policy as Policy;
};
