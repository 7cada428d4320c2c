import { GanglionError } from '../../errors.ts';
import {
  beyondRounding,
  covering,
  estimateOf,
  MIN_RARE,
  rangeOf,
  rareAmong,
  reaching,
  residuals,
} from './estimate.ts';
import { type Bounds, empiricalBernstein, type IntervalKind } from './intervals.ts';
import { doublyRobust } from './modelled.ts';
import { overlapOf } from './overlap.ts';
import type { Sample } from './sample.ts';
import { column, meanTerms } from './terms.ts';

export interface DifferenceOptions {
  /** Of a reward. */
  readonly range: readonly [number, number];
  /** Default 0.95. */
  readonly level?: number | undefined;
  /** Default `bca`. */
  readonly interval?: IntervalKind | undefined;
  /** Default 1000. */
  readonly resamples?: number | undefined;
  /** Default 1. */
  readonly seed?: number | undefined;
  /** What the log never did of either, summed: its share of the choices. Default 0. */
  readonly unsupported?: number | undefined;
}

export interface PairedDifference extends Bounds {
  readonly value: number;
  /** As asked, or by empirical Bernstein where what differs is too rare for a resampling. */
  readonly interval: IntervalKind;
}

/**
 * How much more one candidate would have brought than another: doubly robust, row by row, over the rows of one log and by one
 * model of its rewards. The interval is made as `evaluate` makes it; what is rare is counted among the rows on which the two
 * differ. What does the same in every row differs by nothing.
 *
 * @throws GanglionError `invalid_input`: samples of different rows, or without a model
 */
export function differenceOf(ours: Sample, theirs: Sample, options: DifferenceOptions): PairedDifference {
  const { range, level = 0.95, interval = 'bca', resamples = 1000, seed = 1, unsupported = 0 } = options;
  const { n, model } = ours;
  const other = theirs.model;
  if (n !== theirs.n || model === undefined || other === undefined)
    throw new GanglionError('invalid_input', 'the samples are not of one log and its model', {
      field: 'sample',
      value: [n, theirs.n],
      mend: 'Give two samples of the same rows, each with a model.',
    });
  const width = range[1] - range[0];
  const [mine, yours] = [doublyRobust(ours).mean, doublyRobust(theirs).mean] as Float64Array[];
  const apart = column(n, (i) => mine[i] - yours[i]);
  const weight = column(n, (i) => Math.abs(ours.weight[i] - theirs.weight[i]));
  // Not by what came: two that differ may well have brought alike.
  const same = weight.every((w, i) => w === 0 && model.expected[i] === other.expected[i]);
  const { maxWeight, effective } = overlapOf({ ...ours, weight });
  const room = { low: -unsupported * width, high: unsupported * width };
  const found = (): PairedDifference => {
    if (same) return { value: 0, low: 0, high: 0, interval };
    const expected = rangeOf(column(n, (i) => model.expected[i] - other.expected[i]));
    const off = maxWeight * Math.max(...residuals(range, model).map(Math.abs));
    const terms = covering([expected[0] - off, expected[1] + off], apart);
    const rare = rareAmong(ours, effective, range) < MIN_RARE;
    const bound = empiricalBernstein(apart, terms, level);
    return estimateOf(meanTerms(apart), bound, { level, interval, resamples, seed }, rare);
  };
  const {
    value,
    low,
    high,
    interval: made,
  } = beyondRounding(reaching(found(), room, [-width, width]), range);
  return { value, low, high, interval: made };
}
