import { exp, log, sqrt } from '../../stats/math.ts';
import { modelOf, shrunk, switched } from './modelled.ts';
import type { Sample } from './sample.ts';

/** How many values are tried. */
const GRID = 30;
/** Failure probability of the bound on the bias. */
const DELTA = 0.05;

/** Chooses Switch-DR's threshold: the one with the least bound on the squared error, of a grid between weight quantiles. */
export function chooseTau(sample: Sample): number {
  const [low, high] = weightQuantiles(sample);
  return least([...geometric(low, high), Infinity], sample, switched);
}

/**
 * Chooses DRos' λ likewise, between 0.01 · w₀.₀₅² and 100 · w₀.₉₅² as Su et al. do (2020, §6), or none at all.
 */
export function chooseLambda(sample: Sample): number {
  const [low, high] = weightQuantiles(sample);
  return least([...geometric(0.01 * low * low, 100 * high * high), Infinity], sample, shrunk);
}

/**
 * A bound on the mean squared error of a corrected estimator: variance plus bias², where the bias is measured directly, as
 * |mean((w − ŵ)(r − q̂))|, and Bernstein's bound is added to it (Su et al. 2020, appendix; the Open Bandit Pipeline has the
 * same). Averse to bias on purpose, for the intervals do not know of it: the measured bias alone would shrink until they
 * miss, so with few rewards this chooses not to shrink.
 */
export function errorBound(
  sample: Sample,
  parameter: number,
  used: (w: number, parameter: number) => number,
): number {
  const { n, weight, reward } = sample;
  const { taken, expected } = modelOf(sample);
  let sum = 0;
  let squares = 0;
  let lost = 0;
  let weightSquares = 0;
  let largest = 0;
  for (let i = 0; i < n; i++) {
    const w = weight[i];
    const kept = used(w, parameter);
    const residual = reward[i] - taken[i];
    const term = expected[i] + kept * residual;
    sum += term;
    squares += term * term;
    lost += (w - kept) * residual;
    weightSquares += w * w;
    if (w > largest) largest = w;
  }
  const variance = Math.max(0, squares / n - (sum / n) * (sum / n)) / n;
  const logTerm = log(2 / DELTA);
  const bias =
    Math.abs(lost / n) + sqrt((2 * (weightSquares / n) * logTerm) / n) + (2 * largest * logTerm) / (3 * n);
  return variance + bias * bias;
}

function least(
  grid: readonly number[],
  sample: Sample,
  used: (w: number, parameter: number) => number,
): number {
  let best = grid[grid.length - 1];
  let leastError = Infinity;
  for (const parameter of grid) {
    const error = errorBound(sample, parameter, used);
    if (error < leastError) {
      best = parameter;
      leastError = error;
    }
  }
  return best;
}

/** 5 % and 95 % quantiles of the weights above 0; [1, 1] where there are none. */
function weightQuantiles(sample: Sample): [number, number] {
  const sorted = sample.weight.filter((w) => w > 0).sort();
  if (sorted.length === 0) return [1, 1];
  const at = (q: number): number => sorted[Math.round(q * (sorted.length - 1))];
  return [at(0.05), at(0.95)];
}

function geometric(low: number, high: number): number[] {
  const step = log(high / low) / (GRID - 1);
  return Array.from({ length: GRID }, (_, k) => low * exp(step * k));
}
