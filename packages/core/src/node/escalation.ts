import { encodeContext } from '../decision/context.ts';
import { type External, fallback } from '../decision/decide.ts';
import type { DecisionRecord } from '../decision/decision-record.ts';
import type { PointState } from '../decision/point-state.ts';
import type { DecideInput } from '../node-api.ts';
import type { Ask, AskAnswer } from '../sync/messages.ts';
import { decideSafely } from './deciding.ts';
import { pumpParent } from './parent-link.ts';
import { type NodeState, readClocks, refuse } from './state.ts';

/** What this node would propose at a child's point: probabilities by arm, never a draw. The origin alone draws. */
export function answerAsk(node: NodeState, ask: Ask): AskAnswer {
  const state = node.points.get(ask.point);
  const none: AskAnswer = { id: ask.id, p: null, confidence: null };
  if (state === undefined || !Array.isArray(ask.allowed)) return none;
  if (state.ruling.kill !== undefined || node.moment.leaseAgeMs > state.compiled.leaseMs) return none;
  const { policyInput, context, proposal } = state.scratch;
  if (encodeContext(state.compiled.fields, ask.context, context) !== '') return none;
  let count = 0;
  state.compiled.armIds.forEach((id, i) => {
    policyInput.allowed[i] = ask.allowed.includes(id) && state.ruling.armsAllowed[i] === 1 ? 1 : 0;
    count += policyInput.allowed[i];
  });
  if (count === 0) return none;
  policyInput.allowedCount = count;
  policyInput.turn = state.turns++;
  policyInput.nowMs = node.moment.monoMs;
  proposal.confidence = Number.NaN;
  try {
    state.compiled.policy.propose(state.view.current, policyInput, proposal);
  } catch {
    refuse(node, 'policy_failed');
    return none;
  }
  const p: Record<string, number> = {};
  state.compiled.armIds.forEach((id, i) => {
    p[id] = proposal.p[i];
  });
  return { id: ask.id, p, confidence: Number.isNaN(proposal.confidence) ? null : proposal.confidence };
}

/** A promise of the parent's proposal, and the way to stop waiting for it. */
export interface Inquiry {
  readonly answer: Promise<External | undefined>;
  cancel(): void;
}

/** Asks the parent what it would propose. `undefined`: it cannot say, or the link is gone. */
export function askParent(
  node: NodeState,
  state: PointState,
  input: DecideInput | undefined,
  budgetMs: number,
): Inquiry {
  const link = node.parent;
  if (link === undefined) return { answer: Promise.resolve(undefined), cancel: () => {} };
  const id = ++link.askId;
  const allowed = state.compiled.armIds.filter((_, i) => state.ruling.armsAllowed[i] === 1);
  const ask: Ask = {
    id,
    point: state.compiled.name,
    context: input?.context ?? {},
    unit: input?.unit ?? '',
    allowed,
    budgetMs,
  };
  const answer = new Promise<External | undefined>((resolve) => {
    link.asks.set(id, { ask, sent: false, resolve: (reply) => resolve(external(node, state, reply)) });
  });
  pumpParent(node);
  return {
    answer,
    cancel: () => {
      link.asks.get(id)?.resolve(undefined);
      link.asks.delete(id);
    },
  };
}

/** The parent's answer as a distribution over our arms; anything malformed is no answer. */
function external(node: NodeState, state: PointState, reply: AskAnswer | undefined): External | undefined {
  if (reply === undefined || reply.p === null || typeof reply.p !== 'object') return undefined;
  const p = new Float64Array(state.compiled.arms.length);
  let sum = 0;
  for (const [i, id] of state.compiled.armIds.entries()) {
    const value = Object.hasOwn(reply.p, id) ? reply.p[id] : 0;
    if (typeof value !== 'number' || !(value >= 0)) {
      refuse(node, 'malformed_answer');
      return undefined;
    }
    p[i] = value;
    sum += value;
  }
  if (!(sum > 0) || sum > 1 + 1e-6) return undefined;
  return { p, confidence: typeof reply.confidence === 'number' ? reply.confidence : Number.NaN };
}

/** Decides with the time it takes: may ask the parent; falls back at the deadline; the controls are looked at again at the end. */
export async function decideWithin(
  node: NodeState,
  state: () => PointState,
  input: DecideInput | undefined,
  deadlineMs: number,
  timeout: (ms: number) => Promise<void>,
): Promise<DecisionRecord> {
  const moment = readClocks(node);
  const endMs = moment.monoMs + deadlineMs;
  moment.budgetMs = deadlineMs;
  moment.parentMs = node.parent?.rttMs ?? Number.POSITIVE_INFINITY;
  const first = decideSafely(node, state(), input, undefined);
  moment.parentMs = Number.POSITIVE_INFINITY;
  if (first !== 'escalate') return first;
  const inquiry = askParent(node, state(), input, deadlineMs);
  const late = timeout(Math.max(0, endMs - node.moment.monoMs)).then(() => 'late' as const);
  const answer = await Promise.race([inquiry.answer, late]);
  inquiry.cancel();
  const now = readClocks(node);
  const current = state();
  if (answer === 'late') {
    current.scratch.trailLength = 0;
    // A race decided: how likely this was nobody knows.
    return fallback(
      current,
      now,
      input,
      current.ruling.kill === undefined ? 'deadline' : 'killed',
      Number.NaN,
    );
  }
  // Without an answer the own proposal stands, judged as if there were no parent. The controls are asked afresh.
  const second = decideSafely(node, current, input, answer);
  return second === 'escalate' ? fallback(current, now, input, 'deadline', Number.NaN) : second;
}
