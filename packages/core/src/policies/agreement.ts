import { sqrt } from '../stats/math.ts';

/**
 * How alike the members propose, lately: local, about a thousand decisions long. Sums of products of what each gives an
 * arm beyond an even share, over decisions and allowed arms; a pair's correlation is read from three of them.
 */
export interface Agreement {
  /** Row by row, a full square; only i ≤ j is used. */
  readonly products: Float64Array;
  readonly members: number;
}

const KEEP = 1 - 1 / 1024;

export const agreement = (members: number): Agreement => ({
  products: new Float64Array(members * members),
  members,
});

/** Adds one decision. A member that did not answer says nothing about any pair. Allocates nothing. */
export function compareProposals(
  { products, members }: Agreement,
  proposals: readonly { readonly p: Float64Array }[],
  answered: Uint8Array,
  arms: number,
  allowedCount: number,
): void {
  for (let i = 0; i < members; i++) {
    if (answered[i] === 0) continue;
    for (let j = i; j < members; j++) {
      if (answered[j] === 0) continue;
      // Both sum to 1 over k allowed arms: Σ(p − 1/k)(q − 1/k) = Σpq − 1/k.
      let sum = -1 / allowedCount;
      for (let a = 0; a < arms; a++) sum += proposals[i].p[a] * proposals[j].p[a];
      products[i * members + j] = KEEP * products[i * members + j] + sum;
    }
  }
}

/** Pearson correlation of two members' proposals, in [−1, 1]; null while one of them is even always. */
export function correlationOf({ products, members }: Agreement, i: number, j: number): number | null {
  const [low, high] = i < j ? [i, j] : [j, i];
  const a = products[i * members + i];
  const b = products[j * members + j];
  // Proposals as even as rounding allows do not vary.
  if (!(a > 1e-9 && b > 1e-9)) return null;
  return Math.max(-1, Math.min(1, products[low * members + high] / sqrt(a * b)));
}
