import type { Verdict } from '../guard.ts';
import type { PointState, Scratch } from './point-state.ts';

/** Puts what a guard or a control said on the trail of the decision under way. */
export function note(state: PointState, verdict: Verdict): void {
  const { scratch } = state;
  scratch.trail[scratch.trailLength++] = verdict;
}

/**
 * The trail as an immutable array: one made before where what was said is the same. A few are kept, for strata alternate
 * and each has its own; the last one used stands first.
 */
export function trailOf(state: PointState): readonly Verdict[] {
  const { scratch } = state;
  const { trails } = scratch;
  for (let t = 0; t < trails.length; t++) {
    const trail = trails[t];
    if (!says(trail, scratch)) continue;
    if (t > 0) {
      trails[t] = trails[0];
      trails[0] = trail;
    }
    return trail;
  }
  const trail = Object.freeze(scratch.trail.slice(0, scratch.trailLength));
  if (trails.length >= TRAILS_KEPT) trails.pop();
  trails.unshift(trail);
  return trail;
}

const TRAILS_KEPT = 8;

function says(trail: readonly Verdict[], scratch: Scratch): boolean {
  if (trail.length !== scratch.trailLength) return false;
  for (let i = 0; i < trail.length; i++) if (trail[i] !== scratch.trail[i]) return false;
  return true;
}
