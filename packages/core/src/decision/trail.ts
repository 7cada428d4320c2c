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

/** A look at the pipeline begins: nothing has been said. */
export function startTrail({ scratch }: PointState): void {
  scratch.trailLength = 0;
  scratch.heardLength = 0;
  scratch.asking = -1;
}

/** A guard's word goes on the trail and into the counters. */
export function hear(state: PointState, guard: number, verdict: Verdict): void {
  note(state, verdict);
  state.counters.guardInterventions[guard]++;
  state.counters.guardWhy[guard] = verdict.why;
  state.scratch.heard[state.scratch.heardLength++] = guard;
}

/** The look came to no decision: another will follow, and count what guards say of it once. */
export function takeBack({ scratch, counters }: PointState): void {
  for (let k = 0; k < scratch.heardLength; k++) counters.guardInterventions[scratch.heard[k]]--;
  scratch.heardLength = 0;
}

/** The guard that sent a decision up has had its word, whatever it says of the answer: that counts once as well. */
export function creditEscalation({ scratch, counters }: PointState, guard: number): void {
  if (guard < 0) return;
  for (let k = 0; k < scratch.heardLength; k++) if (scratch.heard[k] === guard) return;
  counters.guardInterventions[guard]++;
}
