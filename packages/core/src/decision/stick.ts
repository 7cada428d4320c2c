import { type DecisionRecord, SELF } from './decision-record.ts';
import type { PointState } from './point-state.ts';
import type { Reason } from './record.ts';

const STUCK_MAX = 65_536;

/** First draws, the parent's proposal or the own one: a unit keeps their arm. */
export const sticks = (reason: Reason): boolean => reason === 'policy' || reason === 'escalated';

/** Remembers what a unit drew, for as long as the point declares. `record` may be of an older version than `state`. */
export function stick(state: PointState, record: DecisionRecord, stickyMs = state.compiled.stickyMs): void {
  const { source, unit, armIndex, probability, treeMs } = record;
  const { stuck } = state;
  // Insertion order is age here: who draws anew is the youngest, and the oldest makes room.
  stuck.delete(unit);
  if (stuck.size >= STUCK_MAX) stuck.delete(stuck.keys().next().value as string);
  stuck.set(unit, {
    armKey: source.armKeys[armIndex],
    propensity: probability,
    caused: (record.state & SELF) !== 0,
    untilMs: treeMs + stickyMs,
  });
}
