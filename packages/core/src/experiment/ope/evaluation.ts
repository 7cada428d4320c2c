import { GanglionError } from '../../errors.ts';
import {
  beyondRounding,
  covering,
  type Estimate,
  estimateOf,
  MIN_RARE,
  rangeOf,
  rareAmong,
  reaching,
  residuals,
} from './estimate.ts';
import { ESTIMATORS, type Estimator, type EstimatorName } from './estimators.ts';
import { type Bounds, empiricalBernstein, type IntervalKind, normalInterval } from './intervals.ts';
import { type Overlap, overlapOf } from './overlap.ts';
import { REFUSAL_RULE, type Refusal, type RefusalRule, refusalsOf } from './refusal.ts';
import type { Sample } from './sample.ts';
import { column, less, meanTerms, type Terms } from './terms.ts';

export interface NamedEstimate extends Estimate {
  readonly estimator: EstimatorName;
  /** τ or λ, where the estimator has one. */
  readonly parameter: number | null;
  /** Its value less the log's own, over the same rows; the interval is paired. */
  readonly difference: Bounds & {
    readonly value: number;
    /** How its interval was made; by empirical Bernstein where too few rows differ for a resampling. */
    readonly interval: IntervalKind;
  };
}

/** What would have happened: or why nobody can say. */
export interface Evaluation {
  readonly overlap: Overlap;
  /** The log's own value, null where there are no rows. */
  readonly logged: Estimate | null;
  /** Empty: the estimates stand. Otherwise there are none. */
  readonly refused: readonly Refusal[];
  readonly estimates: readonly NamedEstimate[];
  /** What the intervals have room for besides; null: nothing is known to be missing. */
  readonly room: Room | null;
}

/**
 * What the candidate does and the log never did: nothing tells what it would have brought, so every interval reaches as far
 * as it might have moved the estimate, anywhere in the range.
 */
export interface Room {
  /** Share of the candidate's choices. */
  readonly mass: number;
  /** Of a reward. */
  readonly range: readonly [number, number];
  /** False: those seen; what was never done might have brought more, or less. */
  readonly declared: boolean;
}

export interface EvaluationOptions {
  /** Default: all that the sample has the columns for. */
  readonly estimators?: readonly EstimatorName[] | undefined;
  /** Default 0.95. */
  readonly level?: number | undefined;
  /** Default `bca`. */
  readonly interval?: IntervalKind | undefined;
  /** Default 1000. */
  readonly resamples?: number | undefined;
  /** Default 1. */
  readonly seed?: number | undefined;
  /** Range of a reward, for the Bernstein bounds. Default: of those seen. */
  readonly range?: readonly [number, number] | undefined;
  /** Whether that range is declared, or only that of the rewards seen; default: declared where given. */
  readonly declared?: boolean | undefined;
  /** Largest weight that the two policies allow, for the same. Default: the largest seen. */
  readonly maxWeight?: number | undefined;
  /** Candidate's mass where the log's policy never goes, where known. */
  readonly unsupported?: number | null | undefined;
  readonly rule?: Partial<RefusalRule> | undefined;
  /** Told before each estimator, for progress. */
  readonly onEstimator?: ((name: EstimatorName) => void) | undefined;
}

/**
 * Evaluates a candidate on a log. Where the evidence is too thin, it refuses and gives no estimate at all: a number
 * with a warning beside it would be copied without the warning.
 *
 * @throws GanglionError `invalid_input`: a level outside (0, 1), fewer than 100 resamples, a model asked for and missing
 */
export function evaluate(sample: Sample, options: EvaluationOptions = {}): Evaluation {
  const asked = settled(sample, options);
  const overlap = overlapOf(sample, options.unsupported ?? null);
  const refused = refusalsOf(overlap, { ...REFUSAL_RULE, ...options.rule });
  const { unsupported } = overlap;
  const room =
    unsupported === null || unsupported === 0
      ? null
      : { mass: unsupported, range: asked.range, declared: options.declared ?? options.range !== undefined };
  if (sample.n === 0) return { overlap, logged: null, refused, estimates: [], room };
  const own = meanTerms(sample.reward);
  const logged = estimateOf(
    own,
    empiricalBernstein(sample.reward, asked.range, asked.level),
    asked,
    rareAmong(sample, sample.n, asked.range) < MIN_RARE,
  );
  const rare = rareAmong(sample, overlap.effective, asked.range) < MIN_RARE;
  if (refused.length > 0) return { overlap, logged, refused, estimates: [], room };
  const estimates = asked.estimators.map((name) => {
    options.onEstimator?.(name);
    return named(name, sample, asked, rare, unsupported ?? 0);
  });
  return { overlap, logged, refused, estimates, room };
}

