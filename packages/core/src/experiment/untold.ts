import { MIN_OUTCOMES } from '../stats/sequential.ts';
import type { ExperimentMetric } from '../status.ts';

type VariantMetric = ExperimentMetric['variants'][number];

/** Of a metric, as people read it. */
export const UNTOLD = 'varies too little beside its mean to be told from rounding';

/**
 * A metric with outcomes enough, means that differ, and still no interval: it is not known whether a variant is better, worse or
 * the same. Where the means are the same but for rounding nothing has ever varied on either side: that is a tie.
 */
export function untoldIn(metrics: readonly ExperimentMetric[]): string | undefined {
  return metrics.find(({ variants }) => {
    const control = controlOf(variants);
    return variants.some((variant) => isConstant(variant, control) && !isSame(variant, control));
  })?.metric;
}

/** Both sides had outcomes enough, and all of them were the same. Meant for where an interval was asked for. */
export function isTie(variant: VariantMetric, control: VariantMetric | undefined): boolean {
  return isConstant(variant, control) && isSame(variant, control);
}

export const controlOf = (variants: readonly VariantMetric[]): VariantMetric | undefined =>
  variants.find(({ verdict }) => verdict === 'control');

function isConstant({ mean: own, difference }: VariantMetric, control: VariantMetric | undefined): boolean {
  if (control === undefined || difference === null) return false;
  if (difference.mean === null || difference.low !== null) return false;
  return own.n >= MIN_OUTCOMES && control.mean.n >= MIN_OUTCOMES;
}

function isSame({ mean: own, difference }: VariantMetric, control: VariantMetric | undefined): boolean {
  const n = difference?.n ?? 0;
  const rounding = n * Number.EPSILON * (Math.abs(own.mean ?? 0) + Math.abs(control?.mean.mean ?? 0));
  return Math.abs(difference?.mean ?? 0) <= rounding;
}
