import type { Linear } from '../learners/linear.ts';
import { number, rejectUnknown } from '../options.ts';
import type { Policy, PolicyInput } from '../policy.ts';
import type { Factory } from '../registry.ts';
import { sqrt } from '../stats/math.ts';
import { cholesky, packedLength, quadraticForm } from '../stats/symmetric.ts';
import {
  comparable,
  describeReading,
  dot,
  type LinearModel,
  linearModel,
  MODEL_OPTIONS,
  predictReading,
  type Reading,
  rateMeans,
  read,
} from './contextual.ts';
import { fillUniform } from './distribution.ts';
import { fillGreedy } from './indexed.ts';
import { worth } from './rated.ts';

/** A reading, and how far any bonus can reach. */
export interface UcbView {
  readonly reading: Reading;
  /** By arm: no |L⁻¹x| is above this times |x|. */
  readonly reach: Float64Array;
  /** Scratch: mean of each arm, its upper bound or what that can be at most, and |x|. */
  readonly value: Float64Array;
  readonly upper: Float64Array;
  readonly exact: Uint8Array;
  /** Scratch: |L⁻¹x|² of exact arms, −1 of the others. */
  readonly square: Float64Array;
}

/**
 * `{ kind: lin-ucb, alpha, … }`: the arm whose predicted reward plus α √(xᵀΛ⁻¹x) is highest, in units of the range (Li,
 * Chu, Langford & Schapire, "A contextual-bandit approach to personalized news article recommendation", WWW 2010: its
 * disjoint model, or with `armFeatures` one model for all arms). Ties are split.
 *
 * It is greedy: the arm has probability 1 in this context, and nothing else can be evaluated from the log. Put an
 * exploration guard over it where that matters, or use `linear-thompson`.
 *
 * - `alpha` (default ½): how far it trusts what it does not know.
 */
export const linUcb: Factory<Policy> = (options, input) => {
  rejectUnknown(options, ['alpha', ...MODEL_OPTIONS], input.path);
  const alpha = number(options, 'alpha', { min: 0, max: 100, default: 0.5 }, input.path);
  const model = linearModel(options, input);
  const policy: Policy<Linear, UcbView | undefined> = {
    name: 'lin-ucb/1',
    evidence: model.evidence,
    additive: true,
    view: (own, others, at) => ucbView(read(model, own, others, at)),
    propose: (view, at, out) => {
      out.confidence = Number.NaN;
      if (view === undefined || view.reading.arms !== at.arms) {
        fillUniform(at, out);
        return;
      }
      const { reading, value, upper } = view;
      model.encoded.context(at.context, reading.x);
      bound(model, view, alpha, at);
      settleBest(model, view, alpha, at);
      fillGreedy(upper, 0, at, out.p);
      if (comparable(reading.outcomes, out.p, reading.baseline, at.arms))
        out.confidence = worth(model, reading, value, at, out, view.square);
    },
    predict: (view, at, arm) => predictReading(model, view?.reading, at, arm),
    describe: (view) => (view === undefined ? [] : describeReading(model, view.reading)),
    learn: model.learn,
  };
  return policy as Policy;
};

function ucbView(reading: Reading): UcbView {
  const { arms, dimension, posteriors, shared } = reading;
  const first = widest(posteriors[0].half, dimension);
  return {
    reading,
    reach: Float64Array.from(posteriors, ({ half }) => (shared ? first : widest(half, dimension))),
    value: new Float64Array(arms),
    upper: new Float64Array(arms),
    exact: new Uint8Array(arms),
    square: new Float64Array(arms),
  };
}

/**
 * At least the largest |L⁻¹x| / |x|, and little more: the root of a t with t · I − Λ⁻¹ positive definite, which its own
 * factorisation proves. A few power steps say where to begin.
 */
function widest(half: Float64Array, dimension: number): number {
  const inverse = new Float64Array(packedLength(dimension));
  // L⁻ᵀ L⁻¹, a row of L⁻¹ at a time.
  for (let k = 0, row = 0; k < dimension; row += ++k)
    for (let i = 0, at = 0; i <= k; i++)
      for (let j = 0; j <= i; j++) inverse[at++] += half[row + i] * half[row + j];
  let size = 0;
  let v: Float64Array = new Float64Array(dimension).fill(1);
  for (let step = 0; step < POWER_STEPS; step++) {
    const length = sqrt(dot(v, v, dimension));
    for (let i = 0; i < dimension; i++) v[i] /= length;
    size = Math.max(size, quadraticForm(inverse, v, dimension));
    v = multiplied(inverse, v, dimension);
  }
  const shifted = new Float64Array(inverse.length);
  const factor = new Float64Array(inverse.length);
  for (let t = FIRST_GUESS * size; t < Infinity; t *= FIRST_GUESS) {
    for (let i = 0; i < inverse.length; i++) shifted[i] = -inverse[i];
    for (let i = 0; i < dimension; i++) shifted[packedLength(i) + i] += t;
    if (cholesky(shifted, dimension, factor) === 0) return sqrt(t);
  }
  return Infinity;
}

const POWER_STEPS = 12;
const FIRST_GUESS = 1.1;

function multiplied(a: Float64Array, v: Float64Array, dimension: number): Float64Array {
  const product = new Float64Array(dimension);
  for (let i = 0, row = 0; i < dimension; row += ++i)
    for (let j = 0; j <= i; j++) {
      product[i] += a[row + j] * v[j];
      if (j < i) product[j] += a[row + j] * v[i];
    }
  return product;
}

// Room for rounding, so that a bound is one.
const HAIR = 1 + 1e-9;

/** Means of the allowed arms, and what their upper bounds can be at most. */
function bound(model: LinearModel, view: UcbView, alpha: number, at: PolicyInput): void {
  const { reading, reach, value, upper, exact, square } = view;
  const { x, dimension, shared, posteriors, columns } = reading;
  if (!shared) rateMeans(model, reading, at, value);
  let size = shared ? 0 : sqrt(dot(x, x, dimension));
  for (let a = 0; a < at.arms; a++) {
    exact[a] = 0;
    square[a] = -1;
    if (at.allowed[a] === 0) continue;
    if (shared) {
      model.encoded.joint(columns[a], x);
      size = sqrt(dot(x, x, dimension));
      value[a] = dot(posteriors[a].theta, x, dimension);
    }
    upper[a] = value[a] + alpha * reach[a] * size * HAIR;
  }
}

/**
 * Makes the bound exact of whichever arm is highest, until the highest is exact: all others are below it whatever their
 * exact bounds are. Most are never computed once much is known.
 */
function settleBest(model: LinearModel, view: UcbView, alpha: number, at: PolicyInput): void {
  const { reading, value, upper, exact, square } = view;
  const { x, dimension, shared, halves, columns } = reading;
  for (;;) {
    let best = -1;
    for (let a = 0; a < at.arms; a++) {
      if (at.allowed[a] === 0) continue;
      // Of equals an inexact one goes first: it may turn out lower, and exact ones that tie share.
      if (best < 0 || upper[a] > upper[best] || (upper[a] === upper[best] && exact[a] < exact[best]))
        best = a;
    }
    if (exact[best] === 1) return;
    if (shared) {
      model.encoded.joint(columns[best], x);
      model.kernels.take(x, dimension);
    }
    square[best] = halves[best].squaredLength();
    upper[best] = value[best] + alpha * sqrt(square[best]);
    exact[best] = 1;
  }
}
