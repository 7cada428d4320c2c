import type { Estimate } from '../status.ts';

/** Sums of one side of a comparison. */
export interface Sums {
  readonly n: number;
  readonly sum: number;
  readonly squares: number;
}

const ALPHA = 0.05;
/** Tightest near this many outcomes; valid at all. */
const TUNED_FOR = 2000;
/** Fewest outcomes for an interval: before, the variance is not known well enough. */
const FEWEST = 30;

/**
 * Mean with an always-valid 95 % confidence sequence: the asymptotic sequence of Waudby-Smith, Arbour, Sinha, Kennedy
 * and Ramdas (2021, arXiv:2103.06476, theorem 2.2). It may be looked at after every outcome.
 */
export function meanEstimate(sums: Sums): Estimate {
  if (sums.n === 0) return { mean: null, low: null, high: null, n: 0 };
  const mean = sums.sum / sums.n;
  if (sums.n < FEWEST) return { mean, low: null, high: null, n: sums.n };
  const half = halfWidth(sums, ALPHA);
  return { mean, low: mean - half, high: mean + half, n: sums.n };
}

/** `a` − `b`. Both sequences hold at once at α/2 each, so their difference holds at α. */
export function meanDifference(a: Sums, b: Sums): Estimate {
  const n = a.n + b.n;
  if (a.n === 0 || b.n === 0) return { mean: null, low: null, high: null, n };
  const mean = a.sum / a.n - b.sum / b.n;
  if (a.n < FEWEST || b.n < FEWEST) return { mean, low: null, high: null, n };
  const half = halfWidth(a, ALPHA / 2) + halfWidth(b, ALPHA / 2);
  return { mean, low: mean - half, high: mean + half, n };
}

function halfWidth({ n, sum, squares }: Sums, alpha: number): number {
  const variance = Math.max(0, squares / n - (sum / n) ** 2);
  const rho2 = (-2 * Math.log(alpha) + Math.log(-2 * Math.log(alpha) + 1)) / TUNED_FOR;
  const t = n * rho2 + 1;
  return Math.sqrt(variance) * Math.sqrt((2 * t * Math.log(Math.sqrt(t) / alpha)) / (n * n * rho2));
}
