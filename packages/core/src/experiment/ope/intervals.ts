import { normalCdf, normalQuantile } from '../../stats/distributions.ts';
import { log, sqrt } from '../../stats/math.ts';
import { stream } from '../../stats/random.ts';
import { combine, type InfluenceSums, influenceSums, sumOf, type Terms, valueOfTerms } from './terms.ts';

export type IntervalKind = 'bca' | 'percentile' | 'normal' | 'empirical-bernstein';

export interface Bounds {
  readonly low: number;
  readonly high: number;
}

export interface BootstrapOptions {
  /** Share of such intervals that hold the truth, in (0, 1). */
  readonly level: number;
  /** The same seed draws the same resamples. */
  readonly seed: number;
  readonly resamples: number;
}

/** Longer logs are resampled by this many blocks of consecutive rows, so that time and memory stay bounded. */
const MAX_BLOCKS = 5_000;

/**
 * Percentile bootstrap (Efron 1979) of rows, or of blocks of consecutive rows where there are more than 5,000: then
 * what neighbouring rows share is kept together as well (Künsch 1989).
 */
export function percentileInterval(terms: Terms, options: BootstrapOptions): Bounds {
  const tail = (1 - options.level) / 2;
  const sorted = resampled(blocksOf(terms), options);
  return { low: quantileOf(sorted, tail), high: quantileOf(sorted, 1 - tail) };
}

/**
 * Bias-corrected and accelerated bootstrap: Efron, "Better bootstrap confidence intervals" (JASA 1987). The acceleration
 * is taken from the influence function.
 */
export function bcaInterval(
  terms: Terms,
  options: BootstrapOptions,
  sums: InfluenceSums = influenceSums(terms),
): Bounds {
  const blocks = blocksOf(terms);
  const sorted = resampled(blocks, options);
  const value = valueOfTerms(terms);
  let below = 0;
  for (const each of sorted)
    if (each < value) below += 1;
    else if (each === value) below += 0.5;
  const share = Math.min(Math.max(below, 0.5), sorted.length - 0.5) / sorted.length;
  const bias = normalQuantile(share);
  const acceleration = accelerationOf(sums);
  const at = (tail: number): number => {
    const z = bias + normalQuantile(tail);
    return quantileOf(sorted, normalCdf(bias + z / (1 - acceleration * z)));
  };
  const tail = (1 - options.level) / 2;
  return { low: at(tail), high: at(1 - tail) };
}

/** Normal interval from the influence function (the delta method): for comparison, and where millions of rows agree. */
export function normalInterval(terms: Terms, level: number): Bounds {
  const value = valueOfTerms(terms);
  const half = normalQuantile(0.5 + level / 2) * standardErrorOf(terms);
  return { low: value - half, high: value + half };
}

/** Standard error by the influence function, with n − 1 in the divisor. */
export function standardErrorOf(terms: Terms, sums: InfluenceSums = influenceSums(terms)): number {
  return sqrt(sums.squares / Math.max(1, terms.n - 1) / terms.n);
}

/**
 * Two-sided empirical Bernstein bound: √(2V ln(4/α) / n) + 7 (high − low) ln(4/α) / (3 (n − 1)) about a mean. Maurer and
 * Pontil, "Empirical Bernstein bounds and sample variance penalization" (COLT 2009), theorem 4. It holds at any n, given
 * the range of one term; wide where that range is.
 */
export function empiricalBernstein(
  values: Float64Array,
  range: readonly [number, number],
  level: number,
): Bounds {
  const n = values.length;
  if (n < 2) return { low: range[0], high: range[1] };
  const mean = sumOf(values) / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i] - mean) * (values[i] - mean);
  const logTerm = log(4 / (1 - level));
  const half =
    sqrt((2 * (squares / (n - 1)) * logTerm) / n) + (7 * (range[1] - range[0]) * logTerm) / (3 * (n - 1));
  return { low: Math.max(range[0], mean - half), high: Math.min(range[1], mean + half) };
}

/** Sums of each column over each block. */
interface Blocks {
  readonly count: number;
  readonly rows: Float64Array;
  readonly mean: Float64Array;
  readonly top: Float64Array;
  readonly bottom: Float64Array | undefined;
}

function blocksOf(terms: Terms): Blocks {
  const { n, mean, ratio } = terms;
  const count = Math.min(n, MAX_BLOCKS);
  const blocks: Blocks = {
    count,
    rows: new Float64Array(count),
    mean: new Float64Array(count),
    top: new Float64Array(count),
    bottom: ratio === undefined ? undefined : new Float64Array(count),
  };
  for (let i = 0; i < n; i++) {
    const block = n === count ? i : Math.floor((i * count) / n);
    blocks.rows[block] += 1;
    if (mean !== undefined) blocks.mean[block] += mean[i];
    if (ratio !== undefined && blocks.bottom !== undefined) {
      blocks.top[block] += ratio.top[i];
      blocks.bottom[block] += ratio.bottom[i];
    }
  }
  return blocks;
}

/** Estimates of all resamples, sorted. */
function resampled(blocks: Blocks, { seed, resamples }: BootstrapOptions): Float64Array {
  const draws = stream(seed, 0x626f6f74);
  const { count, rows, mean, top, bottom } = blocks;
  const out = new Float64Array(resamples);
  for (let b = 0; b < resamples; b++) {
    let n = 0;
    let meanSum = 0;
    let topSum = 0;
    let bottomSum = 0;
    for (let k = 0; k < count; k++) {
      const pick = Math.floor(draws.next() * count);
      n += rows[pick];
      meanSum += mean[pick];
      if (bottom === undefined) continue;
      topSum += top[pick];
      bottomSum += bottom[pick];
    }
    // A resample without any weight says nothing: it counts as one without reward.
    out[b] =
      bottom !== undefined && bottomSum === 0
        ? meanSum / n
        : combine(meanSum, topSum, bottom === undefined ? undefined : bottomSum, n);
  }
  return out.sort();
}

/** Σψ³ / (6 (Σψ²)^1.5): the skewness of the estimate's influence. */
function accelerationOf({ squares, cubes }: InfluenceSums): number {
  return squares > 0 ? cubes / (6 * squares * sqrt(squares)) : 0;
}

/** Linear between order statistics. */
function quantileOf(sorted: Float64Array, q: number): number {
  const at = Math.min(Math.max(q, 0), 1) * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}
