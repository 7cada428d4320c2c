import type { Verdict } from '../guard.ts';
import type { PointState, Scratch } from './point-state.ts';

/** Puts what a guard or a control said on the trail of the decision under way. */
export function note(state: PointState, verdict: Verdict): void {
  const { scratch } = state;
  scratch.trail[scratch.trailLength++] = verdict;
}

/**
 * The trail as an immutable array: one made before where what was said is the same. The last one is kept for every first
 * word, for strata alternate, each has its own, and a point may have thousands of them.
 */
export function trailOf(state: PointState): readonly Verdict[] {
  const { scratch } = state;
  if (scratch.trailLength === 0) return NOTHING_SAID;
  const first = scratch.trail[0];
  const known = scratch.trails.get(first);
  if (known !== undefined && says(known, scratch)) return known;
  const trail = Object.freeze(scratch.trail.slice(0, scratch.trailLength));
  if (scratch.trails.size > FEW + 2 * state.compiled.seats.size) scratch.trails.clear();
  scratch.trails.set(first, trail);
  return trail;
}

// Words come and go (a breaker's, say): beyond so many, and two for each stratum that is compared, all are found anew.
const FEW = 64;
const NOTHING_SAID: readonly Verdict[] = Object.freeze([]);

function says(trail: readonly Verdict[], scratch: Scratch): boolean {
  if (trail.length !== scratch.trailLength) return false;
  // The first word is what it was found by.
  for (let i = 1; i < trail.length; i++) if (trail[i] !== scratch.trail[i]) return false;
  return true;
}

/** A guard's word goes on the trail and into the counters. */
export function hear(state: PointState, guard: number, verdict: Verdict): void {
  note(state, verdict);
  state.counters.guardInterventions[guard]++;
  state.counters.guardWhy[guard] = verdict.why;
}
