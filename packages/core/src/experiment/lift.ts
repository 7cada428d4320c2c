import { differenceSequence, type Interval, meanSequence, type Sums } from '../stats/sequential.ts';
import type { Estimate } from '../status.ts';

/** Range of one outcome of a metric, where it has one: yes-or-no metrics, and the reward as declared. */
export type Range = readonly [number, number] | undefined;

/** Mean with an always-valid 95 % interval: it may be looked at after every outcome. */
export function meanEstimate(sums: Sums, range: Range): Estimate {
  return estimate(sums.n, sums.n === 0 ? null : sums.sum / sums.n, meanSequence(sums, { range }));
}

/** `treated` − `holdout`, always valid as well. */
export function meanDifference(treated: Sums, holdout: Sums, range: Range): Estimate {
  const mean = treated.n === 0 || holdout.n === 0 ? null : treated.sum / treated.n - holdout.sum / holdout.n;
  return estimate(treated.n + holdout.n, mean, differenceSequence(treated, holdout, { range }));
}

function estimate(n: number, mean: number | null, interval: Interval | undefined): Estimate {
  return { mean, low: interval?.low ?? null, high: interval?.high ?? null, n };
}
