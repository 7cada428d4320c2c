import type { Comparison } from '../comparison.ts';

/** A decision of this stratum (and arm, where the policy's arms are compared) counts for this variant. */
export interface Seat {
  readonly comparison: Comparison;
  /** Index of the variant; −1: that of the arm. */
  readonly variant: number;
}

/** Which comparisons hear of a stratum: asked for every decision whose window closes. */
export function seatsOf(comparisons: readonly Comparison[]): ReadonlyMap<string, readonly Seat[]> {
  const seats = new Map<string, Seat[]>();
  for (const comparison of comparisons) {
    const strata = comparison.kind === 'arms' ? [comparison.variants[0].stratum] : [];
    if (comparison.kind !== 'arms') strata.push(...comparison.variants.map(({ stratum }) => stratum));
    strata.forEach((stratum, i) => {
      const seat = { comparison, variant: comparison.kind === 'arms' ? -1 : i };
      const known = seats.get(stratum);
      if (known === undefined) seats.set(stratum, [seat]);
      else known.push(seat);
    });
  }
  return seats;
}
