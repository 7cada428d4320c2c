import { COUNTED, type DecisionRecord, EXPOSED, SETTLED } from '../decision/decision-record.ts';
import { release } from '../decision/outcome.ts';
import { keep } from '../decision/pending.ts';
import { countersOf, type PointState } from '../decision/point-state.ts';
import { countsAtClose } from '../decision/seats.ts';
import { mayLog } from './durability.ts';
import { type NodeState, refuse } from './state.ts';

type Drop = (record: DecisionRecord) => void;

/**
 * Keeps decisions for their outcomes, and for the journal. How a point lets records go is made once: a decision
 * allocates nothing here, and most are of the same point as the one before.
 */
export function keeping(node: NodeState): (state: PointState, record: DecisionRecord) => DecisionRecord {
  const drops = new WeakMap<PointState, Drop>();
  let last: { readonly state: PointState; readonly drop: Drop } | undefined;
  const dropOf = (state: PointState): Drop => {
    if (state === last?.state) return last.drop;
    let drop = drops.get(state);
    if (drop === undefined) {
      drop = (record) => letGo(state, record);
      drops.set(state, drop);
    }
    last = { state, drop };
    return drop;
  };
  return (state, record) => {
    const drop = dropOf(state);
    if (!state.compiled.explicitExposure) record.state |= EXPOSED;
    if (state.pending.plan.counts && !countsAtClose(state.compiled, record.stratum)) record.state |= COUNTED;
    if (record.armIndex >= 0) countersOf(state).awaiting++;
    const kept = record.armIndex >= 0 && keep(state.pending, record, drop);
    node.counters.decisions++;
    if (kept && node.ports.storage !== undefined) {
      if (mayLog(node)) node.unsaved.push(record);
      else refuse(node, 'decision_not_logged');
    }
    return record;
  };
}

/** There is no room for it any more: nothing counts early, for what has its outcome early is not like the rest. */
function letGo(state: PointState, record: DecisionRecord): void {
  if ((record.state & SETTLED) === 0) countersOf(state).awaiting--;
  release(state, record);
}
