import { type Answer, type Asked, decideLate, decideOnce, fallback } from '../decision/decide.ts';
import type { DecisionRecord } from '../decision/decision-record.ts';
import type { PointState } from '../decision/point-state.ts';
import { note } from '../decision/trail.ts';
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
    return decideLate(state, node.moment, input);
  } catch (error) {
    return failed(node, state, input, error);
  }
}

function failed(
  node: NodeState,
  state: PointState,
  input: DecideInput | undefined,
  error: unknown,
): DecisionRecord {
  refuse(node, 'policy_failed');
  const why = error instanceof Error ? error.message.slice(0, 200) : 'failed';
  note(state, { guard: 'policy', kind: 'block', why });
  try {
    return fallback(state, node.moment, input, 'error', 1);
  } catch {
    // Reading the context is what fails (a getter that throws): the fallback does without.
    return fallback(state, node.moment, undefined, 'error', 1);
  }
}
