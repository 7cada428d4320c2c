import { encodeContext } from '../decision/context.ts';
import { heaviestOf } from '../decision/mix.ts';
import { createScratch, type PointState, type Scratch } from '../decision/point-state.ts';
import { hash32 } from '../stats/hash.ts';
import { uniform } from '../stats/random.ts';
import type { Ask, AskAnswer } from '../sync/messages.ts';
import { external, sendAsk } from './asking.ts';
import { type NodeState, readClocks, refuse } from './state.ts';

/** Longest unit that is answered for: what is hashed is bounded. */
const UNIT_MAX = 1 << 16;

/**
 * Answers what this node would propose at a child's point: probabilities by arm, never a draw; the origin alone draws,
 * records and learns. Where this node may not decide the point, or is not sure enough by its own guards, it asks its own
 * parent within what is left of the budget, and passes on what comes back, or else its own proposal. `reply` is called
 * once: at once, or when the parent has spoken or the time is up.
 *
 * Of this node's narrowing guards only what they withhold counts (an arm whose circuit is open here, or whose limit is
 * used up): blocks and floors are about what this node does itself, and the origin has its own. Nothing is charged, no
 * probe sent, no turn taken.
 */
export function answerAsk(
  node: NodeState,
  ask: Ask,
  child: string,
  reply: (answer: AskAnswer) => void,
): void {
  const none: AskAnswer = { id: ask.id, p: null, confidence: null };
  const state = node.points.get(ask.point);
  const own = state === undefined ? undefined : propose(node, state, ask);
  if (state === undefined || own === undefined) return reply(none);
  if (!own.asks) return reply(own.answer ?? none);
  const endMs = node.moment.monoMs + ask.budgetMs;
  const { point, context, unit } = ask;
  const heard = (above: AskAnswer | undefined): void => {
    readClocks(node);
    const current = node.points.get(point);
    // What stands now counts: a kill may have come meanwhile, and arms may have gone.
    const again = current === undefined ? undefined : propose(node, current, ask);
    if (current === undefined || again === undefined) return reply(none);
    const said = external(node, state, current, above);
    const passed =
      said === undefined ? undefined : answerOf(ask, current, said.p, said.confidence, again.allowed);
    reply(passed ?? again.answer ?? none);
  };
  const question = { point, context, unit, allowed: own.allowed };
  const cancel = sendAsk(node, question, endMs, heard, child);
  void node.timeout?.(Math.max(0, endMs - node.moment.monoMs)).then(cancel);
}

interface Own {
  /** Undefined where this tier may not decide the point. */
  readonly answer: AskAnswer | undefined;
  readonly allowed: readonly string[];
  /** The parent is to be asked, and there is time to. */
  readonly asks: boolean;
}

/** Undefined: nothing may be said of this point here, or nothing is left to propose. */
function propose(node: NodeState, state: PointState, ask: Ask): Own | undefined {
  const { compiled, ruling } = state;
  if (ruling.kill !== undefined) return undefined;
  if (node.moment.leaseAgeMs > compiled.leaseMs && compiled.onExpiry === 'fallback') return undefined;
  if (
    !Array.isArray(ask.allowed) ||
    !(ask.budgetMs >= 0) ||
    typeof ask.unit !== 'string' ||
    ask.unit.length > UNIT_MAX
  )
    return undefined;
  const { scratch, turn } = answering(state);
  if (encodeContext(compiled.fields, ask.context, scratch.context) !== '') return undefined;
  prepare(node, state, scratch, ask, turn);
  const { guardInput, policyInput, proposal } = scratch;
  try {
    withhold(state, scratch);
    scratch.asking = -1;
    if (guardInput.allowedCount === 0) return undefined;
    const allowed = compiled.armIds.filter((_, i) => guardInput.allowed[i] === 1);
    if (state.misplaced)
      return { answer: undefined, allowed, asks: guardInput.parentMs <= guardInput.budgetMs };
    policyInput.allowedCount = guardInput.allowedCount;
    proposal.confidence = Number.NaN;
    compiled.policy.propose(state.view.current, policyInput, proposal);
    if (heaviestOf(proposal.p, guardInput) < 0) {
      refuse(node, 'invalid_proposal');
      return undefined;
    }
    guardInput.confidence = proposal.confidence;
    return {
      answer: answerOf(ask, state, proposal.p, proposal.confidence, allowed),
      allowed,
      asks: guardInput.parentMs <= guardInput.budgetMs && isUnsure(state, scratch),
    };
  } catch {
    refuse(node, scratch.asking >= 0 ? 'guard_failed' : 'policy_failed');
    return undefined;
  }
}

