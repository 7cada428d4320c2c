import type { Answer, Asked } from '../decision/decide.ts';
import type { DecisionRecord } from '../decision/decision-record.ts';
import type { PointState } from '../decision/point-state.ts';
import { withShown } from '../decision/shown.ts';
import { creditEscalation } from '../decision/trail.ts';
import type { DecideInput } from '../node-api.ts';
import type { AskAnswer } from '../sync/messages.ts';
import { external, sendAsk } from './asking.ts';
import { decideLateSafely, decideSafely } from './deciding.ts';
import { type NodeState, readClocks } from './state.ts';
import { withPlace } from './waiting.ts';

/**
 * Decides with the time it takes: may wait for a place and ask the parent; falls back at the deadline. The controls are
 * looked at again at the end, whatever was answered before. `made` hears of the decision when its number is given, under
 * the point as it was then: of two that end together, the caller may hear in another order.
 */
export async function decideWithin(
  node: NodeState,
  stateOf: () => PointState,
  input: DecideInput | undefined,
  deadlineMs: number,
  timeout: (ms: number) => Promise<void>,
  made: (state: PointState, record: DecisionRecord) => void,
): Promise<DecisionRecord> {
  const sent: Sent = { from: undefined, by: -1 };
  const late = (): DecisionRecord => {
    const state = stateOf();
    readClocks(node);
    const record = decideLateSafely(node, state, input);
    countOnce(record, state, sent);
    made(state, record);
    return record;
  };
  const endMs = readClocks(node).monoMs + deadlineMs;
  const attempt = (asked: () => Asked) =>
    withPlace(
      stateOf(),
      (mayWait) => {
        const state = stateOf();
        const answer = look(node, state, input, endMs, asked(), mayWait);
        countOnce(answer, state, sent);
        if (typeof answer !== 'string') made(state, answer);
        return answer;
      },
      endMs - node.moment.monoMs,
      timeout,
    );
  const first = await attempt(() => undefined);
  if (first !== 'escalate') return first;
  const asking = stateOf();
  const reply = await askWithin(node, asking, input, endMs, timeout);
  if (reply === 'late') return late();
  // Without an answer the own proposal stands, judged as if there were no parent.
  const second = await attempt(() => external(node, asking, stateOf(), reply) ?? 'none');
  return second === 'escalate' ? late() : second;
}

/** Which guard of which state sent the decision up. */
interface Sent {
  from: PointState | undefined;
  by: number;
}

/** A guard counts one intervention for one decision, however often the pipeline looks at it. */
function countOnce(answer: Answer, state: PointState, sent: Sent): void {
  if (answer === 'escalate') {
    sent.from = state;
    sent.by = state.scratch.escalatedBy;
  } else if (answer !== 'wait' && sent.from === state) creditEscalation(state, sent.by);
}

/** One look at the pipeline, with what is left of the time. What only such callers may do is taken back at once. */
function look(
  node: NodeState,
  state: PointState,
  input: DecideInput | undefined,
  endMs: number,
  asked: Asked,
  mayWait: boolean,
): Answer {
  const moment = readClocks(node);
  moment.budgetMs = Math.max(0, endMs - moment.monoMs);
  moment.parentMs = asked === undefined ? (node.parent?.rttMs ?? Number.POSITIVE_INFINITY) : Number.NaN;
  moment.mayWait = mayWait && moment.budgetMs > 0;
  const answer = decideSafely(node, state, input, asked);
  moment.budgetMs = 0;
  moment.parentMs = Number.POSITIVE_INFINITY;
  moment.mayWait = false;
  return answer;
}

/** Asks for the arms that the guards have just left. Undefined: the parent has nothing to say, or the link is gone. */
function askWithin(
  node: NodeState,
  state: PointState,
  input: DecideInput | undefined,
  endMs: number,
  timeout: (ms: number) => Promise<void>,
): Promise<AskAnswer | undefined | 'late'> {
  const { allowed } = state.scratch.guardInput;
  const question = {
    point: state.compiled.name,
    // What is known of entities is known here, and not above.
    context:
      state.features === undefined
        ? (input?.context ?? {})
        : withShown(state.features, input, node.moment.wallMs),
    unit: input?.unit ?? '',
    allowed: state.compiled.armIds.filter((_, i) => allowed[i] === 1),
  };
  return new Promise((resolve) => {
    let late = false;
    const cancel = sendAsk(node, question, endMs, (answer) => {
      const isLate = late || (answer === undefined && node.moment.monoMs >= endMs);
      resolve(isLate ? 'late' : answer);
    });
    void timeout(Math.max(0, endMs - node.moment.monoMs)).then(() => {
      late = true;
      cancel();
    });
  });
}
