import type { PointSpec, Tier } from '../../decision/spec.ts';
import type { NodeTuning } from '../../node.ts';
import type { Dice } from './dice.ts';

/** What a seed is about: the tree, and how hard its world is. */
export interface Plan {
  readonly nodes: readonly PlannedNode[];
  readonly activeMs: number;
  readonly network: {
    readonly loss: number;
    readonly duplicates: number;
    readonly minDelayMs: number;
    readonly jitterMs: number;
    /** Share of messages that take a hundred times as long. */
    readonly stragglers: number;
  };
  readonly disk: {
    readonly latencyMs: number;
    readonly fails: number;
    readonly lies: number;
  };
  readonly codec: boolean;
  readonly halfLife: boolean;
  readonly policy: 'epsilon-greedy' | 'thompson' | 'linear-thompson' | 'q-learning' | 'split' | 'ensemble';
  /** When the root folds; empty: not within a run. */
  readonly fold: Partial<NodeTuning>;
  /** How much feedback a node relays at a time. */
  readonly relay: Partial<NodeTuning>;
  /** The lowest tier that may decide the point that is asked about. */
  readonly placement: Tier;
  /** Mean time between events of each kind, ms; Infinity: never. */
  readonly every: Readonly<Record<Fault, number>>;
}

/** What can be done to the tree. Each is named in the trace. */
export type Fault =
  | 'decide'
  | 'crash'
  | 'partition'
  | 'sleep'
  | 'wallStep'
  | 'kill'
  | 'revive'
  | 'override'
  | 'removeOverride'
  | 'apply'
  | 'reset'
  | 'move'
  | 'loseDisk'
  | 'restore'
  | 'clone'
  | 'poison'
  | 'garbage'
  | 'impostor';

export interface PlannedNode {
  readonly name: string;
  readonly tier: Tier;
  readonly parent: string;
}

/** Times of the nodes under test: as in production, but faster, so that a short run sees many rounds. */
export const SIM_TUNING: Partial<NodeTuning> = {
  heartbeatMs: 60,
  resendMs: 200,
  totalEveryMs: 60,
  telemetryEveryMs: 1500,
  refreshOutcomes: 8,
  refreshMs: 200,
  plausibleOutcomesPerSecond: 10_000,
  restartGraceMs: 1000,
  forgetNodeMs: 2500,
};

/** Lease of the overseen points, ms of the node's own clocks. */
export const LEASE_MS = 400;
/** Other leases that the learned point is declared with while it runs: a node that is cut off obeys the one it has. */
export const OTHER_LEASES_MS = [150, 1000];
export const TICK_MS = 25;

export function drawPlan(dice: Dice, size: number | undefined): Plan {
  const often = (probability: number, low: number, high: number): number =>
    dice.chance(probability) ? dice.between(low, high) : Number.POSITIVE_INFINITY;
  const hostile = dice.chance(0.75);
  return {
    nodes: drawTree(dice, size),
    activeMs: dice.between(1200, 3000),
    network: {
      loss: dice.pick([0, 0.02, 0.1, 0.3]),
      duplicates: dice.pick([0, 0, 0.1]),
      minDelayMs: dice.between(0.5, 8),
      jitterMs: dice.pick([1, 20, 120]),
      stragglers: dice.pick([0, 0, 0.02]),
    },
    disk: {
      latencyMs: dice.chance(0.2) ? dice.between(40, 160) : dice.between(0.5, 20),
      fails: hostile ? dice.pick([0, 0, 0.05, 0.3]) : 0,
      lies: hostile && dice.chance(0.1) ? 0.5 : 0,
    },
    codec: dice.chance(0.15),
    halfLife: dice.chance(0.2),
    policy: dice.pick([
      'epsilon-greedy',
      'thompson',
      'linear-thompson',
      'q-learning',
      'split',
      'ensemble',
    ] as const),
    every: {
      decide: dice.between(15, 60),
      crash: hostile ? often(0.6, 300, 2000) : Number.POSITIVE_INFINITY,
      partition: often(0.5, 300, 2000),
      sleep: often(0.3, 500, 3000),
      wallStep: often(0.3, 300, 2000),
      kill: often(0.5, 300, 2000),
      revive: often(0.7, 300, 1500),
      override: often(0.2, 500, 2000),
      removeOverride: often(0.5, 500, 2000),
      apply: often(0.3, 500, 2500),
      reset: often(0.25, 500, 3000),
      move: often(0.3, 400, 2500),
      loseDisk: hostile ? often(0.15, 800, 4000) : Number.POSITIVE_INFINITY,
      restore: hostile ? often(0.2, 800, 4000) : Number.POSITIVE_INFINITY,
      clone: hostile ? often(0.1, 800, 4000) : Number.POSITIVE_INFINITY,
      poison: often(0.1, 500, 2000),
      garbage: often(0.15, 100, 600),
      impostor: often(0.2, 100, 600),
    },
    fold: dice.chance(0.5)
      ? {
          foldAfterMs: dice.between(120, 900),
          foldAbsentAfterMs: dice.chance(0.4) ? dice.between(300, 2000) : Number.POSITIVE_INFINITY,
        }
      : {},
    relay: dice.chance(0.2) ? { relayMax: 10 + dice.below(40) } : {},
    placement: dice.pick(['device', 'device', 'region', 'cloud'] as const),
  };
}

