import { logBeta } from './distributions.ts';
import { log, sqrt } from './math.ts';
import { mostOf, type Spread, type Sums, scaled, spreadOf, together } from './spread.ts';

export type { Sums } from './spread.ts';

/**
 * Always-valid confidence sequences: intervals that hold at every look at once, so that a page may show them live.
 * (A fixed-time 95 % interval looked at a hundred times misses a third of the time.) Two kinds are combined:
 *
 * - Where the range of an outcome is known, an exact one for bounded outcomes, valid from the first: the beta-binomial
 *   mixture (Robbins 1970; sub-Bernoulli in Howard, Ramdas, McAuliffe, Sekhon, "Time-uniform, nonparametric,
 *   nonasymptotic confidence sequences", Annals of Statistics 2021). Tight for yes-or-no outcomes, wide for others.
 * - An asymptotic one, from `MIN_OUTCOMES` on: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit
 *   theory and asymptotic confidence sequences", Annals of Statistics 2024. With standard error s and mixture variance
 *   τ²: |estimate − truth| < √( s² (s² + τ²) / τ² · ln((s² + τ²) / (s² α²)) ).
 *
 * Give the range where there is one (an error is charged the deadline: the range ends there). Without it nothing can be
 * known of rare large outcomes that have not come yet, and the interval misses more often than α while they are few. And where
 * the outcomes vary by no more than rounding does (`spread.ts`), nothing is said without one.
 */
