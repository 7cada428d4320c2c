import type { Sample } from '../state/model.ts';
import type { ArmReport, PointReport } from '../wire.ts';
import { isAfterGap } from './pauses.ts';

/** Shares are of the decisions of this last stretch: long enough to be steady, short enough to see a kill at once. */
const WINDOW_MS = 5_000;
/** Of fewer decisions than this a share says little: a slow point is looked at over a longer stretch, up to the longest. */
const ENOUGH = 20;
const LONGEST_MS = 60_000;

/** What is drawn: what was served, or what the policy would give a treated unit. */
export type ShareKind = 'executed' | 'allocation';

/** Arm names in the spec's order. */
export function armNames(report: PointReport): readonly string[] {
  return report.arms.map((arm) => arm.arm);
}

/** Columns for a chart: seconds since the epoch, and one column of shares (0…1, or null) for each arm. */
export interface ShareColumns {
  readonly seconds: readonly number[];
  readonly shares: readonly (readonly (number | null)[])[];
  /** The sample each row was made of; −1 for a gap. */
  readonly rows: readonly number[];
}

/** The share of each arm over time. Gaps in what was heard stay gaps. */
export function shareColumns(
  samples: readonly Sample[],
  arms: readonly string[],
  kind: ShareKind,
): ShareColumns {
  const seconds: number[] = [];
  const rows: number[] = [];
  const shares: (number | null)[][] = arms.map(() => []);
  let from = 0;
  let first = 0;
  samples.forEach((sample, i) => {
    const before = samples[i - 1];
    if (before !== undefined && isAfterGap(samples, i)) {
      seconds.push((before.wallMs + 1) / 1000);
      rows.push(-1);
      for (const column of shares) column.push(null);
      from = i;
      first = i;
    }
    while (from < i - 1 && sample.wallMs - samples[from].wallMs > WINDOW_MS) from++;
    // A share needs two readings of the counters: the first after a gap has none.
    const values =
      kind === 'allocation'
        ? allocations(sample, arms)
        : between(samples[widened(samples, from, i, first)], sample, arms);
    seconds.push(sample.wallMs / 1000);
    rows.push(i);
    for (const [a, column] of shares.entries()) column.push(values?.[a] ?? null);
  });
  return { seconds, shares, rows };
}

/** From where on to count for sample `i`: from `from`, or as much earlier as it takes to have seen enough. */
function widened(samples: readonly Sample[], from: number, i: number, first: number): number {
  const to = samples[i];
  const total = (sample: Sample) => Object.values(sample.decisions).reduce((sum, n) => sum + n, 0);
  const all = total(to);
  let start = from;
  while (
    start > first &&
    all - total(samples[start]) < ENOUGH &&
    to.wallMs - samples[start - 1].wallMs <= LONGEST_MS
  )
    start--;
  return start;
}

function allocations(sample: Sample, arms: readonly string[]): readonly (number | null)[] {
  return arms.map((arm) => sample.allocation[arm] ?? null);
}

/** Shares of what was decided between two readings; null where nothing was, or a counter started anew. */
function between(a: Sample, b: Sample, arms: readonly string[]): readonly number[] | null {
  const counts = arms.map((arm) => (b.decisions[arm] ?? 0) - (a.decisions[arm] ?? 0));
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (total <= 0 || counts.some((n) => n < 0)) return null;
  return counts.map((n) => n / total);
}

/** The share of each arm right now; the report's own last minute where the page has not yet two readings. */
export function sharesNow(report: PointReport, samples: readonly Sample[]): readonly (number | null)[] {
  const arms = armNames(report);
  const last = samples.at(-1);
  if (last === undefined) return report.arms.map((arm) => arm.share);
  const near = samples.findLastIndex((one) => last.wallMs - one.wallMs >= WINDOW_MS);
  const at = widened(samples, Math.max(0, near), samples.length - 1, 0);
  const fresh = last.wallMs - samples[at].wallMs <= LONGEST_MS ? between(samples[at], last, arms) : null;
  return fresh ?? report.arms.map((arm) => arm.share);
}

/** Whether the policy has an allocation to speak of: contextual policies have none. */
export function hasAllocation(report: PointReport): boolean {
  return report.arms.some((arm) => arm.allocation !== null);
}

/** A common scale for the rewards of all arms, a little wider than their intervals. */
export function rewardScale(arms: readonly ArmReport[]): readonly [number, number] {
  const ends = arms
    .flatMap((arm) => [arm.reward.low, arm.reward.high, arm.reward.mean])
    .filter((end) => end !== null);
  if (ends.length === 0) return [0, 1];
  const low = Math.min(...ends);
  const high = Math.max(...ends);
  const margin = high > low ? (high - low) * 0.06 : Math.max(Math.abs(high) * 0.1, 0.05);
  return [low - margin, high + margin];
}

/** Spans of the history in which the point was not learning, seconds since the epoch. */
export function heldSpans(
  samples: readonly Sample[],
): readonly { from: number; to: number; mode: Sample['mode'] }[] {
  const spans: { from: number; to: number; mode: Sample['mode'] }[] = [];
  for (const [i, sample] of samples.entries()) {
    if (sample.mode === 'learning') continue;
    const at = sample.wallMs / 1000;
    const open = spans.at(-1);
    if (open !== undefined && open.mode === sample.mode && samples[i - 1]?.mode === sample.mode) open.to = at;
    else spans.push({ from: at, to: at, mode: sample.mode });
  }
  return spans;
}

/** Row numbers of a table of the columns: newest first, `step` seconds apart, at most `limit`; gaps left out. */
export function tableRows(columns: ShareColumns, step: number, limit: number): readonly number[] {
  const rows: number[] = [];
  let next = Number.POSITIVE_INFINITY;
  for (let i = columns.seconds.length - 1; i >= 0 && rows.length < limit; i--) {
    if (columns.rows[i] < 0 || columns.seconds[i] > next) continue;
    rows.push(i);
    next = columns.seconds[i] - step;
  }
  return rows;
}
