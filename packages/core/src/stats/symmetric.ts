import { sqrt } from './math.ts';

/**
 * Small dense symmetric matrices, packed: the lower triangle row by row, element (i, j ≤ i) at i(i + 1)/2 + j. A factor
 * L of A = L Lᵀ is packed alike. Every kernel takes room for its answer and allocates nothing; sums run in a fixed order,
 * so the same numbers give the same bits.
 */

/** Numbers in a packed triangle of this dimension. */
export function packedLength(dimension: number): number {
  return (dimension * (dimension + 1)) / 2;
}

/** A += weight · x xᵀ, with A from `at` on. Rows where x is 0 cost nothing. */
export function addOuter(
  a: Float64Array,
  at: number,
  x: Float64Array,
  dimension: number,
  weight: number,
): void {
  for (let i = 0, row = at; i < dimension; row += ++i) {
    const wx = weight * x[i];
    if (wx === 0) continue;
    for (let j = 0; j <= i; j++) a[row + j] += wx * x[j];
  }
}

/** xᵀ A x. */
export function quadraticForm(a: Float64Array, x: Float64Array, dimension: number): number {
  let sum = 0;
  for (let i = 0, row = 0; i < dimension; row += ++i) {
    if (x[i] === 0) continue;
    let off = 0;
    for (let j = 0; j < i; j++) off += a[row + j] * x[j];
    sum += x[i] * (2 * off + a[row + i] * x[i]);
  }
  return sum;
}

// A pivot below this part of the largest element is rounding, not information.
const PIVOT = 1e-14;
const FIRST_JITTER = 1e-12;
// A matrix of nothing but such numbers is taken for zero.
const TINY = 1e-200;

/**
 * L with L Lᵀ = A + jitter · I, into `out`. Returns the jitter: 0 unless a pivot is lost to rounding or A is not positive
 * definite; then 10⁻¹² of A's largest element, a hundred times more at each further attempt (as far as it takes). NaN,
 * and nothing of use in `out`, where A is not finite.
 */
export function cholesky(a: Float64Array, dimension: number, out: Float64Array): number {
  let largest = 0;
  for (let at = packedLength(dimension) - 1; at >= 0; at--) {
    const size = Math.abs(a[at]);
    if (!(size < Infinity)) return Number.NaN;
    if (size > largest) largest = size;
  }
  const unit = largest > TINY ? largest : 1;
  const least = PIVOT * unit;
  for (let jitter = 0; jitter < 1e6 * unit; jitter = jitter === 0 ? FIRST_JITTER * unit : 100 * jitter)
    if (factor(a, dimension, jitter, least, out)) return jitter;
  return Number.NaN;
}

function factor(
  a: Float64Array,
  dimension: number,
  jitter: number,
  least: number,
  out: Float64Array,
): boolean {
  for (let i = 0, row = 0; i < dimension; row += ++i) {
    for (let j = 0, other = 0; j < i; other += ++j) {
      let sum = a[row + j];
      for (let k = 0; k < j; k++) sum -= out[row + k] * out[other + k];
      out[row + j] = sum / out[other + j];
    }
    let pivot = a[row + i] + jitter;
    for (let k = 0; k < i; k++) pivot -= out[row + k] * out[row + k];
    if (!(pivot > least) || pivot === Infinity) return false;
    out[row + i] = sqrt(pivot);
  }
  return true;
}

/** Solves L y = b in place. */
export function solveLower(l: Float64Array, b: Float64Array, dimension: number): void {
  for (let i = 0, row = 0; i < dimension; row += ++i) {
    let sum = b[i];
    for (let k = 0; k < i; k++) sum -= l[row + k] * b[k];
    b[i] = sum / l[row + i];
  }
}

/** Solves Lᵀ x = y in place. */
export function solveUpper(l: Float64Array, y: Float64Array, dimension: number): void {
  for (let i = dimension - 1; i >= 0; i--) {
    const row = (i * (i + 1)) / 2;
    y[i] /= l[row + i];
    for (let k = 0; k < i; k++) y[k] -= l[row + k] * y[i];
  }
}

/** L⁻¹, packed, into `out` from `at` on: xᵀ A⁻¹ x is then |L⁻¹x|², which cannot be negative. */
export function invertLower(l: Float64Array, dimension: number, out: Float64Array, at: number): void {
  for (let i = 0, row = 0; i < dimension; row += ++i) {
    const diagonal = 1 / l[row + i];
    for (let j = 0; j < i; j++) {
      let sum = 0;
      for (let k = j, other = (j * (j + 1)) / 2; k < i; other += ++k) sum += l[row + k] * out[at + other + j];
      out[at + row + j] = -sum * diagonal;
    }
    out[at + row + i] = diagonal;
  }
}

/** |T x|² for a packed lower triangle T from `at` on. */
export function squaredLength(t: Float64Array, at: number, x: Float64Array, dimension: number): number {
  let sum = 0;
  for (let i = 0, row = at; i < dimension; row += ++i) {
    // Four sums side by side: one alone would wait for itself at every step.
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    let j = 0;
    for (; j + 3 <= i; j += 4) {
      a += t[row + j] * x[j];
      b += t[row + j + 1] * x[j + 1];
      c += t[row + j + 2] * x[j + 2];
      d += t[row + j + 3] * x[j + 3];
    }
    for (; j <= i; j++) a += t[row + j] * x[j];
    const along = a + b + (c + d);
    sum += along * along;
  }
  return sum;
}
