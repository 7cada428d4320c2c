import { type MomentsEvidence, moments, OUTCOMES, W, WW, WX, WXX } from '../learners/moments.ts';
import {
  duration,
  given,
  list,
  number,
  type Options,
  object,
  onlyKeys,
  range as readRange,
  refuse,
  share,
  text,
} from '../options.ts';
import type { ConstraintEstimate } from '../policy.ts';
import { meanSequence } from '../stats/sequential.ts';

/** What a metric must not do on average, arm by arm. */
export interface Constraint {
  readonly metric: string;
  /** `max`: the mean must not be above the bound; `min`: not below it. */
  readonly side: 'max' | 'min';
  readonly bound: number;
  /** Share of the decisions that may go to arms of which it is not known yet whether they hold it. */
  readonly explore: number;
  /** Probability of ever withholding an arm that holds it, over all arms together. */
  readonly alpha: number;
  readonly evidence: MomentsEvidence;
}

/** Whether an arm holds a constraint: surely, not known, surely not. */
export const MET = 0;
export const UNKNOWN = 1;
export const VIOLATED = 2;

const KEYS = ['metric', 'max', 'min', 'range', 'explore', 'alpha', 'halfLife'];

/** Reads `constraints: [{ metric, max | min, range, explore, alpha, halfLife }]`. @throws GanglionError `invalid_spec` */
export function compileConstraints(objective: Options): readonly Constraint[] {
  const path = 'objective.constraints';
  return list(objective, 'constraints', 'objective').map((each, i) => {
    const at = `${path}[${i}]`;
    const options = object(each, at);
    onlyKeys(options, KEYS, at);
    const range = rangeOf(options, at);
    const side = given(options, 'max') ? 'max' : 'min';
    if (given(options, 'max') === given(options, 'min'))
      refuse(at, '', each, 'needs one bound', 'Give either max or min.');
    const halfLifeMs = given(options, 'halfLife')
      ? duration(options, 'halfLife', { min: 1000 }, at)
      : undefined;
    return {
      metric: text(options, 'metric', undefined, at),
      side,
      bound: number(options, side, { min: range[0], max: range[1] }, at),
      explore: share(options, 'explore', { default: 0.1 }, at),
      alpha: share(options, 'alpha', { min: 1e-9, max: 0.5, default: 0.05 }, at),
      evidence: moments({ range, halfLifeMs }),
    };
  });
}

/** `range: [low, high]` of a metric, [0, 1] where none is given: values beyond it count as its ends. */
function rangeOf(options: Options, path: string): readonly [number, number] {
  if (!given(options, 'range')) return [0, 1];
  return readRange(options.range, `${path}.range`);
}

/** A value of the metric as it counts. */
export function clamp(value: number, [low, high]: readonly [number, number]): number {
  return Math.min(high, Math.max(low, value));
}

/**
 * What is known of one arm: the mean of the metric with an always-valid interval (`meanSequence`), at `alpha` over all
 * arms. With a half-life the interval is of what is remembered, at its effective number of outcomes: an approximation.
 */
export function judge(
  { metric, side, bound, alpha, evidence }: Constraint,
  row: Float64Array | undefined,
  fade: number,
  arms: number,
): ConstraintEstimate {
  const known = row !== undefined && row[W] > 0;
  const n = known ? Math.min(row[W] * fade, row[WW] > 0 ? (row[W] * row[W]) / row[WW] : row[W] * fade) : 0;
  if (!known || !(n > 0))
    return { metric, [side]: bound, state: 'unknown', mean: null, low: null, high: null, n: 0 };
  const { centre, range } = evidence;
  const x = row[WX] / row[W];
  const mean = clamp(centre + x, range);
  // Of n outcomes as these, about the centre still: about 0 a narrow range far from it would be lost in rounding.
  const about = [range[0] - centre, range[1] - centre] as const;
  const sums = { n, sum: n * (mean - centre), squares: (n * row[WXX]) / row[W] };
  const interval = meanSequence(sums, { alpha: alpha / arms, range: about });
  const low = interval === undefined || interval.low <= about[0] ? range[0] : centre + interval.low;
  const high = interval === undefined || interval.high >= about[1] ? range[1] : centre + interval.high;
  const violated = side === 'max' ? low > bound : high < bound;
  const met = side === 'max' ? high <= bound : low >= bound;
  const state = violated ? 'violated' : met ? 'met' : 'unknown';
  return { metric, [side]: bound, state, mean, low, high, n: row[OUTCOMES] };
}
