import { sqrt } from '../../stats/math.ts';
import type { Sample } from './sample.ts';

/** How much of the log speaks about the candidate. */
export interface Overlap {
  /** Rows with a known propensity. */
  readonly rows: number;
  /** Rows without: left out, and counted. */
  readonly unknown: number;
  /** Kish's effective sample size (Σw)² / Σw²: rows of the candidate's own traffic that this log is worth. */
  readonly effective: number;
  readonly maxWeight: number;
  /** The largest weight's part in the whole. */
  readonly maxWeightShare: number;
  /** Near 1 where propensities are right and the log's policy could do all that the candidate does. */
  readonly meanWeight: number;
  /** Standard error of the mean weight. */
  readonly meanWeightError: number;
  /** Rows that the candidate might have decided alike. */
  readonly matched: number;
  /**
   * Share of the candidate's choices that the log's policy never makes, in [0, 1]; null where only weights are known.
   * Nothing in the log tells what they would have brought.
   */
  readonly unsupported: number | null;
  /** Share of the weight that clipping took. */
  readonly clipped: number;
}

/** @param unsupported - where known, the candidate's mass on arms that the log's policy cannot choose */
export function overlapOf(sample: Sample, unsupported: number | null = null): Overlap {
  const { weight, n } = sample;
  let sum = 0;
  let squares = 0;
  let largest = 0;
  let matched = 0;
  for (let i = 0; i < n; i++) {
    const w = weight[i];
    sum += w;
    squares += w * w;
    if (w > largest) largest = w;
    if (w > 0) matched++;
  }
  const mean = n > 0 ? sum / n : 0;
  const variance = n > 1 ? Math.max(0, squares - n * mean * mean) / (n - 1) : 0;
  return {
    rows: n,
    unknown: sample.unknown,
    effective: squares > 0 ? (sum * sum) / squares : 0,
    maxWeight: largest,
    maxWeightShare: sum > 0 ? largest / sum : 0,
    meanWeight: mean,
    meanWeightError: n > 0 ? sqrt(variance / n) : 0,
    matched,
    unsupported,
    clipped: sample.clipped,
  };
}

/**
 * The candidate's mass on arms that were never executed in the log, over all rows.
 *
 * @param seen - by arm: whether the log ever executed it. @param mass - by arm: mean probability under the candidate
 */
export function unsupportedMass(seen: ArrayLike<boolean | number>, mass: Float64Array): number {
  let lost = 0;
  for (let a = 0; a < mass.length; a++) if (!seen[a]) lost += mass[a];
  return Math.min(1, lost);
}
