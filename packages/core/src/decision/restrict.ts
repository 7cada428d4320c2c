import type { GuardInput, Verdict } from '../guard.ts';
import type { PointState, Scratch } from './point-state.ts';
import { note } from './trail.ts';

const UNAVAILABLE: Verdict = Object.freeze({
  guard: 'experiment',
  kind: 'restrict',
  why: 'the arm of this variant is not allowed: the baseline',
});

/** Takes the caller's word that some arms cannot be used now. Returns whether that changed anything. */
export function excludeArms(state: PointState, exclude: readonly string[]): boolean {
  const input = state.scratch.guardInput;
  const taken: string[] = [];
  for (const id of exclude) {
    const arm = state.source.armIds.indexOf(id);
    if (arm < 0 || input.allowed[arm] === 0) continue;
    input.allowed[arm] = 0;
    input.allowedCount--;
    taken.push(id);
  }
  if (taken.length > 0)
    note(state, { guard: 'caller', kind: 'restrict', why: `cannot use ${taken.join(', ')}` });
  return taken.length > 0;
}

/** What a verdict takes away, and how much it softens. */
export function apply(scratch: Scratch, verdict: Verdict): void {
  const input = scratch.guardInput;
  const exclude = verdict.exclude;
  if (exclude !== undefined)
    for (let a = 0; a < input.arms; a++) {
      // Without a branch: which arm a unit's variant pins is nothing that a processor could foresee.
      const taken = exclude[a] & input.allowed[a];
      input.allowed[a] -= taken;
      input.allowedCount -= taken;
    }
  if (verdict.floor !== undefined && verdict.floor > scratch.floor) scratch.floor = verdict.floor;
  if (verdict.influence !== undefined && verdict.influence < scratch.influence)
    scratch.influence = verdict.influence;
}

/**
 * What the unit's variant says: an arm pinned, or a weight of the policy. False where it leaves no arm: then the unit gets
 * the baseline and stays in its stratum, so that what was assigned is compared.
 */
export function applyVariant(state: PointState, assigned: Verdict): boolean {
  if (leavesNone(state.scratch.guardInput, assigned.exclude)) {
    note(state, UNAVAILABLE);
    return false;
  }
  apply(state.scratch, assigned);
  return true;
}

/** Whether what the stratum excludes is all that may still be chosen. */
function leavesNone(input: GuardInput, exclude: Uint8Array | undefined): boolean {
  if (exclude === undefined) return false;
  let left = 0;
  for (let a = 0; a < input.arms; a++) left += input.allowed[a] & ~exclude[a];
  return left === 0;
}
