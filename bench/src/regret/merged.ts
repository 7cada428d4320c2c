import { createNode, type HostedNode, type PointSpec, type Tier } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { stream } from '@ganglion/core/testing';
import type { Problem } from './drive.ts';

/** How a tree learns: real nodes on a clock of our own, messages that take their time. */
export interface Merging {
  readonly devices: number;
  readonly regions: number;
  /** From an outcome on one device to every other, at worst. 0: all decide at one node; Infinity: nobody hears of others. */
  readonly lagMs: number;
  /** Decisions of each device in an hour. */
  readonly perHour: number;
  /** Feedback comes so long after its decision, wherever that was made; default: at once. */
  readonly feedbackAfterMs?: number;
}

const MINUTE = 60_000;
/** Nodes look for what is due, and decide, this often. */
const STEP_MS = 5 * MINUTE;
// Four hops there and back, and before each a wait of up to one round trip, for one message is under way at a time.
const HOPS = 12;
const ACTOR = { name: 'bench', authority: '*' };

/**
 * Expected regret of a stream of decisions dealt out evenly over the devices of a tree of three tiers, or all made at one
 * node where there are no devices. Every decision goes through the whole pipeline of a node and its outcome by its id.
 */
export async function mergedRegret(
  problem: Problem,
  policy: PointSpec['policy'],
  seed: number,
  merging: Merging,
): Promise<number> {
  const world = await grow(problem, policy, seed, merging);
  const draws = stream(seed, 9);
  const names = Object.keys(problem.context);
  const x = new Float64Array(names.length);
  const mean = new Float64Array(problem.arms);
  let regret = 0;
  const waiting: Map<HostedNode, { id: string; reward: number }[]>[] = [];
  const late = Math.round((merging.feedbackAfterMs ?? 0) / STEP_MS);
  const perStep = Math.max(1, Math.round((merging.devices * merging.perHour * STEP_MS) / 3_600_000));
  for (let step = 0; step < problem.steps; ) {
    const told = new Map<HostedNode, { id: string; reward: number }[]>();
    for (let k = 0; k < perStep && step < problem.steps; k++, step++) {
      problem.at(step, x, mean);
      const node = world.deciders[step % world.deciders.length];
      const context = Object.fromEntries(names.map((name, i) => [name, x[i]]));
      const { id, arm, reason } = node.decide('regret', { context });
      if (reason !== 'policy' || arm === null) throw new Error(`a decision by ${reason}`);
      const chosen = Number(arm.slice(4));
      regret += Math.max(...mean) - mean[chosen];
      const items = told.get(node) ?? [];
      items.push({ id, reward: draws.next() < mean[chosen] ? 1 : 0 });
      told.set(node, items);
    }
    waiting.push(told);
    if (waiting.length > late) for (const [node, items] of waiting.shift()!) await node.feedback(items);
    await world.pass(STEP_MS);
  }
  for (const node of [...world.all].reverse()) await node.close();
  return regret;
}

interface World {
  readonly all: readonly HostedNode[];
  readonly deciders: readonly HostedNode[];
  pass(ms: number): Promise<void>;
}

async function grow(
  problem: Problem,
  policy: PointSpec['policy'],
  seed: number,
  { devices, regions, lagMs }: Merging,
): Promise<World> {
  let nowMs = 0;
  let word = seed * 1000;
  // Under way: in the order in which they arrive, for every hop takes equally long.
  const mail: { atMs: number; hand(): void }[] = [];
  let hopMs = 0;
  const start = (name: string, tier: Tier): Promise<HostedNode> =>
    createNode({
      name,
      tier,
      root: tier === 'cloud',
      registry: standard,
      ports: {
        clock: { monotonicMs: () => nowMs, wallMs: () => 1.7e12 + nowMs },
        chance: { uint32: () => word++ },
      },
      tuning: {
        heartbeatMs: MINUTE,
        resendMs: lagMs < Infinity ? lagMs + STEP_MS : 60 * MINUTE,
        totalEveryMs: MINUTE,
        telemetryEveryMs: 60 * MINUTE,
        refreshMs: MINUTE,
      },
    });
  const link = (child: HostedNode, parent: HostedNode): void => {
    const { receive } = child.connectParent((up) =>
      mail.push({
        atMs: nowMs + hopMs,
        hand: () =>
          parent.receiveUp(up, (down) => mail.push({ atMs: nowMs + hopMs, hand: () => receive(down) })),
      }),
    );
  };
  const root = await start('cloud', 'cloud');
  await root.apply(pointOf(problem, policy), ACTOR);
  const all = [root];
  const deciders: HostedNode[] = [];
  if (lagMs === 0) deciders.push(root);
  else {
    for (let r = 0; r < regions; r++) {
      const region = await start(`region-${r}`, 'region');
      link(region, root);
      all.push(region);
    }
    for (let d = 0; d < devices; d++) {
      const device = await start(`device-${d}`, 'device');
      link(device, all[1 + (d % regions)]);
      all.push(device);
      deciders.push(device);
    }
  }
  const pass = async (ms: number): Promise<void> => {
    nowMs += ms;
    while (mail.length > 0 && mail[0].atMs <= nowMs) mail.shift()!.hand();
    for (const node of all) node.tick();
    await new Promise((resolve) => setImmediate(resolve));
  };
  // The declaration comes down at once; only what is learned takes its time.
  for (let i = 0; i < 20; i++) await pass(MINUTE);
  hopMs = lagMs / HOPS;
  return { all, deciders, pass };
}

function pointOf(problem: Problem, policy: PointSpec['policy']): PointSpec {
  const arms = Array.from({ length: problem.arms }, (_, a) => `arm-${a}`);
  return {
    point: 'regret',
    arms,
    fallback: arms[0],
    context: problem.context as PointSpec['context'] & object,
    policy,
    // Silence of an hour is the point here: nobody oversees this one.
    oversight: { lease: 'none' },
    attribution: { window: '2h' },
    // By default in four steps of a quarter of a second, which is as good as at once beside an hour.
    pooling: { steps: 1 },
  };
}
