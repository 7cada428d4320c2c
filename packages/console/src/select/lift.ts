import type { LiftReport, PointReport } from '../wire.ts';
import { duration } from './format.ts';
import type { MergedReport } from './merge.ts';
import { type Direction, directionOf, formatDifference, formatInterval, metricTitle } from './metric.ts';

/** What may be said of treated − holdout. Nothing is claimed while the interval includes 0. */
export type Verdict = 'unknown' | 'undistinguishable' | 'better' | 'worse' | 'higher' | 'lower';

/** One metric's comparison, ready to be shown. */
export interface LiftRow {
  readonly lift: LiftReport;
  readonly title: string;
  readonly direction: Direction;
  readonly verdict: Verdict;
  /** The verdict in words. */
  readonly words: string;
}

/** @param direction - which way is better; null makes the verdict a plain higher or lower. */
export function verdictOf(lift: LiftReport, direction: Direction): Verdict {
  const { low, high } = lift.difference;
  if (low === null || high === null) return 'unknown';
  if (low <= 0 && high >= 0) return 'undistinguishable';
  const up = low > 0;
  if (direction === null) return up ? 'higher' : 'lower';
  return up === (direction === 'up') ? 'better' : 'worse';
}

const WORDS: Readonly<Record<Verdict, string>> = {
  unknown: 'not enough outcomes yet',
  undistinguishable: 'not yet distinguishable',
  better: 'better',
  worse: 'worse',
  higher: 'higher',
  lower: 'lower',
};

/** All metrics of a report, the reward first, then in the report's order. */
export function liftRows(report: PointReport): readonly LiftRow[] {
  const rows = report.lift.map((lift): LiftRow => {
    const direction = directionOf(report.spec, lift.metric);
    const verdict = verdictOf(lift, direction);
    return { lift, title: metricTitle(lift.metric), direction, verdict, words: WORDS[verdict] };
  });
  return rows.toSorted((a, b) => Number(b.lift.metric === 'reward') - Number(a.lift.metric === 'reward'));
}

/** Whether this point holds anybody out; without a holdout there is no lift to know. */
export function hasHoldout(report: PointReport): boolean {
  return (report.spec.guards ?? []).some((guard) => guard.kind === 'holdout');
}

/** The tail of the latency, treated beside holdout, and what may be claimed of it. */
export interface Tail {
  readonly metric: string;
  /** `mixed`: mean and tail move apart. `level`: the mean moves, and no quantile of the tail tells the sides apart. */
  readonly claim: 'waiting' | 'undistinguishable' | 'better' | 'worse' | 'mixed' | 'level';
  /** The quantile that the claim speaks of. */
  readonly shown: QuantileRow;
  /** What the mean says, beside a claim of `level`. */
  readonly mean: Verdict;
  /** Whether the figures are bounds over several nodes: at most for the treated, at least for the holdout. */
  readonly bounds: boolean;
  /** What the claim rests on, in one sentence. */
  readonly basis: string;
  /** The quantiles as rows, for bars. */
  readonly rows: readonly QuantileRow[];
}

interface QuantileRow {
  readonly name: 'p50' | 'p95' | 'p99';
  readonly treated: number | null;
  readonly holdout: number | null;
}

/**
 * The latency headline. Quantiles come without an interval, so the claim rests on the mean: "instead of" is said
 * only where the mean's interval excludes 0 and the tail moves the same way. The tail is the p99; where that is the same
 * on both sides (at a deadline that failures are charged, say) the p95.
 *
 * @returns null where the point records no latency distribution.
 */
export function tailOf(report: PointReport | MergedReport): Tail | null {
  const lift = report.lift.find((one) => one.metric.endsWith('Ms') && one.quantiles !== undefined);
  const quantiles = lift?.quantiles;
  if (lift === undefined || quantiles === undefined) return null;
  const { treated, holdout } = quantiles;
  const row = (name: QuantileRow['name']) => ({ name, treated: treated[name], holdout: holdout[name] });
  const rows = [row('p50'), row('p95'), row('p99')];
  const [, p95, p99] = rows;
  // A duration that nobody weighs is still better when shorter.
  const verdict = verdictOf(lift, directionOf(report.spec, lift.metric) ?? 'down');
  const bounds = 'bounds' in report && report.bounds;
  const base = { metric: lift.metric, shown: p99, mean: verdict, rows, bounds };
  if (verdict === 'unknown' || p99.treated === null || p99.holdout === null)
    return { ...base, claim: 'waiting', basis: 'Not enough outcomes yet on one side or the other.' };
  const mean = `${formatDifference(lift.metric, lift.difference.mean)}, 95 % ${formatInterval(lift.metric, lift.difference, formatDifference)}`;
  if (verdict === 'undistinguishable')
    return { ...base, claim: 'undistinguishable', basis: `The mean’s difference includes 0 (${mean}).` };
  const shown = [p99, p95].find((one) => movement(one, bounds) !== undefined);
  if (shown === undefined) return { ...base, claim: 'level', basis: `Mean ${mean}.` };
  if (movement(shown, bounds) !== verdict)
    return { ...base, shown, claim: 'mixed', basis: `The mean says otherwise (${mean}).` };
  return { ...base, shown, claim: verdict === 'better' ? 'better' : 'worse', basis: `Mean ${mean}.` };
}

/** Which way a quantile moves; undefined where it does not, or where bounds leave both ways open. */
function movement({ treated, holdout }: QuantileRow, bounds: boolean): 'better' | 'worse' | undefined {
  if (treated === null || holdout === null || treated === holdout) return undefined;
  if (treated < holdout) return 'better';
  // At most so much beside at least so much: only the first below the second says anything.
  return bounds ? undefined : 'worse';
}

/** The headline as one sentence, for a screen reader and for a title. */
export function tailSentence(tail: Tail): string {
  const { name } = tail.shown;
  const treated = `${name} ${tail.bounds ? 'at most ' : ''}${duration(tail.shown.treated)}`;
  const holdout = `${tail.bounds ? 'at least ' : ''}${duration(tail.shown.holdout)} (holdout)`;
  if (tail.claim === 'waiting') return 'Latency: not enough outcomes yet';
  if (tail.claim === 'undistinguishable') return `${treated}, ${holdout}: not yet distinguishable`;
  const claimed = tail.claim === 'better' || tail.claim === 'worse';
  return `${treated} ${claimed ? 'instead of' : 'beside'} ${holdout}`;
}

/** What is said below the figure; null where the figure says it all. */
export function tailVerdict(tail: Tail): string | null {
  if (tail.claim === 'undistinguishable') return 'Not yet distinguishable';
  if (tail.claim === 'mixed') return 'The tail and the mean disagree';
  if (tail.claim === 'worse') return 'Worse than the holdout';
  if (tail.claim !== 'level') return null;
  const mean = `${tail.mean === 'better' ? 'Better' : 'Worse'} on average`;
  return tail.bounds ? `${mean}; the bounds do not tell the tails apart` : `${mean}, the same in the tail`;
}
