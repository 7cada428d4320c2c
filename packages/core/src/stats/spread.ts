/**
 * What sums say of how much outcomes vary, and how much of it is rounding. Σ(y − ȳ)² is the difference of Σy² and (Σy)²/n:
 * of outcomes that vary little about a large mean nothing may be left of it but what the additions lost, and a variance made
 * of that calls anything better or worse.
 *
 * How much they lose at most: an addition is off by u = ε/2 of what has been summed, so Σy² of n outcomes is off by n u Σy²,
 * and (Σy)²/n by twice as much (Higham, "Accuracy and stability of numerical algorithms", §4.2; (Σ|y|)² ≤ n Σy²). The
 * bound is reached nearly: adding the same number again and again rounds the same way each time. It is 2 n ε Σy² with what
 * the squares themselves and the sums of many nodes round, and it stands above what rounding does to the mean up to 10⁸ outcomes.
 */
export interface Sums {
  /** How many. */
  readonly n: number;
  readonly sum: number;
  readonly squares: number;
  /** By how much rounding may have moved Σ(y − ȳ)², where it is more than the sums tell: they were made from others. */
  readonly noise?: number | undefined;
}

/** A sum of squared deviations, or a variance made of such. */
export interface Spread {
  /** As it was computed: below 0 it is rounding. */
  readonly seen: number;
  /** By how much rounding may have moved it, ≥ 0. */
  readonly noise: number;
}

/** Σ(y − ȳ)². */
export function spreadOf({ n, sum, squares, noise = 0 }: Sums): Spread {
  return { seen: squares - (sum * sum) / n, noise: Math.max(noise, roundingOf(n, squares)) };
}

/** By how much rounding moves Σ(y − ȳ)² at most, of n outcomes whose squares add up to this. */
export const roundingOf = (n: number, squares: number): number => 2 * n * Number.EPSILON * squares;

/** Both in this many parts of them. */
export const scaled = ({ seen, noise }: Spread, factor: number): Spread => ({
  seen: seen * factor,
  noise: noise * factor,
});

export const together = (a: Spread, b: Spread): Spread => ({
  seen: a.seen + b.seen,
  noise: a.noise + b.noise,
});

/**
 * What it is at most; undefined where it cannot be told from rounding, and where nothing has varied: what has never varied says
 * nothing of how it varies.
 */
export function mostOf({ seen, noise }: Spread): number | undefined {
  return seen > noise ? seen + noise : undefined;
}
