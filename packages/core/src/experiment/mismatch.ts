import { logGamma } from '../stats/distributions.ts';
import { exp, log, log1p } from '../stats/math.ts';

/**
 * Sample ratio mismatch: are the units that are counted those that were assigned? Lost exposures, crashes in one arm and
 * redirects that drop people leave too few of an arm behind, and every comparison with them is then of other people.
 *
 * The usual χ² assumes fixed shares and one look; under Thompson sampling it alarms on sound experiments. Here the null
 * is what was recorded: the executed arm had been chosen with its recorded propensity p. For every arm a,
 * X = 1{arm = a} / p − 1 then has mean ≤ 0 given the past, however the shares change, so that Π (1 + λX) is a test
 * supermartingale for every λ in (0, 1) and any order of nodes (betting: Waudby-Smith, Ramdas, "Estimating means of
 * bounded random variables by betting", JRSS B 2024). Whoever is lost leaves the others over-represented. The e-value is
 * the mean over arms and bets; it stays below 1/α for ever with probability 1 − α. Its logarithms are sums.
 *
 * Count a decision when it is known for certain whether it is part of the comparison, at an age that is the same for all
 * arms: a slow arm is no lost one.
 */
export interface MismatchSums {
  /** Counted over all arms. */
  n: number;
  readonly arms: MismatchArm[];
}

export interface MismatchArm {
  n: number;
  /** Σ ln(1 + λ(1/p − 1)) over this arm's, for every λ of `BETS`. */
  readonly gains: number[];
}

/** The bets λ: from coarse losses found within hundreds to 1 % losses found within a hundred thousand. */
export const BETS: readonly number[] = [1 / 4, 1 / 16, 1 / 64, 1 / 256];

export const mismatchSums = (arms: number): MismatchSums => ({
  n: 0,
  arms: Array.from({ length: arms }, () => ({ n: 0, gains: BETS.map(() => 0) })),
});

/** Counts one decision in place. `propensity` in (0, 1]; others are left out (unknown is not evidence). */
export function countArm(sums: MismatchSums, arm: number, propensity: number): void {
  if (!(propensity > 0 && propensity <= 1)) return;
  sums.n++;
  const own = sums.arms[arm];
  own.n++;
  const excess = 1 / propensity - 1;
  for (let j = 0; j < BETS.length; j++) own.gains[j] += log1p(BETS[j] * excess);
}

export interface Mismatch {
  /** ≥ 0; under the null it ever reaches 1/α with probability at most α. */
  readonly e: number;
  /** The arm that there is most too much of; −1 while nothing is counted. */
  readonly most: number;
}

/** Evidence that the counted decisions are not those that were made. */
export function mismatch(sums: MismatchSums): Mismatch {
  let total = 0;
  let most = -1;
  let heaviest = Number.NEGATIVE_INFINITY;
  sums.arms.forEach((arm, a) => {
    let wealth = 0;
    for (let j = 0; j < BETS.length; j++)
      wealth += exp(Math.min(700, arm.gains[j] + (sums.n - arm.n) * log1p(-BETS[j]))) / BETS.length;
    total += wealth / sums.arms.length;
    if (wealth > heaviest && arm.n > 0) [heaviest, most] = [wealth, a];
  });
  return { e: sums.n === 0 ? 1 : total, most };
}

/**
 * The same for shares that never change, by the Dirichlet mixture: Lindon, Malek, "Anytime-valid inference for
 * multinomial count data", NeurIPS 2022. Sees arms that are too rare as well as those too common, and so is the more
 * powerful one. Concentration 100 times the share: tuned for small mismatches.
 */
export function multinomialMismatch(counts: readonly number[], shares: readonly number[]): number {
  const n = counts.reduce((sum, count) => sum + count, 0);
  let logE = logGamma(CONCENTRATION) - logGamma(CONCENTRATION + n);
  counts.forEach((count, i) => {
    if (shares[i] === 0) {
      if (count > 0) logE = Number.POSITIVE_INFINITY;
      return;
    }
    const prior = CONCENTRATION * shares[i];
    logE += logGamma(prior + count) - logGamma(prior) - (count === 0 ? 0 : count * log(shares[i]));
  });
  return exp(Math.min(700, logE));
}

const CONCENTRATION = 100;
