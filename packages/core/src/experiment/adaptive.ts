import { sqrt } from '../stats/math.ts';
import { type Interval, MIN_OUTCOMES, mixtureRadius, mixtureScale } from '../stats/sequential.ts';
import { mostOf, roundingOf, type Spread, scaled, together } from '../stats/spread.ts';
import { logMixtureRatio, type MixtureTest, ratioOf } from './mixture-test.ts';
import { type Bounded, boundedMean } from './wagers.ts';

/**
 * Means of arms that were chosen adaptively. The plain mean of an arm under Thompson sampling is biased downwards (an
 * unlucky arm is left alone) and its t-value is not normal. Hadad, Hirshberg, Zhan, Wager, Athey, "Confidence intervals
 * for policy evaluation in adaptive experiments", PNAS 2021: score every decision by AIPW,
 * Γ = m + 1{arm = a}(y − m)/p, and average with weights √p ("constant allocation rate"), which makes the conditional
 * variance of every term the same, so that a martingale central limit theorem holds. Here m is the estimate itself, which
 * makes it self-normalised: only the propensity of the executed arm is needed, and all of it is additive sums.
 *
 * The always-valid interval puts the mixture boundary (see `stats/sequential.ts`) about that martingale; it is asymptotic, and
 * of events that are rare the first thousands of outcomes show too little. Where the range of an outcome is known, the
 * variance is that of one more outcome at its far end, nothing is said before a few such were possible, and the interval is
 * cut with the exact one of `wagers.ts`; each misses half as often.
 */
export interface AdaptiveSums {
  n: number;
  /** Σ p^−½ and Σ y p^−½. */
  root: number;
  rootSum: number;
  /** Σ p⁻¹, Σ y p⁻¹ and Σ y² p⁻¹. */
  inverse: number;
  inverseSum: number;
  inverseSquares: number;
}

export const adaptiveSums = (): AdaptiveSums => ({
  n: 0,
  root: 0,
  rootSum: 0,
  inverse: 0,
  inverseSum: 0,
  inverseSquares: 0,
});

/** Folds one outcome of this arm in, in place. Unknown propensities are left out. */
export function addAdaptive(sums: AdaptiveSums, y: number, propensity: number): void {
  if (!(propensity > 0 && propensity <= 1)) return;
  const inverse = 1 / propensity;
  const root = sqrt(inverse);
  sums.n++;
  sums.root += root;
  sums.rootSum += y * root;
  sums.inverse += inverse;
  sums.inverseSum += y * inverse;
  sums.inverseSquares += y * y * inverse;
}

export interface AdaptiveOptions {
  readonly alpha?: number | undefined;
  /** Outcomes of equal weight about which the interval is tightest; default 1000. It holds at all others too. */
  readonly tightestAt?: number | undefined;
}

export interface MeanOptions extends AdaptiveOptions {
  /** Where an outcome has a range. */
  readonly bounds?: Bounded | undefined;
}

export interface DifferenceOptions extends AdaptiveOptions {
  /** Where outcomes have a range: of the first arm, and of the second. */
  readonly bounds?: readonly [Bounded, Bounded] | undefined;
}

interface Moments {
  readonly estimate: number;
  /** Squared standard error, and how much of it rounding may be. */
  readonly error: Spread;
}

interface Moment2 {
  readonly estimate: number;
  /** > 0. */
  readonly squaredError: number;
}

// As many outcomes of mean weight at the far end of the range must be possible by what was seen: see `stats/sequential.ts`.
const MIN_EXTREMES = 5;

function momentsOf(sums: AdaptiveSums, bounds: Bounded | undefined): Moments | undefined {
  if (!(sums.n >= MIN_OUTCOMES)) return undefined;
  const estimate = sums.rootSum / sums.root;
  const { n, inverse, inverseSum, inverseSquares, root } = sums;
  const spread = {
    seen: inverseSquares - 2 * estimate * inverseSum + estimate * estimate * inverse,
    // Three sums, each rounded as in `spread.ts`, and an estimate.
    noise: 2 * roundingOf(n, inverseSquares + estimate * estimate * inverse),
  };
  if (bounds === undefined || bounds.wagers.outside > 0)
    return { estimate, error: scaled(spread, (1 + 9 / n) / (root * root)) };
  const far = Math.max(bounds.range[1] - estimate, estimate - bounds.range[0]);
  const one = (far * far * inverse) / n;
  if (!(spread.seen > spread.noise && spread.seen >= MIN_EXTREMES * one)) return undefined;
  return { estimate, error: scaled({ ...spread, seen: spread.seen + one }, 1 / (root * root)) };
}