export interface Interval {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

export interface SequenceOptions {
  /** Probability of ever missing the truth; default 0.05. */
  readonly alpha?: number | undefined;
  /** Range of one outcome, where it has one. */
  readonly range?: readonly [number, number] | undefined;
  /** Number of outcomes at which the interval should be tightest; it holds at all others too. Default 1000. */
  readonly tightestAt?: number | undefined;
}

/** Fewest outcomes of a sample for the asymptotic kind: the normal limit must have set in. */
export const MIN_OUTCOMES = 100;
// As many outcomes at the far end of the range must be possible by what was seen, before a variance is believed.
const MIN_EXTREMES = 5;

/** The mean of independent outcomes, at every n at once; undefined while there is nothing to say. */
export function meanSequence(sums: Sums, options: SequenceOptions = {}): Interval | undefined {
  const { alpha = 0.05, range, tightestAt = 1000 } = options;
  if (range === undefined) return asymptoticMean(sums, alpha, tightestAt, undefined);
  if (!(sums.n > 0)) return undefined;
  if (isBinary(sums, range)) return boundedMean(sums, alpha, range);
  const exact = boundedMean(sums, alpha / 2, range);
  return intersect(exact, asymptoticMean(sums, alpha / 2, tightestAt, range));
}

/**
 * mean(a) − mean(b) of two samples that grow together at steady shares (treated units beside the holdout), at every time
 * at once; undefined while there is nothing to say.
 */
export function differenceSequence(a: Sums, b: Sums, options: SequenceOptions = {}): Interval | undefined {
  const { alpha = 0.05, range, tightestAt = 1000 } = options;
  if (range === undefined) return asymptoticDifference(a, b, alpha, tightestAt, undefined);
  if (!(a.n > 0 && b.n > 0)) return undefined;
  const [first, second] = [boundedMean(a, alpha / 4, range), boundedMean(b, alpha / 4, range)];
  const exact = {
    estimate: first.estimate - second.estimate,
    low: first.low - second.high,
    high: first.high - second.low,
  };
  return intersect(exact, asymptoticDifference(a, b, alpha / 2, tightestAt, range));
}

/** Both hold at once; where rounding or chance leaves nothing between them, the exact one is the answer. */
function intersect(exact: Interval, other: Interval | undefined): Interval {
  if (other === undefined) return exact;
  const low = Math.max(exact.low, other.low);
  const high = Math.min(exact.high, other.high);
  return low <= high ? { estimate: exact.estimate, low, high } : exact;
}

/** All means μ whose mixture likelihood ratio ∫ p^S (1−p)^(n−S) dp / μ^S (1−μ)^(n−S) has not reached 1/α. */
function boundedMean(sums: Sums, alpha: number, range: readonly [number, number]): Interval {
  const [floor, ceiling] = range;
  const width = ceiling - floor;
  const { n } = sums;
  const successes = (sums.sum - n * floor) / width;
  // By how much rounding may have moved them: see `spread.ts`. Far from 0 a narrow range drowns in it.
  const noise = (n * Number.EPSILON * sqrt(n * sums.squares)) / width;
  const within = (count: number): number => Math.min(n, Math.max(0, count));
  return {
    estimate: floor + width * (within(successes) / n),
    low: floor + width * endOf(within(successes - noise), n, alpha, 0),
    high: floor + width * endOf(within(successes + noise), n, alpha, 1),
  };
}

/** Where, between the mean and this end of [0, 1], the likelihood ratio of so many successes of n reaches 1/α. */
function endOf(successes: number, n: number, alpha: number, end: number): number {
  const threshold = logBeta(successes + 1, n - successes + 1) + log(alpha);
  return edge(successes / n, end, (mu) => {
    const fit =
      (successes > 0 ? successes * log(mu) : 0) + (successes < n ? (n - successes) * log(1 - mu) : 0);
    return threshold < fit;
  });
}

/** Where `inside` ends between a point inside and an end of the range; errs to the outside. */
function edge(from: number, end: number, inside: (mu: number) => boolean): number {
  if (from === end || inside(end)) return end;
  let good = from;
  let bad = end;
  for (let i = 0; i < 40; i++) {
    const middle = (good + bad) / 2;
    if (inside(middle)) good = middle;
    else bad = middle;
  }
  return bad;
}

function asymptoticMean(
  sums: Sums,
  alpha: number,
  tightestAt: number,
  range: readonly [number, number] | undefined,
): Interval | undefined {
  if (!ready(sums, range)) return undefined;
  const estimate = sums.sum / sums.n;
  const variance = mostOf(varianceOf(sums, range));
  if (variance === undefined) return undefined;
  const half = mixtureRadius(variance / sums.n, variance * mixtureScale(alpha, tightestAt), alpha);
  return { estimate, low: estimate - half, high: estimate + half };
}

function asymptoticDifference(
  a: Sums,
  b: Sums,
  alpha: number,
  tightestAt: number,
  range: readonly [number, number] | undefined,
): Interval | undefined {
  if (!ready(a, range) || !ready(b, range)) return undefined;
  const estimate = a.sum / a.n - b.sum / b.n;
  const squaredError = mostOf(
    together(scaled(varianceOf(a, range), 1 / a.n), scaled(varianceOf(b, range), 1 / b.n)),
  );
  if (squaredError === undefined) return undefined;
  // As one sample with the information of both: the harmonic size, and the variance that gives this standard error.
  const size = 1 / (1 / a.n + 1 / b.n);
  const half = mixtureRadius(squaredError, squaredError * size * mixtureScale(alpha, tightestAt), alpha);
  return { estimate, low: estimate - half, high: estimate + half };
}

/**
 * Half width of the normal mixture's boundary about an estimate with this squared standard error (see above); it holds
 * at every time at once. `tau2`: variance of the mixture over the effect, > 0; the error is above 0 too: of one that is not
 * known nothing follows (`mostOf`).
 */
export function mixtureRadius(squaredError: number, tau2: number, alpha: number): number {
  const ratio = (squaredError + tau2) / squaredError;
  return sqrt(squaredError * (1 + squaredError / tau2) * log(ratio / (alpha * alpha)));
}

/** ρ² that makes the boundary tightest about `n` outcomes (Waudby-Smith et al. 2024, eq. 47); τ² = variance · ρ². */
export function mixtureScale(alpha: number, n: number): number {
  const a = -2 * log(alpha);
  return (a + log(a + 1)) / n;
}

function ready(sums: Sums, range: readonly [number, number] | undefined): boolean {
  if (!(sums.n >= MIN_OUTCOMES)) return false;
  if (range === undefined) return true;
  const far = farthest(sums, range);
  const { seen, noise } = spreadOf(sums);
  return seen > noise && seen >= (MIN_EXTREMES - 1) * far * far;
}

function varianceOf(sums: Sums, range: readonly [number, number] | undefined): Spread {
  const spread = spreadOf(sums);
  // Nine in n more, for the skew of small samples.
  if (range === undefined) return scaled(spread, (1 + 9 / sums.n) / sums.n);
  // As if one more outcome at the far end had been seen: what has not happened yet may still happen.
  const far = farthest(sums, range);
  return scaled({ seen: spread.seen + far * far, noise: spread.noise }, 1 / sums.n);
}

function farthest(sums: Sums, range: readonly [number, number]): number {
  const mean = sums.sum / sums.n;
  return Math.max(range[1] - mean, mean - range[0]);
}

/** Whether every outcome was at one end of the range: then Σ(x − low)² is all it can be. */
function isBinary(sums: Sums, range: readonly [number, number]): boolean {
  const [floor, ceiling] = range;
  const shifted = sums.squares - 2 * floor * sums.sum + sums.n * floor * floor;
  const most = (ceiling - floor) * (sums.sum - sums.n * floor);
  return shifted >= most * (1 - 1e-9);
}