interface Asked {
  readonly estimators: readonly EstimatorName[];
  readonly level: number;
  readonly interval: IntervalKind;
  readonly resamples: number;
  readonly seed: number;
  readonly range: readonly [number, number];
  readonly maxWeight: number | undefined;
}

function settled(sample: Sample, options: EvaluationOptions): Asked {
  const { level = 0.95, interval = 'bca', resamples = 1000, seed = 1, maxWeight } = options;
  const refuse = (field: string, value: unknown, mend: string): never => {
    throw new GanglionError('invalid_input', `${field} is not usable`, { field, value, mend });
  };
  if (!(level > 0 && level < 1)) refuse('level', level, 'Give a share between 0 and 1, such as 0.95.');
  if (!(Number.isInteger(resamples) && resamples >= 100 && resamples <= 100_000))
    refuse('resamples', resamples, 'Give a whole number from 100 to 100000.');
  const all = Object.keys(ESTIMATORS) as EstimatorName[];
  for (const name of options.estimators ?? [])
    if (!all.includes(name)) refuse('estimators', name, `There are: ${all.join(', ')}.`);
  const possible = all.filter((name) => sample.model !== undefined || !ESTIMATORS[name].needsModel);
  return {
    estimators: options.estimators ?? possible,
    level,
    interval,
    resamples,
    seed,
    range: options.range ?? rangeOf(sample.reward),
    maxWeight,
  };
}

function named(
  name: EstimatorName,
  sample: Sample,
  asked: Asked,
  rare: boolean,
  unsupported: number,
): NamedEstimate {
  const estimator: Estimator = ESTIMATORS[name];
  const parameter = estimator.choose?.(sample);
  const terms = estimator.terms(sample, parameter ?? 0);
  const bernstein = bernsteinOf(terms, sample, asked, estimator, parameter ?? 0);
  const unseen = roomFor(unsupported, estimator, terms, sample, asked.range);
  const left = biasOf(sample, estimator, parameter ?? 0, asked, rare);
  const bias = { low: left.low + unseen.low, high: left.high + unseen.high };
  const plain = estimateOf(terms, bernstein, asked, rare);
  const bound = reaching({ ...plain, ...plain.bernstein }, unseen, asked.range);
  const estimate = {
    ...reaching(plain, bias, asked.range),
    bernstein: { low: bound.low, high: bound.high },
  };
  const apart = isAsLogged(sample, estimator)
    ? { value: 0, low: 0, high: 0, interval: asked.interval }
    : estimateOf(
        less(terms, sample.reward),
        boundsApart(terms, sample, asked, estimator, parameter ?? 0),
        asked,
        rare,
      );
  const width = asked.range[1] - asked.range[0];
  const { value, low, high } = beyondRounding(reaching(apart, bias, [-width, width]), asked.range);
  const difference = { value, low, high, interval: apart.interval };
  return { estimator: name, ...estimate, parameter: parameter ?? null, difference };
}

/** What does in every row as the log did differs by nothing; a model may say otherwise of what was not drawn. */
function isAsLogged({ weight }: Sample, estimator: Estimator): boolean {
  return !estimator.needsModel && weight.every((w) => w === 1);
}

/**
 * How far what was never done may move an estimate. Weighting leaves its reward out; self-normalised, it is taken for as good
 * as the rest; a model has said something of it, which may be off by a residual.
 */
function roomFor(
  mass: number,
  estimator: Estimator,
  terms: Terms,
  { model }: Sample,
  range: readonly [number, number],
): Bounds {
  if (mass === 0) return { low: 0, high: 0 };
  const width = range[1] - range[0];
  if (estimator.needsModel && model !== undefined) {
    const [least, most] = covering(rangeOf(model.expected), model.taken);
    return {
      low: mass * Math.min(-width, range[0] - most),
      high: mass * Math.max(width, range[1] - least),
    };
  }
  if (terms.ratio !== undefined) return { low: -mass * width, high: mass * width };
  return { low: mass * range[0], high: mass * range[1] };
}

