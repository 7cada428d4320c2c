import type { External } from '../decision/mix.ts';
import type { PointState } from '../decision/point-state.ts';
import type { Ask, AskAnswer } from '../sync/messages.ts';
import type { ParentLink } from './links.ts';
import { pumpParent } from './parent-link.ts';
import { type NodeState, refuse } from './state.ts';

/** Most questions under way to one parent, own and those of nodes below: beyond it one's own proposal must do. */
export const ASKS_MAX = 1024;

/** Longest question of a child that is answered, as JSON: a unit and a context of what a point declares fit well. */
export const ASK_BYTES = 256 << 10;

/** Of the measured round trip, so that an answer made at the last moment is not late because its way took a little longer. */
const RESERVE = 1.25;
/** What timers may be late, ms. */
const TIMER_MS = 1;

/**
 * Asks the parent what it would propose; `settle` is called once, with undefined where no answer comes before `endMs`.
 * What the parent may spend on it is what is left when the message has gone there and back. `child`: who asked us, '' for
 * this node itself. Returns the way to stop.
 */
export function sendAsk(
  node: NodeState,
  question: Omit<Ask, 'id' | 'budgetMs'>,
  endMs: number,
  settle: (answer: AskAnswer | undefined) => void,
  child = '',
): () => void {
  const link = node.parent;
  if (link === undefined || !hasTurn(link, child)) {
    if (link !== undefined) refuse(node, 'too_many_asks');
    settle(undefined);
    return () => {};
  }
  const id = ++link.askId;
  const budgetMs = Math.max(0, endMs - node.moment.monoMs - link.rttMs * RESERVE - TIMER_MS);
  const stop = (answer: AskAnswer | undefined): void => {
    if (!link.asks.delete(id)) return;
    count(link, child, -1);
    settle(answer);
  };
  link.asks.set(id, { ask: { id, budgetMs, ...question }, sent: false, endMs, resolve: stop });
  count(link, child, 1);
  pumpParent(node);
  return () => stop(undefined);
}

/** Each child may have as many under way as are left free beside them; this node itself, all that is left. */
function hasTurn({ asks, asksOf }: ParentLink, child: string): boolean {
  const free = ASKS_MAX - asks.size;
  return child === '' ? free > 0 : (asksOf.get(child) ?? 0) < free;
}

function count({ asksOf }: ParentLink, child: string, by: 1 | -1): void {
  const now = (asksOf.get(child) ?? 0) + by;
  if (now > 0) asksOf.set(child, now);
  else asksOf.delete(child);
}

/** Questions that nobody will answer in time are given up, so that none is kept for ever. */
export function expireAsks(node: NodeState): void {
  for (const open of node.parent?.asks.values() ?? [])
    if (node.moment.monoMs >= open.endMs) open.resolve(undefined);
}

/** The link is made anew: what was asked over the old one is not answered any more. */
export function dropAsks(link: ParentLink | undefined): void {
  for (const open of link?.asks.values() ?? []) open.resolve(undefined);
}

/**
 * An answer as a distribution over the arms of `state`; anything malformed is none. Arms are known by id to the parent,
 * and by id and generation here: one that was removed and added again since `asked` is another, and gets nothing.
 */
export function external(
  node: NodeState,
  asked: PointState,
  state: PointState,
  reply: AskAnswer | undefined,
): External | undefined {
  if (reply === undefined || reply.p === null || typeof reply.p !== 'object') return undefined;
  const { armIds, armKeys } = state.source;
  const p = new Float64Array(armIds.length);
  let sum = 0;
  for (const [i, id] of armIds.entries()) {
    const known = asked === state || asked.source.armKeys.includes(armKeys[i]);
    const value = known && Object.hasOwn(reply.p, id) ? reply.p[id] : 0;
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
