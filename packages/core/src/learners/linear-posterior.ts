import { sqrt } from '../stats/math.ts';
import type { Stream } from '../stats/random.ts';
import { cholesky, invertLower, packedLength, solveLower, solveUpper } from '../stats/symmetric.ts';
import { B, OUTCOMES, WW, WYY } from './linear.ts';

/**
 * What linear statistics say, with the prior applied: coefficients θ with y = θᵀx + noise, y in [−½, ½].
 *
 * Given σ², θ is normal with mean Λ⁻¹b and covariance σ²Λ⁻¹, where Λ = A + ridge · I; σ² is inverse-gamma. This is the
 * conjugate normal-inverse-gamma model (Bishop, "Pattern Recognition and Machine Learning", §3.3 and exercise 3.12), the
 * prior of σ² being worth three outcomes spread evenly over the range. The ridge does not fade, so Λ stays well
 * conditioned however much is forgotten; it is factorised afresh at every reading, so rounding cannot build up.
 */
export interface LinearPosterior {
  /** Mean of θ. */
  readonly theta: Float64Array;
  /** L⁻¹ with L Lᵀ = Λ, packed: the variance of θᵀx is `variance` · |L⁻¹x|². */
  readonly half: Float64Array;
  /** L, packed. */
  readonly factor: Float64Array;
  /** Mean of σ². */
  readonly variance: number;
  /** Shape and rate of the inverse-gamma of σ². */
  readonly shape: number;
  readonly rate: number;
  /** Outcomes, undecayed. */
  readonly outcomes: number;
  /** Effective number of outcomes: faded, and no more than uneven weights are worth. */
  readonly n: number;
}

// The prior of σ²: three outcomes with the variance of a uniform over a range of 1.
const PRIOR_SHAPE = 1.5;
const PRIOR_RATE = PRIOR_SHAPE / 12;

/**
 * Reads a row of `linear/1` (undefined: nothing seen). @param fade - what a landmark at this time would make of the sums.
 * @param ridge - precision of the prior of each coefficient, in units of σ²; above 0.
 */
export function linearPosterior(
  row: Float64Array | undefined,
  dimension: number,
  fade: number,
  ridge: number,
): LinearPosterior {
  const gram = B + dimension;
  const { n, scale } = row === undefined ? NOTHING : effective(row, gram, fade);
  const factor = new Float64Array(packedLength(dimension));
  const theta = factored(row, dimension, scale, ridge, 1, factor);
  let rate = PRIOR_RATE;
  if (row !== undefined && n > 0) {
    // Σ(y − θᵀx)² plus what the prior adds is Σy² − θᵀb at the posterior mean; rounding may not make it negative.
    let explained = 0;
    for (let i = 0; i < dimension; i++) explained += theta[i] * row[B + i];
    rate += Math.max(0, scale * (row[WYY] - explained)) / 2;
  }
  const half = new Float64Array(factor.length);
  invertLower(factor, dimension, half, 0);
  const shape = PRIOR_SHAPE + n / 2;
  return {
    theta,
    half,
    factor,
    variance: rate / (shape - 1),
    shape,
    rate,
    outcomes: row === undefined ? 0 : row[OUTCOMES],
    n,
  };
}

const NOTHING = { n: 0, scale: 0 };

/** How many outcomes a row is worth now, and what turns its sums into those of so many outcomes. */
export function effective(
  row: Float64Array,
  gram: number,
  fade: number,
): { readonly n: number; readonly scale: number } {
  const w = row[gram];
  if (!(w > 0)) return NOTHING;
  const n = Math.min(w * fade, row[WW] > 0 ? (w * w) / row[WW] : w * fade);
  return { n, scale: n / w };
}

/** Factorises curvature · scale · A + ridge · I into `factor` and returns its solution of scale · b. */
export function factored(
  row: Float64Array | undefined,
  dimension: number,
  scale: number,
  ridge: number,
  curvature: number,
  factor: Float64Array,
): Float64Array {
  const gram = B + dimension;
  const precision = new Float64Array(factor.length);
  const theta = new Float64Array(dimension);
  if (row !== undefined && scale > 0) {
    for (let i = 0; i < precision.length; i++) precision[i] = curvature * scale * row[gram + i];
    for (let i = 0; i < dimension; i++) theta[i] = scale * row[B + i];
  }
  for (let i = 0; i < dimension; i++) precision[packedLength(i) + i] += ridge;
  cholesky(precision, dimension, factor);
  solveLower(factor, theta, dimension);
  solveUpper(factor, theta, dimension);
  return theta;
}

/** Draws θ − its mean from the posterior into `out`: σ² first, then L⁻ᵀz σ. */
export function drawDeviation(posterior: LinearPosterior, random: Stream, out: Float64Array): void {
  const sigma = sqrt(posterior.rate / random.gamma(posterior.shape));
  for (let i = 0; i < out.length; i++) out[i] = sigma * random.normal();
  solveUpper(posterior.factor, out, out.length);
}
