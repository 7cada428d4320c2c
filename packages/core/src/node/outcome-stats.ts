import type { DecisionRecord } from '../decision/decision-record.ts';
import { rewardOf } from '../decision/outcome.ts';
import type { PointState } from '../decision/point-state.ts';

/**
 * Sums by stratum and metric: treated units beside the holdout. Units are assigned to strata at random and for good, so
 * plain means compare fairly, whatever the policy does within the treated ones.
 */
export interface OutcomeStats {
  readonly treated: Map<string, MetricSums>;
  readonly holdout: Map<string, MetricSums>;
  /** Rewards by arm, over all strata: what is known of an arm whose policy does not say. */
  readonly arms: Map<string, { n: number; sum: number; squares: number }>;
  /** Latencies by arm, where arms are artifacts. */
  readonly latencies: Map<string, MetricSums>;
}

export interface MetricSums {
  n: number;
  sum: number;
  squares: number;
  least: number;
  most: number;
  /** Latencies by time: the last full minute and the one under way, as logarithmic buckets. */
  recent: Histogram | undefined;
}

/** Counts in buckets of 2 % width from 0.01 to ~10⁷; two halves so that quantiles are of the last one to two minutes. */
export interface Histogram {
  current: Uint32Array;
  previous: Uint32Array;
  /** When `current` began, monotonic ms. */
  sinceMs: number;
}

const BUCKETS = 1050;
const LOWEST = 0.01;
const LOG_WIDTH = 0.02;
const TURN_MS = 60_000;

export const outcomeStats = (): OutcomeStats => ({
  treated: new Map(),
  holdout: new Map(),
  arms: new Map(),
  latencies: new Map(),
});

/** Counts one settled decision. Decisions stopped by a control belong to neither side. */
export function countOutcome(
  stats: OutcomeStats,
  state: PointState,
  record: DecisionRecord,
  monoMs: number,
): void {
  if (record.metrics === undefined || record.arm === null) return;
  const reward = rewardOf(state, record.metrics);
  if (!Number.isNaN(reward) && record.trains) addArm(stats, record.source.armKeys[record.armIndex], reward);
  countLatency(stats, state, record, monoMs);
  const side =
    record.stratum === 'holdout'
      ? stats.holdout
      : record.stratum === '' && isTreated(record)
        ? stats.treated
        : undefined;
  if (side === undefined) return;
  if (!Number.isNaN(reward)) add(side, 'reward', reward, monoMs);
  for (const metric in record.metrics)
    if (metric !== 'reward') add(side, metric, record.metrics[metric], monoMs);
}

/** By the declaration that decided: what it measured is the version's, whoever serves now. */
function countLatency(
  stats: OutcomeStats,
  { compiled }: PointState,
  record: DecisionRecord,
  monoMs: number,
): void {
  const artifact = compiled.artifacts?.[record.armIndex];
  const value = artifact === undefined ? undefined : record.metrics?.[artifact.latency ?? 'latencyMs'];
  if (value === undefined) return;
  const key = record.source.armKeys[record.armIndex];
  add(stats.latencies, key, value, monoMs, LATENCIES_MAX, true);
}

/** 8 kB each; those of retired versions go with the process. */
const LATENCIES_MAX = 256;

const isTreated = (record: DecisionRecord): boolean =>
  record.reason === 'policy' || record.reason === 'escalated' || record.reason === 'sticky';

const ARMS_MAX = 4096;

function addArm(stats: OutcomeStats, key: string, reward: number): void {
  let sums = stats.arms.get(key);
  if (sums === undefined) {
    if (stats.arms.size >= ARMS_MAX) return;
    sums = { n: 0, sum: 0, squares: 0 };
    stats.arms.set(key, sums);
  }
  sums.n++;
  sums.sum += reward;
  sums.squares += reward * reward;
}

const METRICS_MAX = 64;

function add(
  side: Map<string, MetricSums>,
  metric: string,
  value: number,
  monoMs: number,
  atMost = METRICS_MAX,
  timed = metric.endsWith('Ms'),
): void {
  let sums = side.get(metric);
  if (sums === undefined) {
    if (side.size >= atMost) return;
    sums = {
      n: 0,
      sum: 0,
      squares: 0,
      least: value,
      most: value,
      recent: timed
        ? { current: new Uint32Array(BUCKETS), previous: new Uint32Array(BUCKETS), sinceMs: monoMs }
        : undefined,
    };
    side.set(metric, sums);
  }
  sums.n++;
  sums.sum += value;
  sums.squares += value * value;
  if (value < sums.least) sums.least = value;
  if (value > sums.most) sums.most = value;
  const { recent } = sums;
  if (recent === undefined) return;
  turn(recent, monoMs);
  recent.current[bucketOf(value)]++;
}

function turn(histogram: Histogram, monoMs: number): void {
  const late = monoMs - histogram.sinceMs;
  if (late < TURN_MS) return;
  const { previous } = histogram;
  histogram.previous = late < 2 * TURN_MS ? histogram.current : previous.fill(0);
  histogram.current = late < 2 * TURN_MS ? previous.fill(0) : histogram.current.fill(0);
  histogram.sinceMs = monoMs;
}

function bucketOf(value: number): number {
  if (!(value > LOWEST)) return 0;
  return Math.min(BUCKETS - 1, Math.floor(Math.log(value / LOWEST) / LOG_WIDTH));
}

/** The last one to two minutes as pairs of bucket and count. */
export function recentBuckets(histogram: Histogram, monoMs: number): number[] {
  turn(histogram, monoMs);
  const pairs: number[] = [];
  for (let i = 0; i < BUCKETS; i++) {
    const count = histogram.current[i] + histogram.previous[i];
    if (count > 0) pairs.push(i, count);
  }
  return pairs;
}

/** Quantiles to 1 % from such pairs, in order of bucket; null where there is nothing. */
export function bucketQuantiles(pairs: readonly number[], shares: readonly number[]): (number | null)[] {
  let total = 0;
  for (let i = 1; i < pairs.length; i += 2) total += pairs[i];
  return shares.map((share) => {
    let left = share * total;
    for (let i = 0; i < pairs.length; i += 2) {
      left -= pairs[i + 1];
      if (left <= 0) return LOWEST * Math.exp((pairs[i] + 0.5) * LOG_WIDTH);
    }
    return null;
  });
}

/** Both, bucket by bucket. */
export function addBuckets(a: readonly number[], b: readonly number[]): number[] {
  const counts = new Map<number, number>();
  for (const pairs of [a, b])
    for (let i = 0; i < pairs.length; i += 2)
      counts.set(pairs[i], (counts.get(pairs[i]) ?? 0) + pairs[i + 1]);
  return [...counts].sort((x, y) => x[0] - y[0]).flat();
}
