import { type DecisionRecord, EXPOSED } from './decision-record.ts';
import { rewardOf } from './outcome.ts';
import type { PointState } from './point-state.ts';

/** What an episode has earned, as far as its windows have closed. */
export interface Earned {
  steps: number;
  sum: number;
  readonly stratum: string;
}

/**
 * A decision's window has closed, in the order of the decisions: what its episode has earned so far grows. Returns it once
 * the episode is over. Only whole episodes count: one of which a step taught nothing, has no outcome, or was closed before
 * this process started, is left out, whatever stratum it is of. `assigned`: by what is compared.
 */
export function closeStep(state: PointState, record: DecisionRecord, assigned: boolean): Earned | undefined {
  const rules = state.compiled.policy.episodes;
  const { noted, stratum, metrics } = record;
  if (rules === undefined || state.episodes === undefined || noted === undefined) return undefined;
  const { sums } = state.episodes;
  const alone = noted.length === 1;
  const [key, step = 0] = noted;
  const reward = (record.state & EXPOSED) === 0 ? Number.NaN : rewardOf(state, metrics);
  const earned = step === 0 ? { steps: 0, sum: 0, stratum } : sums.get(key);
  if (!assigned || Number.isNaN(reward) || earned?.steps !== step || earned.stratum !== stratum) {
    sums.delete(key);
    return undefined;
  }
  earned.steps++;
  earned.sum += reward;
  const told = (metrics?.done ?? 0) >= 0.5 || (metrics?.silent ?? 0) >= 0.5;
  const over = alone || told || earned.steps >= rules.horizon;
  if (over) {
    sums.delete(key);
    return earned;
  }
  if (step === 0) {
    sums.delete(key);
    if (sums.size >= rules.most) sums.delete(sums.keys().next().value as number);
    sums.set(key, earned);
  }
  return undefined;
}