/** Bounds of the difference from the log's own value: of both, each missing half as often. */
function boundsApart(
  terms: Terms,
  sample: Sample,
  asked: Asked,
  estimator: Estimator,
  parameter: number,
): Bounds {
  const closer = { ...asked, level: 1 - (1 - asked.level) / 2 };
  const ours = bernsteinOf(terms, sample, closer, estimator, parameter);
  const own = empiricalBernstein(sample.reward, asked.range, closer.level);
  return { low: ours.low - own.high, high: ours.high - own.low };
}

/**
 * What an estimator leaves out of the correction, as the log itself shows it: the mean of (w − ŵ)(r − q̂), the distance to
 * the doubly robust estimate, with its interval. A resampling knows the spread only.
 */
function biasOf(
  sample: Sample,
  estimator: Estimator,
  parameter: number,
  asked: Asked,
  rare: boolean,
): Bounds {
  const { n, weight, reward, model } = sample;
  if (!estimator.needsModel || model === undefined) return { low: 0, high: 0 };
  let largest = 0;
  const left = column(n, (i) => {
    const dropped = weight[i] - estimator.used(weight[i], parameter);
    largest = Math.max(largest, dropped);
    return dropped * (reward[i] - model.taken[i]);
  });
  if (!rare) return normalInterval(meanTerms(left), asked.level);
  const [low, high] = residuals(asked.range, model);
  return empiricalBernstein(left, covering([largest * low, largest * high], left), asked.level);
}

/**
 * Bounds of a mean plus a ratio of means, from bounds of each mean that hold together; never beyond what a reward can be.
 * A term is w · r, or q̂ and w · (r − q̂) where the estimator has a model.
 */
function bernsteinOf(
  terms: Terms,
  sample: Sample,
  asked: Asked,
  estimator: Estimator,
  parameter: number,
): Bounds {
  const { weight } = sample;
  let largest = asked.maxWeight ?? 0;
  for (let i = 0; i < weight.length; i++) largest = Math.max(largest, estimator.used(weight[i], parameter));
  const [low, high] = asked.range;
  const model = estimator.needsModel ? sample.model : undefined;
  const spread = model === undefined ? [low, high] : residuals(asked.range, model);
  const tops = [Math.min(0, largest * spread[0]), Math.max(0, largest * spread[1])] as const;
  const { mean, ratio } = terms;
  const { low: from, high: to } =
    ratio === undefined
      ? meanBounds(mean ?? sample.reward, tops, model?.expected, asked.level)
      : ratioBounds(ratio, mean, tops, largest, asked.level);
  return { low: Math.max(low, Math.min(high, from)), high: Math.min(high, Math.max(low, to)) };
}

function meanBounds(
  mean: Float64Array,
  tops: readonly [number, number],
  expected: Float64Array | undefined,
  level: number,
): Bounds {
  const base = expected === undefined ? [0, 0] : rangeOf(expected);
  return empiricalBernstein(mean, covering([base[0] + tops[0], base[1] + tops[1]], mean), level);
}

function ratioBounds(
  { top, bottom }: NonNullable<Terms['ratio']>,
  mean: Float64Array | undefined,
  tops: readonly [number, number],
  largest: number,
  level: number,
): Bounds {
  // Two bounds, or three, hold together when each misses half, or a third, as often.
  const each = 1 - (1 - level) / (mean === undefined ? 2 : 3);
  const above = empiricalBernstein(top, covering(tops, top), each);
  const below = empiricalBernstein(bottom, [0, largest], each);
  const plus = mean === undefined ? { low: 0, high: 0 } : empiricalBernstein(mean, rangeOf(mean), each);
  const quotients = [above.low, above.high].flatMap((a) =>
    [below.low, below.high].map((b) => (a === 0 ? 0 : a / b)),
  );
  return { low: plus.low + Math.min(...quotients), high: plus.high + Math.max(...quotients) };
}
