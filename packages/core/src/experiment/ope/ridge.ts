import { sqrt } from '../../stats/math.ts';

/**
 * Adds one row to the sums of a least-squares fit, laid out as XᵀX (d × d, lower half), Xᵀr (d), Xᵀ1 (d), count.
 *
 * @param at - where the stretch begins
 */
export function addOuter(sums: Float64Array, at: number, x: Float64Array, reward: number): void {
  const d = x.length;
  for (let i = 0; i < d; i++) {
    const row = at + i * d;
    for (let j = 0; j <= i; j++) sums[row + j] += x[i] * x[j];
    sums[at + d * d + i] += x[i] * reward;
    sums[at + d * d + d + i] += x[i];
  }
  sums[at + d * d + 2 * d] += 1;
}

/** (XᵀX + penalty·I)⁻¹ Xᵀ(r − centre) by Cholesky's factorisation; the penalty above 0 keeps it definite. */
export function solveRidge(sums: Float64Array, d: number, centre: number, penalty: number): Float64Array {
  const factor = new Float64Array(d * d);
  for (let i = 0; i < d; i++)
    for (let j = 0; j <= i; j++) {
      let sum = sums[i * d + j] + (i === j ? penalty : 0);
      for (let k = 0; k < j; k++) sum -= factor[i * d + k] * factor[j * d + k];
      factor[i * d + j] = i === j ? sqrt(sum) : sum / factor[j * d + j];
    }
  const out = new Float64Array(d);
  for (let i = 0; i < d; i++) {
    let sum = sums[d * d + i] - centre * sums[d * d + d + i];
    for (let k = 0; k < i; k++) sum -= factor[i * d + k] * out[k];
    out[i] = sum / factor[i * d + i];
  }
  for (let i = d - 1; i >= 0; i--) {
    let sum = out[i];
    for (let k = i + 1; k < d; k++) sum -= factor[k * d + i] * out[k];
    out[i] = sum / factor[i * d + i];
  }
  return out;
}
