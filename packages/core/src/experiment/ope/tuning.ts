import { exp, log, sqrt } from '../../stats/math.ts';
import { modelOf, shrunk, switched } from './modelled.ts';
import type { Sample } from './sample.ts';
import { column } from './terms.ts';

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
 *
 * @param rows - how many the estimate will rest on, where the sample is a part of them
 */
export function errorBound(
  sample: Sample,
  parameter: number,
  used: (w: number, parameter: number) => number,
  rows: number = sample.n,
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
  const variance = Math.max(0, squares / n - (sum / n) * (sum / n)) / rows;
  const logTerm = log(2 / DELTA);
  const bias =
    Math.abs(lost / n) +
    sqrt((2 * (weightSquares / n) * logTerm) / rows) +
    (2 * largest * logTerm) / (3 * rows);
  return variance + bias * bias;
}

function least(
  grid: readonly number[],
  sample: Sample,
  used: (w: number, parameter: number) => number,
): number {
  const some = thinned(sample);
  let best = grid[grid.length - 1];
  let leastBound = Infinity;
  for (const parameter of grid) {
    const bound = errorBound(some, parameter, used, sample.n);
    if (bound < leastBound) {
      best = parameter;
      leastBound = bound;
    }
  }
  return best;
}

/** Choosing needs no more rows than this, evenly spaced; the bound counts all. */
const ROWS_TO_CHOOSE_BY = 200_000;

function thinned(sample: Sample): Sample {
  const { n, weight, reward } = sample;
  const step = Math.ceil(n / ROWS_TO_CHOOSE_BY);
  if (step <= 1) return sample;
  const { taken, expected } = modelOf(sample);
  const count = Math.floor(n / step);
  const pick = (values: Float64Array): Float64Array => column(count, (i) => values[i * step]);
  return {
    ...sample,
    n: count,
    weight: pick(weight),
    reward: pick(reward),
    model: { taken: pick(taken), expected: pick(expected) },
  };
}

/** 5 % and 95 % quantiles of the weights above 0; [1, 1] where there are none. */
function weightQuantiles(sample: Sample): [number, number] {
  const sorted = thinned(sample)
    .weight.filter((w) => w > 0)
    .sort();
  if (sorted.length === 0) return [1, 1];
  const at = (q: number): number => sorted[Math.round(q * (sorted.length - 1))];
  return [at(0.05), at(0.95)];
}

function geometric(low: number, high: number): number[] {
  const step = log(high / low) / (GRID - 1);
  return Array.from({ length: GRID }, (_, k) => low * exp(step * k));
}
