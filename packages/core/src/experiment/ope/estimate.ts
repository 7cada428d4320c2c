import {
  type Bounds,
  bcaInterval,
  type IntervalKind,
  normalInterval,
  percentileInterval,
  standardErrorOf,
} from './intervals.ts';
import type { ModelColumns, Sample } from './sample.ts';
import { type InfluenceSums, influenceSums, sumOf, type Terms, valueOfTerms } from './terms.ts';

/** What a candidate would have brought, by one estimator. */
export interface Estimate extends Bounds {
  readonly value: number;
  /**
   * How `low` and `high` were made: as asked, or by empirical Bernstein where too few rows vary for a resampling. Those of
   * `dm`, `switch-dr` and `dros` reach beyond by the interval of their bias, as this log shows it.
   */
  readonly interval: IntervalKind;
  /** By the influence function. */
  readonly standardError: number;
  /** Empirical Bernstein bounds: valid at any number of rows, given the largest weight. */
  readonly bernstein: Bounds;
}

/** Fewer rows than this that tell anything, and a resampling knows too little of what might have come. */
const MIN_TELLING = 5;
/**
 * As many outcomes at the rarer end of the range must be expected among the effective rows: a candidate whose few heavy
 * rows happen to hold no click would otherwise look certain to get none.
 */
export const MIN_RARE = 5;

/** How an interval is to be made. */
export interface IntervalChoice {
  readonly level: number;
  readonly interval: IntervalKind;
  readonly resamples: number;
  readonly seed: number;
}

/** A value with its interval: as asked, or the given bounds where a resampling knows too little. @param rare - whether `rareAmong` says so */
export function estimateOf(terms: Terms, bernstein: Bounds, asked: IntervalChoice, rare: boolean): Estimate {
  const sums = influenceSums(terms);
  const interval = rare || tellingRows(sums) < MIN_TELLING ? 'empirical-bernstein' : asked.interval;
  const bounds =
    interval === 'empirical-bernstein'
      ? bernstein
      : interval === 'normal'
        ? normalInterval(terms, asked.level)
        : interval === 'bca'
          ? bcaInterval(terms, asked, sums)
          : percentileInterval(terms, asked);
  const { low, high } = bounds;
  return {
    value: valueOfTerms(terms),
    low,
    high,
    interval,
    standardError: standardErrorOf(terms, sums),
    bernstein,
  };
}

/** (Σψ²)² / Σψ⁴: over how many rows the variance is spread. */
function tellingRows({ squares, fourths }: InfluenceSums): number {
  return fourths > 0 ? (squares * squares) / fourths : 0;
}

/**
 * How many outcomes at the rarer end of the range are to be expected among so many rows, by the log's own mean; infinite where
 * the range is a point.
 */
export function rareAmong(sample: Sample, rows: number, [low, high]: readonly [number, number]): number {
  const mean = sumOf(sample.reward) / sample.n;
  return high > low ? (rows * Math.min(mean - low, high - mean)) / (high - low) : Infinity;
}

/** The interval, with room to the sides to which the bias may point; not beyond what there can be, but for the estimate. */
export function reaching<T extends Bounds & { readonly value: number }>(
  estimate: T,
  bias: Bounds,
  range: readonly [number, number],
): T {
  const { value } = estimate;
  return {
    ...estimate,
    low: Math.max(estimate.low + Math.min(0, bias.low), Math.min(range[0], value)),
    high: Math.min(estimate.high + Math.max(0, bias.high), Math.max(range[1], value)),
  };
}

/** How far a reward can be from what the model says, below and above. */
export function residuals(range: readonly [number, number], model: ModelColumns): [number, number] {
  const predicted = rangeOf(model.taken);
  return [Math.min(0, range[0] - predicted[1]), Math.max(0, range[1] - predicted[0])];
}

/** A range that holds the values as well. */
export function covering(range: readonly [number, number], values: Float64Array): [number, number] {
  const seen = rangeOf(values);
  return [Math.min(range[0], seen[0]), Math.max(range[1], seen[1])];
}

/** From the least to the largest; [0, 0] where there is none. */
export function rangeOf(values: Float64Array): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  return values.length === 0 ? [0, 0] : [low, high];
}

/** Nothing, where it is no more than sums of so many terms leave by rounding. */
export function beyondRounding<T extends Bounds & { readonly value: number }>(
  difference: T,
  [low, high]: readonly [number, number],
): T {
  const least = 1e-12 * (high - low);
  const rounded = (x: number): number => (Math.abs(x) < least ? 0 : x);
  return {
    ...difference,
    value: rounded(difference.value),
    low: rounded(difference.low),
    high: rounded(difference.high),
  };
}