function known({ estimate, error }: Moments): Moment2 | undefined {
  const squaredError = mostOf(error);
  return squaredError === undefined ? undefined : { estimate, squaredError };
}

/**
 * The arm's mean reward had it been chosen always. Without a range: undefined below 100 outcomes, and while they vary by no
 * more than rounding does, for what has never varied says nothing of how it varies; and of events below one in twenty the
 * first thousands of outcomes say less than the interval shows.
 */
export function adaptiveMean(sums: AdaptiveSums, options: MeanOptions = {}): Interval | undefined {
  const { bounds, alpha = 0.05 } = options;
  const seen = momentsOf(sums, bounds);
  const moments = seen && known(seen);
  const each = bounds === undefined ? alpha : alpha / 2;
  const wide = moments && about(moments, effectiveSize(sums), { ...options, alpha: each });
  if (bounds === undefined || sums.n === 0) return wide;
  return cut(sums.rootSum / sums.root, boundedMean(bounds, each), wide);
}

/** Difference of two arms' means; the scores of two arms are uncorrelated about their own means. */
export function adaptiveDifference(
  a: AdaptiveSums,
  b: AdaptiveSums,
  options: DifferenceOptions = {},
): Interval | undefined {
  const { bounds, alpha = 0.05 } = options;
  const moments = differenceOf(a, b, bounds);
  const each = bounds === undefined ? alpha : alpha / 2;
  const wide = moments && about(moments, harmonic(a, b), { ...options, alpha: each });
  if (bounds === undefined || a.n === 0 || b.n === 0) return wide;
  const [first, second] = bounds.map((one) => boundedMean(one, each / 2));
  const exact = { estimate: 0, low: first.low - second.high, high: first.high - second.low };
  return cut(a.rootSum / a.root - b.rootSum / b.root, exact, wide);
}

/** Both hold at once; where chance leaves nothing between them, the exact one is the answer. It holds the estimate. */
function cut(estimate: number, exact: Interval, wide: Interval | undefined): Interval {
  const low = Math.max(exact.low, wide?.low ?? exact.low);
  const high = Math.min(exact.high, wide?.high ?? exact.high);
  const [from, to] = low <= high ? [low, high] : [exact.low, exact.high];
  return { estimate, low: Math.min(from, estimate), high: Math.max(to, estimate) };
}

/** Evidence against "both arms are worth the same", always valid. */
export function adaptiveTest(a: AdaptiveSums, b: AdaptiveSums, options: DifferenceOptions = {}): MixtureTest {
  const moments = differenceOf(a, b, options.bounds);
  if (moments === undefined) return { e: 1, p: 1 };
  return ratioOf(
    logMixtureRatio(moments.estimate, moments.squaredError, tau2Of(moments, harmonic(a, b), options)),
  );
}

function differenceOf(
  a: AdaptiveSums,
  b: AdaptiveSums,
  bounds: DifferenceOptions['bounds'],
): Moment2 | undefined {
  const [first, second] = [momentsOf(a, bounds?.[0]), momentsOf(b, bounds?.[1])];
  if (first === undefined || second === undefined) return undefined;
  return known({
    estimate: first.estimate - second.estimate,
    error: together(first.error, second.error),
  });
}

/** As many outcomes of equal weight would say as much (Kish): (Σw)² / Σw². */
function effectiveSize({ root, inverse }: AdaptiveSums): number {
  return inverse === 0 ? 0 : (root * root) / inverse;
}

function harmonic(a: AdaptiveSums, b: AdaptiveSums): number {
  return 1 / (1 / effectiveSize(a) + 1 / effectiveSize(b));
}

function tau2Of({ squaredError }: Moment2, size: number, options: AdaptiveOptions): number {
  return squaredError * size * mixtureScale(options.alpha ?? 0.05, options.tightestAt ?? 1000);
}

function about(moments: Moment2, size: number, options: AdaptiveOptions): Interval {
  const { estimate, squaredError } = moments;
  const half = mixtureRadius(squaredError, tau2Of(moments, size, options), options.alpha ?? 0.05);
  return { estimate, low: estimate - half, high: estimate + half };
}