/** Room of its own: a question leaves no trace in this node's own decisions. */
function answering(state: PointState): { readonly scratch: Scratch; readonly turn: number } {
  const { compiled, inflight } = state;
  state.answering ??= {
    scratch: createScratch(
      compiled.arms.length,
      new Float64Array(compiled.fields.length),
      compiled.armIds,
      inflight,
    ),
    asks: 0,
  };
  return { scratch: state.answering.scratch, turn: state.answering.asks++ };
}

function prepare(node: NodeState, state: PointState, scratch: Scratch, ask: Ask, turn: number): void {
  const { guardInput: input, policyInput } = scratch;
  const { moment } = node;
  const wanted = new Set(ask.allowed);
  input.allowedCount = 0;
  state.compiled.armIds.forEach((id, i) => {
    const allowed = wanted.has(id) && state.ruling.armsAllowed[i] === 1 ? 1 : 0;
    input.allowed[i] = allowed;
    input.allowedCount += allowed;
  });
  input.nowMs = moment.monoMs;
  input.unit = ask.unit;
  input.unitHash = ask.unit === '' ? 0 : hash32(ask.unit);
  input.inflightPoint = state.inflightTotal;
  input.inflightDomain = state.domainLoad.inflight;
  input.confidence = Number.NaN;
  input.budgetMs = ask.budgetMs;
  input.parentMs = node.parent?.rttMs ?? Number.POSITIVE_INFINITY;
  input.share = moment.share;
  input.stratum = '';
  // A stream of its own: the draws of this node's own decisions stay what they are.
  input.chance = uniform(state.seedHi, ~state.seedLo, turn);
  policyInput.unitHash = input.unitHash;
  policyInput.turn = turn;
  policyInput.nowMs = moment.monoMs;
  policyInput.stopped = state.ruling.stopped;
}

function withhold(state: PointState, scratch: Scratch): void {
  const { guardInput: input } = scratch;
  for (const i of state.compiled.narrowing) {
    scratch.asking = i;
    const { exclude } = state.compiled.guards[i].guard.check(state.guards[i], input);
    if (exclude === undefined) continue;
    for (let a = 0; a < input.arms; a++)
      if (exclude[a] === 1 && input.allowed[a] === 1) {
        input.allowed[a] = 0;
        input.allowedCount--;
      }
  }
}

const isUnsure = ({ compiled, guards }: PointState, scratch: Scratch): boolean =>
  compiled.judging.some((i) => {
    scratch.asking = i;
    return compiled.guards[i].guard.check(guards[i], scratch.guardInput).kind === 'escalate';
  });

/** Undefined where no mass is left within what may be named. */
function answerOf(
  ask: Ask,
  state: PointState,
  p: Float64Array,
  confidence: number,
  allowed: readonly string[],
): AskAnswer | undefined {
  const named: Record<string, number> = {};
  // A child may ask a thousand times at once, of a thousand arms each.
  const mayName = new Set(allowed);
  let sum = 0;
  state.compiled.armIds.forEach((id, i) => {
    if (!mayName.has(id)) return;
    named[id] = p[i];
    sum += p[i];
  });
  if (!(sum > 0)) return undefined;
  return { id: ask.id, p: named, confidence: Number.isNaN(confidence) ? null : confidence };
}
