import {
  blocked,
  type Kernels,
  MOST_ROWS,
  placeOf,
  type Rectangle,
  scalarKernels,
  type Triangle,
  triangleOf,
} from '../kernels.ts';
import { ENCODING_OPTIONS, type Encoding, encoding } from '../learners/encoding.ts';
import { type Linear, type LinearEvidence, linear, mostRows } from '../learners/linear.ts';
import { type LinearPosterior, linearPosterior } from '../learners/linear-posterior.ts';
import { logisticCurvature, logisticMean, logisticPosterior } from '../learners/logistic.ts';
import { number, type Options, refuse } from '../options.ts';
import type { ArmEstimate, Policy, PolicyInput, ViewInput } from '../policy.ts';
import type { FactoryInput } from '../registry.ts';
import { sqrt } from '../stats/math.ts';
import { packedLength, squaredLength } from '../stats/symmetric.ts';
import { halfLife } from './thompson.ts';

/** What policies on a linear model share: how contexts are encoded, what is kept, and how it is read. */
export interface LinearModel {
  readonly encoded: Encoding;
  readonly evidence: LinearEvidence;
  /** One model over features of the arms, instead of one for each arm. */
  readonly shared: boolean;
  readonly ridge: number;
  /** Whether rewards are read by way of the logistic function. */
  readonly logistic: boolean;
  readonly kernels: Kernels;
  readonly learn: Policy<Linear>['learn'];
}

/** Options that `linearModel` reads. */
export const MODEL_OPTIONS = [...ENCODING_OPTIONS, 'halfLife', 'ridge'] as const;

// Log-odds within ±3: probabilities from 5 % to 95 %.
const CURVATURE = logisticCurvature(3);

/** Where the statistics of a shared model are kept. */
const ALL_ARMS = '*';

/** Reads the options of a linear model. @throws GanglionError `invalid_spec` */
export function linearModel(
  options: Options,
  input: FactoryInput,
  link: 'linear' | 'logistic' = 'linear',
): LinearModel {
  const encoded = encoding(options, input);
  const { dimension, bounds } = encoded;
  const shared = dimension > encoded.common;
  const evidence = linear({
    dimension,
    bounds,
    range: input.range,
    halfLifeMs: halfLife(options, input.path),
  });
  const most = mostRows(dimension);
  if (!shared && input.arms.length > most)
    refuse(
      input.path,
      'features',
      dimension,
      `make ${dimension} columns for each of ${input.arms.length} arms, too much to send`,
      `Use fewer columns, at most ${most} arms, or one model over armFeatures.`,
    );
  const x = new Float64Array(dimension);
  const columns = input.arms.map(({ features }) => encoded.arm(features));
  const unknown = encoded.arm(undefined);
  return {
    encoded,
    evidence,
    shared,
    logistic: link === 'logistic',
    kernels: input.kernels ?? scalarKernels(),
    ridge: number(options, 'ridge', { min: 1e-6, max: 1e6, default: 1 }, input.path),
    learn: (own, outcome) => {
      encoded.context(outcome.context, x);
      if (shared) encoded.joint(columns[outcome.arm] ?? unknown, x);
      const key = shared ? ALL_ARMS : outcome.armKey;
      evidence.record(own, key, x, outcome.reward, outcome.sign * outcome.weight, outcome.atMs);
      return own;
    },
  };
}

/** A linear model as a view holds it: read once, used by every decision until the next view. */
export interface Reading {
  readonly arms: number;
  readonly dimension: number;
  /** By arm; all the same one where the model is shared. */
  readonly posteriors: readonly LinearPosterior[];
  /** The means of the coefficients, an arm a row; none where the model is shared. */
  readonly means: Rectangle | undefined;
  /** L⁻¹ of each arm, for spreads; all the same one where the model is shared. Empty unless asked for. */
  readonly halves: readonly Triangle[];
  /** Columns of each arm's own features; empty ones unless the model is shared. */
  readonly columns: readonly Float64Array[];
  readonly shared: boolean;
  /** Outcomes that each arm's estimate rests on, undecayed. */
  readonly outcomes: Float64Array;
  /** Mean of x over everything seen: where reports compare arms. */
  readonly usual: Float64Array;
  readonly baseline: Float64Array | undefined;
  /** Margin in units of the reward's range. */
  readonly margin: number;
  /** Scratch: x of the decision under way. */
  readonly x: Float64Array;
  /** Scratch: the difference of two proposals as one x. */
  readonly difference: Float64Array;
}

/** Reads own and pooled evidence at `at.nowMs`. Off the decide path: O(arms · d³). @param spreads - whether `halves` are wanted */
export function read(
  model: LinearModel,
  own: Linear,
  others: Linear,
  at: ViewInput,
  spreads = true,
): Reading {
  const { encoded, evidence, shared, ridge, logistic } = model;
  const { dimension } = encoded;
  const total = evidence.add(own, others);
  const fade = evidence.decayTo(total, at.nowMs);
  const posteriorAt = (key: string): LinearPosterior =>
    logistic
      ? logisticPosterior(total.arms.get(key), dimension, fade, ridge, CURVATURE)
      : linearPosterior(total.arms.get(key), dimension, fade, ridge);
  const whole = shared ? posteriorAt(ALL_ARMS) : undefined;
  const posteriors = at.arms.map((arm) => whole ?? posteriorAt(arm.key));
  const range = evidence.range[1] - evidence.range[0];
  const halfOf = ({ half }: LinearPosterior): Triangle =>
    model.kernels.triangle(triangleOf(half, dimension), dimension);
  const wholeHalf = spreads && whole !== undefined ? halfOf(whole) : undefined;
  return {
    arms: at.arms.length,
    dimension,
    posteriors,
    means: shared ? undefined : meansOf(model, posteriors),
    halves: spreads ? posteriors.map((each) => wholeHalf ?? halfOf(each)) : [],
    columns: at.arms.map(({ features }) => encoded.arm(features)),
    shared,
    outcomes: Float64Array.from(posteriors, ({ outcomes }) => outcomes),
    usual: usualOf(total, dimension, evidence.gram),
    baseline: at.baseline,
    margin: at.margin / range,
    x: new Float64Array(dimension),
    difference: new Float64Array(dimension),
  };
}

