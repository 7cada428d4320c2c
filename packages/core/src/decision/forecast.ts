import { mix32 } from '../stats/hash.ts';
import { uniform } from '../stats/random.ts';
import { isFrozen, referenceFor } from '../validation/monitor.ts';
import { type DecisionRecord, SELF, WITHHELD } from './decision-record.ts';
import type { PointState } from './point-state.ts';

/**
 * What the learner and the reference expect of the arm just drawn, mapped to [0, 1] by the declared range: made with the
 * decision, so before any outcome of it can be learned. Undefined while the learner says nothing.
 */
export function forecast(state: PointState, arm: number): DecisionRecord['forecast'] {
  const { compiled, monitor, scratch, source } = state;
  if (monitor === undefined || compiled.policy.predict === undefined) return undefined;
  const mean = compiled.policy.predict(state.view.current, scratch.policyInput, arm);
  if (Number.isNaN(mean)) return undefined;
  const [low, high] = compiled.objective.range;
  const learner = Math.min(1, Math.max(0, (mean - low) / (high - low)));
  return { learner, reference: referenceFor(monitor, source.armKeys[arm]) };
}

/**
 * Whether the learner's own choice caused this draw. Where exploration or the baseline is mixed in, the arm may as well have
 * come from there: with the probability that it did, the draw counts as theirs. That is the same as if one had first drawn
 * who chooses, so what remains is distributed as exploration and baseline are, whatever was learned.
 *
 * @param n - the decision's number. @param p - of the arm that was drawn.
 */
export function causedByLearner(state: PointState, n: number, arm: number, p: number): boolean {
  const { scratch } = state;
  const { influence } = scratch;
  const floor = influence > 0 ? scratch.floor : 0;
  if (influence === 1 && floor === 0) return true;
  const baseline = influence < 1 ? (1 - floor) * (1 - influence) * scratch.baseline.p[arm] : 0;
  const others = baseline + floor / scratch.guardInput.allowedCount;
  return uniform(mix32(state.seedHi, CAUSE), state.seedLo, n) * p >= others;
}

/** Chance of its own: disjoint from the draw's and from that of guards. */
const CAUSE = 0x0ca5e;

/** Whether an outcome of this decision may teach as far as its cause and the learner's health go; see `TrainingPlan`. */
export function mayTeach(state: PointState, record: DecisionRecord): boolean {
  return (record.state & WITHHELD) === 0 && !isFrozen(state.monitor) && trainingWeight(state, record) > 0;
}

/** Weight of its outcome in training, for its cause: the same whenever it is asked, so that a correction takes back what was learned. */
export function trainingWeight({ compiled }: PointState, record: DecisionRecord): number {
  return (record.state & SELF) === 0 ? 1 : compiled.training.weight;
}

/** Whether any outcome of the point is learned late. */
export const teachesLate = ({ compiled }: PointState): boolean =>
  !compiled.policy.additive || compiled.training.delayMs > 0;

/** Learned once, when it leaves the queue, instead of as soon as it is known. */
export function learnsLate({ compiled }: PointState, record: DecisionRecord): boolean {
  return !compiled.policy.additive || ((record.state & SELF) !== 0 && compiled.training.delayMs > 0);
}
