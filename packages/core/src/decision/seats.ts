import type { Comparison } from '../comparison.ts';
import { GanglionError } from '../errors.ts';
import type { Guard } from '../guard.ts';
import { hash32 } from '../stats/hash.ts';
import type { CompiledPoint } from './define.ts';
import type { HoldingPlan } from './pending.ts';

/**
 * What the guards of a point compare. `rolledOut`: what a rollout brings to the units, and instead of what; another
 * policy under the same rollout is judged anew. @throws GanglionError `invalid_spec`
 */
export function comparisonsOf(guards: readonly Guard[], rolledOut: unknown): Comparison[] {
  const all = guards.flatMap((guard) => guard.comparisons ?? []);
  const refuse = (value: string, message: string, mend: string): never => {
    throw new GanglionError('invalid_spec', message, { field: 'guards', value, mend });
  };
  const names = new Set<string>();
  for (const { name } of all) {
    if (names.has(name)) refuse(name, `${name} is compared twice`, 'Give each experiment its own name.');
    names.add(name);
  }
  const rollout = all.find(({ kind }) => kind === 'rollout');
  if (rollout !== undefined && all.some(({ kind }) => kind === 'variants'))
    refuse(
      rollout.name,
      'a rollout with guardrails and an experiment want the same units',
      'Use one of them: an experiment takes units out of what the rollout compares.',
    );
  if (all.filter(({ kind }) => kind === 'rollout').length > 1)
    refuse(
      'safety',
      'a rollout with guardrails and a safety net want the same units',
      'Use the one, and when the rollout is through, the other.',
    );
  const more = hash32(JSON.stringify(rolledOut)).toString(36);
  return all.map((each) => (each.kind === 'rollout' ? { ...each, key: `${each.key}${more}` } : each));
}

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

type Counting = Pick<CompiledPoint, 'comparisons' | 'seats' | 'validation'>;

/** What a point holds until windows close. */
export const holdingPlan = ({ comparisons, validation }: Counting): HoldingPlan => ({
  counts: comparisons.length > 0 || validation?.atClose === true,
  byEpisode: comparisons.some(({ perEpisode }) => perEpisode === true),
});

/** Whether a decision of this stratum is to be counted when its window closes. */
export const countsAtClose = ({ seats, validation }: Counting, stratum: string): boolean =>
  validation?.atClose === true || seats.has(stratum);
