import { exp, log1p, sqrt } from '../stats/math.ts';
import { invertLower, packedLength } from '../stats/symmetric.ts';
import { B, OUTCOMES } from './linear.ts';
import { effective, factored, type LinearPosterior } from './linear-posterior.ts';

/**
 * A logistic reading of the same statistics A and b as the linear one.
 *
 * The likelihood of a logistic model has no additive sufficient statistics. Its quadratic approximation has: with
 * u = θᵀx and y in [−½, ½], the log-likelihood is y u − ln(2 cosh(u/2)), whose odd part is exact and whose even part is
 * replaced by its Chebyshev approximation of degree 2 over |u| ≤ reach (PASS-GLM: Huggins, Adams & Broderick, "PASS-GLM:
 * polynomial approximate sufficient statistics for scalable Bayesian GLM inference", NIPS 2017). θ is then normal with
 * precision Λ = curvature · A + ridge · I and mean Λ⁻¹b: it adds, forgets and is taken back like every other evidence.
 */
export function logisticPosterior(
  row: Float64Array | undefined,
  dimension: number,
  fade: number,
  ridge: number,
  curvature: number,
): LinearPosterior {
  const { n, scale } = row === undefined ? { n: 0, scale: 0 } : effective(row, B + dimension, fade);
  const factor = new Float64Array(packedLength(dimension));
  const theta = factored(row, dimension, scale, ridge, curvature, factor);
  const half = new Float64Array(factor.length);
  invertLower(factor, dimension, half, 0);
  const outcomes = row === undefined ? 0 : row[OUTCOMES];
  return { theta, half, factor, variance: 1, shape: Infinity, rate: Infinity, outcomes, n };
}

/** Minus twice the coefficient of u² in that approximation over |u| ≤ reach: ¼ for a small reach, less for a large one. */
export function logisticCurvature(reach: number): number {
  // The coefficient of T₂ by Gauss–Chebyshev quadrature; T₂(u / reach) = 2 (u / reach)² − 1. Nodes by the half-angle
  // recurrence, for cosines are not among the deterministic functions: cos θ and cos 2θ = 2 cos² θ − 1.
  const points = 64;
  let sum = 0;
  for (const c of chebyshevNodes(points)) sum += logCosh(reach * c) * (2 * c * c - 1);
  const second = (2 * sum) / points;
  return (4 * second) / (reach * reach);
}

/** ln(2 cosh(u / 2)), without overflow. */
function logCosh(u: number): number {
  const size = Math.abs(u);
  return size / 2 + log1p(exp(-size));
}

/** cos((k + ½)π / n) for k = 0 … n − 1, n a power of two, by halving angles. */
function chebyshevNodes(n: number): Float64Array {
  let nodes = Float64Array.of(0);
  for (let size = 1; size < n; size *= 2) {
    // Roots of T₂ₙ(x) = Tₙ(2x² − 1): ±√((1 + root) / 2).
    const next = new Float64Array(2 * size);
    for (let i = 0; i < size; i++) {
      const root = sqrt((1 + nodes[i]) / 2);
      next[i] = root;
      next[2 * size - 1 - i] = -root;
    }
    nodes = next;
  }
  return nodes;
}

/** The probability of the logistic function, less a half: the reward mapped to [−½, ½]. */
export function logisticMean(u: number): number {
  return 1 / (1 + exp(-u)) - 0.5;
}
