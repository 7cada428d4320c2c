import { exp, log1p } from '../stats/math.ts';
import type { Interval } from '../stats/sequential.ts';

/**
 * Means of arms that were chosen adaptively, for outcomes within a range: exact at every n, however rare the events are.
 *
 * Scaled to [0, 1], X = 1{arm = a} y / p is never negative and has the arm's mean ν, given the past, whatever chose. So
 * Π (1 + κX) / (1 + κν) is a test martingale for every κ > 0: it bounds ν from below, and the same of 1 − y from above
 * (betting: Waudby-Smith, Ramdas, JRSS B 2024; with importance weights: Waudby-Smith, Wu, Ramdas, Karampatziakis, Mineiro,
 * "Anytime-valid off-policy inference for contextual bandits", ACM/IMS JDS 2024). Written this way ν stands apart from the
 * outcomes, so that a sum of ln(1 + κX) for each of a few κ is all that is kept, and sums add up; an arm that was not
 * drawn adds 0 to it. The bets are mixed evenly.
 */
export interface WagerSums {
  /** Outcomes of the arm. */
  n: number;
  /** Of them, outside the range: then nothing here holds. */
  outside: number;
  /** Σ ln(1 + κ y/p) for every κ of `WAGERS`, and Σ ln(1 + κ (1 − y)/p). */
  readonly low: number[];
  readonly high: number[];
}

/** From a few outcomes, and rare ones, to millions. */
export const WAGERS: readonly number[] = [1, 1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 1024];

export const wagerSums = (): WagerSums => ({
  n: 0,
  outside: 0,
  low: WAGERS.map(() => 0),
  high: WAGERS.map(() => 0),
});

/** Folds one outcome of this arm in, in place. Unknown propensities are left out. */
export function addWager(
  sums: WagerSums,
  y: number,
  propensity: number,
  range: readonly [number, number],
): void {
  if (!(propensity > 0 && propensity <= 1)) return;
  const at = (y - range[0]) / (range[1] - range[0]);
  sums.n++;
  if (!(at >= 0 && at <= 1)) {
    sums.outside++;
    return;
  }
  WAGERS.forEach((bet, j) => {
    sums.low[j] += log1p((bet * at) / propensity);
    sums.high[j] += log1p((bet * (1 - at)) / propensity);
  });
}

/** What is known of an arm of which each outcome lies in a range. */
export interface Bounded {
  readonly range: readonly [number, number];
  readonly wagers: WagerSums;
  /** Outcomes of all arms together. */
  readonly all: number;
}

/** The arm's mean at level 1 − α, at every time at once; the whole range where an outcome was outside. */
export function boundedMean({ range, wagers, all }: Bounded, alpha: number): Interval {
  const [floor, width] = [range[0], range[1] - range[0]];
  const known = wagers.outside === 0 && wagers.n > 0;
  const low = known ? leastMean(wagers.low, all, alpha / 2) : 0;
  const high = known ? 1 - leastMean(wagers.high, all, alpha / 2) : 1;
  return {
    estimate: floor + (width * (low + high)) / 2,
    low: floor + width * low,
    high: floor + width * high,
  };
}

/** The largest ν in [0, 1] that the bets have refuted at α, to 2⁻⁴⁰; 0 where they have refuted none. */
function leastMean(gains: readonly number[], all: number, alpha: number): number {
  const refuted = (mean: number): boolean => {
    let wealth = 0;
    for (let j = 0; j < WAGERS.length; j++)
      wealth += exp(Math.min(700, gains[j] - all * log1p(WAGERS[j] * mean))) / WAGERS.length;
    return wealth * alpha >= 1;
  };
  if (!refuted(0)) return 0;
  let [low, high] = [0, 1];
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (refuted(middle)) low = middle;
    else high = middle;
  }
  return low;
}
