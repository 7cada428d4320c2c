/**
 * Many comparisons at once: several arms, several metrics. Fixed-horizon p-values: Holm (1979) keeps the chance of any
 * false find below α whatever the dependence; Benjamini and Hochberg (1995) the expected share of false finds, where
 * the tests are independent or positively dependent. E-values: e-BH (Wang, Ramdas, "False discovery rate control with
 * e-values", JRSS B 2022), whatever the dependence and at whatever time one looks.
 */

/** Holm's adjusted p-values, in the order given: a find at α iff ≤ α. */
export function holm(p: readonly number[]): number[] {
  const order = rising(p);
  const out = new Array<number>(p.length);
  let most = 0;
  order.forEach((index, rank) => {
    most = Math.max(most, Math.min(1, (p.length - rank) * p[index]));
    out[index] = most;
  });
  return out;
}

/** Benjamini and Hochberg's adjusted p-values, in the order given: a find at false discovery rate α iff ≤ α. */
export function benjaminiHochberg(p: readonly number[]): number[] {
  const order = rising(p);
  const out = new Array<number>(p.length);
  let least = 1;
  for (let rank = p.length; rank >= 1; rank--) {
    const index = order[rank - 1];
    least = Math.min(least, (p.length * p[index]) / rank);
    out[index] = least;
  }
  return out;
}

/** e-BH: which of the hypotheses are found false at false discovery rate α, in the order given. */
export function eBenjaminiHochberg(e: readonly number[], alpha: number): boolean[] {
  const order = rising(e.map((value) => -value));
  let finds = 0;
  order.forEach((index, rank) => {
    if (e[index] >= e.length / (alpha * (rank + 1))) finds = rank + 1;
  });
  const out = new Array<boolean>(e.length).fill(false);
  for (let rank = 0; rank < finds; rank++) out[order[rank]] = true;
  return out;
}

function rising(values: readonly number[]): number[] {
  return values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
}
