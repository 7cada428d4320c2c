import { type Answer, type Asked, decideLate, decideOnce, fallback } from '../decision/decide.ts';
import type { DecisionRecord } from '../decision/decision-record.ts';
import type { PointState } from '../decision/point-state.ts';
import { note, startTrail } from '../decision/trail.ts';
import type { Verdict } from '../guard.ts';
import type { DecideInput } from '../node-api.ts';
import { type NodeState, refuse } from './state.ts';

/** Whatever a policy or guard of somebody's own does, the caller gets an answer: the fallback; the failure is counted. */
export function decideSafely(
  node: NodeState,
  state: PointState,
  input: DecideInput | undefined,
  asked: Asked,
): Answer {
  try {
    if (node.closed) return closed(node, state, input);
    return decideOnce(state, node.moment, input, asked);
  } catch (error) {
    return failed(node, state, input, error);
  }
}

/** The answer at the deadline. */
export function decideLateSafely(
  node: NodeState,
  state: PointState,
  input: DecideInput | undefined,
): DecisionRecord {
  try {
    if (node.closed) return closed(node, state, input);
    return decideLate(state, node.moment, input);
  } catch (error) {
    return failed(node, state, input, error);
  }
}

const CLOSED: Verdict = Object.freeze({ guard: 'node', kind: 'block', why: 'this node has been closed' });

/** It hears of nothing any more, kills included, and keeps nothing: whoever still asks gets the fallback, as without a lease. */
function closed(node: NodeState, state: PointState, input: DecideInput | undefined): DecisionRecord {
  startTrail(state);
  note(state, CLOSED);
  return fallback(state, node.moment, input, 'error', 1);
}

function failed(
  node: NodeState,
  state: PointState,
  input: DecideInput | undefined,
  error: unknown,
): DecisionRecord {
  const { asking } = state.scratch;
  // As it calls itself in a trail, without its version.
  const guard = asking < 0 ? undefined : state.compiled.guards[asking].guard.name.replace(/\/\d+$/, '');
  refuse(node, guard === undefined ? 'policy_failed' : 'guard_failed');
  const why = error instanceof Error ? error.message.slice(0, 200) : 'failed';
  note(state, { guard: guard ?? 'policy', kind: 'block', why });
  try {
    return fallback(state, node.moment, input, 'error', 1);
  } catch {
    // Reading the context is what fails (a getter that throws): the fallback does without.
    return fallback(state, node.moment, undefined, 'error', 1);
  }
}