function meansOf({ kernels, encoded }: LinearModel, posteriors: readonly LinearPosterior[]): Rectangle {
  const { dimension } = encoded;
  const numbers = new Float64Array(blocked(posteriors.length) * dimension);
  for (const [a, { theta }] of posteriors.entries())
    for (let i = 0; i < dimension; i++) numbers[placeOf(a, i, dimension)] = theta[i];
  return kernels.rectangle(numbers, dimension);
}

/**
 * θᵀx of each allowed arm into `value`, for the context that x has been filled with. Where each arm has a model of its
 * own, the kernels hold this x afterwards.
 */
export function rateMeans(model: LinearModel, reading: Reading, at: PolicyInput, value: Float64Array): void {
  const { x, dimension, posteriors, columns, means } = reading;
  if (means === undefined) {
    for (let a = 0; a < at.arms; a++) {
      if (at.allowed[a] === 0) continue;
      model.encoded.joint(columns[a], x);
      value[a] = dot(posteriors[a].theta, x, dimension);
    }
    return;
  }
  const { kernels } = model;
  const { sums } = kernels;
  kernels.take(x, dimension);
  for (let from = 0; from < at.arms; from += MOST_ROWS) {
    means.multiply(from, Math.min(from + MOST_ROWS, blocked(at.arms)));
    const end = Math.min(from + MOST_ROWS, at.arms);
    for (let a = from; a < end; a++) value[a] = sums[a - from];
  }
}

// A's first column is Σwx.
function usualOf(total: Linear, dimension: number, gram: number): Float64Array {
  const usual = new Float64Array(dimension);
  let weight = 0;
  for (const row of total.arms.values()) {
    weight += row[gram];
    for (let i = 0; i < dimension; i++) usual[i] += row[gram + packedLength(i)];
  }
  if (weight > 0) for (let i = 0; i < dimension; i++) usual[i] /= weight;
  else usual[0] = 1;
  return usual;
}

/** θᵀx. */
export function dot(theta: Float64Array, x: Float64Array, dimension: number): number {
  let even = 0;
  let odd = 0;
  let i = 0;
  for (; i + 1 < dimension; i += 2) {
    even += theta[i] * x[i];
    odd += theta[i + 1] * x[i + 1];
  }
  return i < dimension ? even + theta[i] * x[i] + odd : even + odd;
}

/**
 * Each arm as a report shows it: allocation unknown, since it depends on the context; the estimate is that for the mean
 * of all contexts seen, with a normal interval.
 */
export function describeReading(model: LinearModel, reading: Reading): readonly ArmEstimate[] {
  const [low, high] = model.evidence.range;
  const middle = (low + high) / 2;
  const width = high - low;
  const x = reading.usual.slice();
  return reading.posteriors.map((posterior, a) => {
    if (!(posterior.outcomes > 0)) return { allocation: null, mean: null, low: null, high: null, n: 0 };
    if (reading.shared) model.encoded.joint(reading.columns[a], x);
    const u = dot(posterior.theta, x, reading.dimension);
    const reach =
      NORMAL_95 * sqrt(posterior.variance * squaredLength(posterior.half, 0, x, reading.dimension));
    const reward = (at: number): number => middle + width * (model.logistic ? logisticMean(at) : at);
    return {
      allocation: null,
      mean: reward(u),
      low: reward(u - reach),
      high: reward(u + reach),
      n: posterior.n,
    };
  });
}

/** What an arm is expected to earn in this context, in units of the reward; NaN without a reading of these arms. */
export function predictReading(
  model: LinearModel,
  reading: Reading | undefined,
  at: PolicyInput,
  arm: number,
): number {
  if (reading === undefined || reading.arms !== at.arms) return Number.NaN;
  const { x, dimension, shared, posteriors, columns } = reading;
  model.encoded.context(at.context, x);
  if (shared) model.encoded.joint(columns[arm], x);
  const u = dot(posteriors[arm].theta, x, dimension);
  const [low, high] = model.evidence.range;
  return (low + high) / 2 + (high - low) * (model.logistic ? logisticMean(u) : u);
}

const NORMAL_95 = 1.959963984540054;

/** Whether a comparison of `p` with the baseline rests on evidence: no arm that carries 1 % of either is untried. */
export function comparable(
  outcomes: Float64Array,
  p: Float64Array,
  baseline: Float64Array | undefined,
  arms: number,
): boolean {
  if (baseline === undefined) return false;
  for (let a = 0; a < arms; a++)
    if (outcomes[a] < 1 && (p[a] >= NEGLIGIBLE || baseline[a] >= NEGLIGIBLE)) return false;
  return true;
}

const NEGLIGIBLE = 0.01;

/** The baseline's share of an arm once scaled to those that are allowed. `mass` as `allowedMass` gives it. */
export function baselineShare(
  baseline: Float64Array,
  arm: number,
  mass: number,
  allowedCount: number,
): number {
  return mass > 0 ? baseline[arm] / mass : 1 / allowedCount;
}

/** How much of the baseline is on allowed arms. */
export function allowedMass(baseline: Float64Array, allowed: Uint8Array, arms: number): number {
  let mass = 0;
  for (let a = 0; a < arms; a++) if (allowed[a] === 1) mass += baseline[a];
  return mass;
}
