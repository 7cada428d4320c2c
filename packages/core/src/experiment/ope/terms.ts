/**
 * Every estimator here is a mean, plus at most one ratio of means, over rows. So an estimator only says which columns,
 * and value, influence, resampling and bounds are worked out once, for all of them alike.
 */
export interface Terms {
  /** Added by its mean; undefined: nothing is. */
  readonly mean: Float64Array | undefined;
  /** Added as mean(top) / mean(bottom). */
  readonly ratio: { readonly top: Float64Array; readonly bottom: Float64Array } | undefined;
  readonly n: number;
}

/** Terms of a plain mean. */
export function meanTerms(column: Float64Array): Terms {
  return { mean: column, ratio: undefined, n: column.length };
}

/** A column made row by row. */
export function column(n: number, at: (i: number) => number): Float64Array {
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) out[i] = at(i);
  return out;
}

export function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum;
}

/** The estimate; NaN where there are no rows, or no weight at all. */
export function valueOfTerms(terms: Terms): number {
  return combine(
    terms.mean === undefined ? 0 : sumOf(terms.mean),
    terms.ratio === undefined ? 0 : sumOf(terms.ratio.top),
    terms.ratio === undefined ? undefined : sumOf(terms.ratio.bottom),
    terms.n,
  );
}

/** The estimate from sums over rows. @param bottom - undefined: there is no ratio */
export function combine(mean: number, top: number, bottom: number | undefined, n: number): number {
  return mean / n + (bottom === undefined ? 0 : top / bottom);
}

/**
 * The estimate's influence function at each row (Hampel 1974): ψᵢ = aᵢ − ā + (tᵢ − R bᵢ) / b̄, with mean 0. Its variance
 * over n is the estimate's, to first order: the delta method.
 */
export function influenceOf(terms: Terms): Float64Array {
  const { n, mean, ratio } = terms;
  const out = new Float64Array(n);
  if (mean !== undefined) {
    const centre = sumOf(mean) / n;
    for (let i = 0; i < n; i++) out[i] = mean[i] - centre;
  }
  if (ratio !== undefined) {
    const bottom = sumOf(ratio.bottom) / n;
    const quotient = sumOf(ratio.top) / n / bottom;
    for (let i = 0; i < n; i++) out[i] += (ratio.top[i] - quotient * ratio.bottom[i]) / bottom;
  }
  return out;
}

/** Sums over rows of powers of the influence: of all that spread, skew and tails are asked for, in one pass. */
export interface InfluenceSums {
  readonly squares: number;
  readonly cubes: number;
  readonly fourths: number;
}

/** The sums, without a column for the influence itself. */
export function influenceSums({ n, mean, ratio }: Terms): InfluenceSums {
  const centre = mean === undefined ? 0 : sumOf(mean) / n;
  const bottom = ratio === undefined ? 1 : sumOf(ratio.bottom) / n;
  const quotient = ratio === undefined ? 0 : sumOf(ratio.top) / n / bottom;
  let squares = 0;
  let cubes = 0;
  let fourths = 0;
  for (let i = 0; i < n; i++) {
    let psi = mean === undefined ? 0 : mean[i] - centre;
    if (ratio !== undefined) psi += (ratio.top[i] - quotient * ratio.bottom[i]) / bottom;
    const square = psi * psi;
    squares += square;
    cubes += square * psi;
    fourths += square * square;
  }
  return { squares, cubes, fourths };
}

/** The same estimate less the mean of a column: a difference from the log's own value, row by row. */
export function less(terms: Terms, subtracted: Float64Array): Terms {
  const { mean, n } = terms;
  return { ...terms, mean: column(n, (i) => (mean === undefined ? 0 : mean[i]) - subtracted[i]) };
}
