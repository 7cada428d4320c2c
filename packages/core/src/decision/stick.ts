import { type DecisionRecord, SELF } from './decision-record.ts';
import type { PointState } from './point-state.ts';
import type { Reason } from './record.ts';

const STUCK_MAX = 65_536;

/** First draws, the parent's proposal or the own one: a unit keeps their arm. */
export const sticks = (reason: Reason): boolean => reason === 'policy' || reason === 'escalated';

/** Remembers what a unit drew, for as long as the point declares. */
export function stick(
  state: PointState,
  { treeMs, unit, armIndex, probability, state: bits }: DecisionRecord,
): void {
  // Insertion order is age here: the oldest unit makes room.
  if (state.stuck.size >= STUCK_MAX) state.stuck.delete(state.stuck.keys().next().value as string);
  state.stuck.set(unit, {
    armKey: state.source.armKeys[armIndex],
    propensity: probability,
    caused: (bits & SELF) !== 0,
    untilMs: treeMs + state.compiled.stickyMs,
  });
}
