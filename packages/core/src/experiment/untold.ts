import { MIN_OUTCOMES } from '../stats/sequential.ts';
import type { ExperimentMetric } from '../status.ts';

/** Of a metric, as people read it. */
export const UNTOLD = 'varies too little beside its mean to be told from rounding';

/**
 * A metric with outcomes enough, means that differ, and still no interval: it is not known whether a variant is better, worse or
 * the same. Where the means are the same but for rounding nothing has ever varied on either side: that is a tie.
 */
export function untoldIn(metrics: readonly ExperimentMetric[]): string | undefined {
  return metrics.find(({ variants }) => isUntold(variants))?.metric;
}

function isUntold(variants: ExperimentMetric['variants']): boolean {
  const control = variants.find(({ verdict }) => verdict === 'control')?.mean;
  return variants.some(({ mean: own, difference }) => {
    if (control === undefined || difference === null) return false;
    if (difference.mean === null || difference.low !== null) return false;
    if (!(own.n >= MIN_OUTCOMES && control.n >= MIN_OUTCOMES)) return false;
    const rounding = difference.n * Number.EPSILON * (Math.abs(own.mean ?? 0) + Math.abs(control.mean ?? 0));
    return Math.abs(difference.mean) > rounding;
  });
}
