/** How the importance weights of an evaluation are spread, for a histogram. */
export interface WeightCounts {
  /** Rows that the candidate would surely have decided otherwise: weight 0. */
  readonly zero: number;
  /** Rows with `from` ≤ weight < `to`, rising, each twice as far as the one before; none empty at either end. */
  readonly bins: readonly { readonly from: number; readonly to: number; readonly rows: number }[];
}

/** Powers of two that bins begin at: smaller weights fall into the first, larger ones into the last. */
const [LOWEST, HIGHEST] = [-10, 19];

/** Counts weights by powers of two: what matters of a weight is its size, and sizes go over many of them. */
export function weightCounts(weight: Float64Array): WeightCounts {
  const counts = new Array<number>(HIGHEST - LOWEST + 1).fill(0);
  let zero = 0;
  for (let i = 0; i < weight.length; i++) {
    if (!(weight[i] > 0)) zero++;
    else counts[Math.min(HIGHEST, Math.max(LOWEST, Math.floor(Math.log2(weight[i])))) - LOWEST]++;
  }
  const first = counts.findIndex((rows) => rows > 0);
  if (first < 0) return { zero, bins: [] };
  const last = counts.findLastIndex((rows) => rows > 0);
  const bins = counts
    .slice(first, last + 1)
    .map((rows, i) => ({ from: 2 ** (LOWEST + first + i), to: 2 ** (LOWEST + first + i + 1), rows }));
  return { zero, bins };
}