function drawTree(dice: Dice, size: number | undefined): PlannedNode[] {
  const total = size ?? dice.pick([2, 3, 3, 4, 4, 5, 6, 9]);
  const nodes: PlannedNode[] = [{ name: 'cloud', tier: 'cloud', parent: '' }];
  const regions =
    total <= 2 ? total - 1 : total <= 4 ? dice.pick([1, 1, 2]) : Math.max(2, Math.floor(total / 20));
  for (let i = 1; i <= regions; i++) nodes.push({ name: `r${i}`, tier: 'region', parent: 'cloud' });
  for (let i = 1; nodes.length < total; i++)
    nodes.push({ name: `d${i}`, tier: 'device', parent: `r${1 + dice.below(regions)}` });
  return nodes;
}

/** Point names: one whose arms tell who learned, one that learns, one that goes on without a lease. */
export const TAGGED = 'tagged';
export const LEARNED = 'learned';
export const OPEN = 'open';
/** One whose policy is often unsure, so that it is asked about from tier to tier; its units keep their arms. */
export const ASKED = 'asked';

/** How long a unit of it keeps its arm, ms. */
export const STICKY_MS = 500;

/** Shares of the learned point, which its invariants recompute. */
export const HOLDOUT = 0.2;
export const FLOOR = 0.2;

/** Each node's outcomes go to the arm of its own name: whose evidence it is can be read anywhere. */
export const taggedSpec = (names: readonly string[], version: number, halfLife: boolean): PointSpec => ({
  point: TAGGED,
  description: `v${version}`,
  arms: [...names],
  fallback: names[0],
  policy: { kind: 'by-unit', ...(halfLife ? { halfLife: 5000 } : {}) },
  oversight: { lease: LEASE_MS },
  attribution: { window: '1h' },
  pooling: { steps: 2, every: 50 },
});

export const learnedSpec = (
  plan: Plan,
  arms: readonly string[],
  version: number,
  leaseMs = LEASE_MS,
): PointSpec => ({
  point: LEARNED,
  description: `v${version}`,
  arms: [...arms],
  fallback: arms[0],
  baseline: { kind: 'fixed', arm: arms[0] },
  policy: policyOf(plan, arms),
  // Watched, and never frozen: all that is accepted must be learned.
  ...(plan.policy === 'split' || plan.policy === 'q-learning' ? {} : { validation: { onDecay: 'report' } }),
  guards: [
    { kind: 'holdout', share: HOLDOUT },
    { kind: 'exploration', floor: FLOOR },
  ],
  oversight: { lease: leaseMs },
  attribution: { window: '1h' },
  pooling: { steps: 1, every: 50 },
});

function policyOf({ policy }: Plan, arms: readonly string[]): PointSpec['policy'] {
  if (policy === 'split')
    return { kind: 'split', weights: Object.fromEntries(arms.map((arm, i) => [arm, i + 1])) };
  if (policy === 'ensemble')
    return {
      kind: 'ensemble',
      members: [{ kind: 'epsilon-greedy' }, { kind: 'thompson' }, { kind: 'softmax' }],
    };
  return { kind: policy, ...(policy === 'q-learning' ? { state: [] } : {}) };
}

export const openSpec = (): PointSpec => ({
  point: OPEN,
  arms: ['on', 'off'],
  fallback: 'off',
  policy: { kind: 'fixed', arm: 'on' },
  oversight: { lease: LEASE_MS, onExpiry: 'continue' },
  attribution: { window: '1h' },
});

export const askedSpec = (placement: Tier): PointSpec => ({
  point: ASKED,
  arms: ['x', 'y', 'z'],
  fallback: 'x',
  baseline: { kind: 'fixed', arm: 'x' },
  policy: { kind: 'wavering' },
  guards: [
    { kind: 'holdout', share: HOLDOUT },
    { kind: 'bulkhead', total: 4, queue: 2 },
    { kind: 'confidence', min: 0.5, otherwise: ['escalate', 'soften'] },
  ],
  sticky: { for: STICKY_MS },
  oversight: { lease: LEASE_MS },
  attribution: { window: '1h' },
  pooling: { steps: 1, every: 50 },
  placement,
});
