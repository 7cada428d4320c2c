import { DEFAULTED, type DecisionRecord, EXPIRED, EXPOSED } from '../decision/decision-record.ts';
import { checkFeedback, expireOutcomes, joinFeedback } from '../decision/outcome.ts';
import { fateOf, find } from '../decision/pending.ts';
import { countersOf, type PointState } from '../decision/point-state.ts';
import { GanglionError } from '../errors.ts';
import { FEEDBACK_LIMITS, type Problem } from '../limits.ts';
import type { FeedbackItem, FeedbackResult } from '../node-api.ts';
import { originOf } from '../sync/slots.ts';
import { countClosed, noteCounted } from './comparing.ts';
import { durable, outcomesWaiting } from './durability.ts';
import type { Sender, TransitItem } from './outbox.ts';
import { hasRoomFor, ownInTransit, putOutbox } from './outbox.ts';
import { learn, refreshPoints, settled } from './points.ts';
import { type NodeState, readClocks, refuse } from './state.ts';
import { dropTaught, moveOn, noteLeft, noteTaught } from './teaching-late.ts';
import { noteWithheld } from './validating.ts';

/** A decision id taken apart: `node~incarnation~point~n`. */
export interface ParsedId {
  readonly node: string;
  readonly origin: string;
  readonly prefix: string;
  readonly n: number;
}

const ID = /^([A-Za-z0-9][A-Za-z0-9._-]{0,127})~([a-z0-9]{1,32})~([a-z0-9]{1,11})~(\d{1,15})$/;

export function parseId(id: string): ParsedId | undefined {
  const match = ID.exec(id);
  if (match === null) return undefined;
  return {
    node: match[1],
    origin: originOf(match[1], match[2]),
    prefix: `${match[1]}~${match[2]}~${match[3]}~`,
    n: Number(match[4]),
  };
}

/** Takes feedback: joins it here, or keeps it for the node that decided. Resolves once all that was accepted is durable. */
export async function takeFeedback(
  node: NodeState,
  items: readonly FeedbackItem[],
): Promise<readonly FeedbackResult[]> {
  open(node, items, 'items');
  const results = items.map((item) => takeOne(node, item, 'outside'));
  if (results.some((result) => result.status !== 'rejected')) await durable(node);
  // A host that never lets go of the loop never ticks: what is due by now is put to use all the same.
  refreshPoints(node);
  return results;
}

/** Before anything is taken: whether there is room for it. @throws GanglionError `closed`, `invalid_input`, `overloaded` */
function open(node: NodeState, items: readonly unknown[], field: string): void {
  if (node.closed) throw new GanglionError('closed', 'this node has been stopped');
  checkList(items, field);
  if (outcomesWaiting(node) + ownInTransit(node) + items.length > node.tuning.intakeMax)
    throw new GanglionError('overloaded', 'too much feedback waits for the disk', {
      mend: 'Send it again later; it is idempotent.',
    });
  readClocks(node);
}

/** @throws GanglionError `invalid_input` */
export function checkList(items: unknown, field: string): void {
  if (!Array.isArray(items))
    throw new GanglionError('invalid_input', `${field} must be a list`, {
      field,
      value: items,
      mend: 'Put it in brackets, also where it is one.',
    });
}

/** In memory, at once; the caller waits for the disk. */
export function takeOne(
  node: NodeState,
  item: TransitItem,
  from: Sender = 'here',
  child = '',
): FeedbackResult {
  const id = typeof item?.id === 'string' ? item.id.slice(0, FEEDBACK_LIMITS.idLength) : '';
  // What an application sends cannot say of itself that it is an exposure.
  const problem = item?.exposed === true && from !== 'outside' ? undefined : checkFeedback(item);
  if (problem !== undefined) return { id, status: 'rejected', problem };
  const parsed = parseId(id);
  if (parsed === undefined) return rejected(id, 'unknown_decision', 'id is not the id of a decision');
  if (item.done !== undefined) item = asMetric(item, item.done);
  if (parsed.node !== node.name) return route(node, item, parsed, from, child);
  const state = node.joins.get(parsed.prefix);
  const record = state === undefined ? undefined : find(state.pending, parsed.n);
  if (state === undefined || record === undefined) return missing(node, id, parsed, state);
  return item.exposed === true ? exposeOne(node, state, record) : joinOne(node, state, record, item, parsed);
}

/** From here on, that an episode has ended is a metric like any other: durable, corrected and sent like one. */
function asMetric({ done: _, ...item }: TransitItem, done: boolean): TransitItem {
  return { ...item, metrics: { ...item.metrics, done: done ? 1 : 0 } };
}

function rejected(id: string, code: string, message: string): FeedbackResult {
  return { id, status: 'rejected', problem: { code, field: 'id', message } };
}

function joinOne(
  node: NodeState,
  state: PointState,
  record: DecisionRecord,
  item: FeedbackItem,
  parsed: ParsedId,
): FeedbackResult {
  const result = joinFeedback(state, record, item, teachingOf(node), node.moment.monoMs);
  if (result === 'duplicate') return { id: item.id, status: 'duplicate' };
  if (result !== 'joined') return { id: item.id, status: 'rejected', problem: result satisfies Problem };
  const metrics: Record<string, number> = { ...item.metrics };
  if (item.reward !== undefined) metrics.reward = item.reward;
  if (typeof item.truth === 'number' || typeof item.truth === 'boolean') metrics.truth = Number(item.truth);
  node.accepted.push({
    prefix: parsed.prefix,
    n: parsed.n,
    kind: 'feedback',
    revision: item.revision ?? 0,
    metrics,
    truth: typeof item.truth === 'string' ? item.truth : undefined,
  });
  return { id: item.id, status: 'joined' };
}

function exposeOne(node: NodeState, state: PointState, record: DecisionRecord): FeedbackResult {
  if ((record.state & EXPOSED) !== 0) return { id: record.id, status: 'duplicate' };
  record.state |= EXPOSED;
  node.accepted.push({
    prefix: state.source.idPrefix,
    n: record.n,
    kind: 'exposed',
    revision: 0,
    metrics: {},
    truth: undefined,
  });
  return { id: record.id, status: 'joined' };
}

/** The decision is not remembered: never made, too long ago, lost before the disk, or not kept under overload. */
function missing(
  node: NodeState,
  id: string,
  parsed: ParsedId,
  state: PointState | undefined,
): FeedbackResult {
  if (state === undefined)
    return node.ownOrigins.has(parsed.origin)
      ? rejected(id, 'feedback_expired', 'the windows of this decision have closed')
      : rejected(id, 'unknown_decision', 'this tree has no such decision, or has forgotten it');
  const old = parsed.origin !== node.origin;
  if (parsed.n >= state.n && !old) return rejected(id, 'unknown_decision', 'this decision has not been made');
  const { pending, compiled } = state;
  const fate = fateOf(pending, parsed.n, node.moment.monoMs - compiled.keptMs);
  // Of what an earlier process decided only what may still be open is read; a decision of this one was never kept.
  if (parsed.n >= state.n || fate === 'not kept' || (fate === undefined && !old)) {
    countersOf(state).unjoined++;
    return { id, status: 'unjoined' };
  }
  return rejected(id, 'feedback_expired', 'the windows of this decision have closed');
}

/** What came over a link was acknowledged to somebody: it waits for its node to be heard of again, also here at the top. */
function route(
  node: NodeState,
  item: TransitItem,
  parsed: ParsedId,
  from: Sender,
  child: string,
): FeedbackResult {
  const known = node.routes.has(parsed.node) || node.knownChildren.has(parsed.node);
  if (node.isRoot && (from === 'here' || from === 'outside') && !known)
    return rejected(item.id, 'unknown_decision', `no node ${parsed.node} is known here`);
  // An exposure is an id and nothing else, whatever came with it.
  putOutbox(node, item.exposed === true ? { id: item.id, exposed: true } : item, parsed.node, from, child);
  return { id: item.id, status: 'routed' };
}

/** The way from an outcome to the learner and the statistics of this node. */
export function teachingOf(node: NodeState) {
  return {
    learn: (state: PointState, outcome: Parameters<typeof learn>[2]) => learn(node, state, outcome),
    settled: (state: PointState, record: DecisionRecord) => settled(node, state, record),
    closed: (state: PointState, record: DecisionRecord) => countClosed(node, state, record),
    left: (state: PointState, record: DecisionRecord) => noteLeft(node, state, record),
    withheld: (state: PointState, record: DecisionRecord) => noteWithheld(node, state, record),
  };
}

/** Marks decisions as exposed. Resolves once durable. */
export async function takeExposures(
  node: NodeState,
  ids: readonly string[],
): Promise<readonly FeedbackResult[]> {
  open(node, ids, 'ids');
  const results = ids.map((id) => takeOne(node, { id, exposed: true }));
  if (results.some((result) => result.status !== 'rejected')) await durable(node);
  return results;
}

const EXPIRIES_A_TICK = 4096;

/** Closes windows that have passed, and forgets states of old specs and incarnations that await nothing any more. */
export function expireAll(node: NodeState): void {
  const lags = intakeLags(node);
  const base = teachingOf(node);
  for (const [prefix, state] of node.joins) {
    const teaching = {
      ...base,
      settled: (point: PointState, record: DecisionRecord) => {
        base.settled(point, record);
        const defaulted = (record.state & DEFAULTED) !== 0;
        // Silence need only be remembered while something may still come for it.
        if (
          !defaulted &&
          ((record.state & EXPIRED) === 0 || point.compiled.keptMs === point.compiled.windowMs)
        )
          return;
        node.accepted.push({
          prefix,
          n: record.n,
          kind: defaulted ? 'default' : 'expired',
          revision: 0,
          metrics: defaulted ? { ...point.compiled.defaults } : {},
          truth: undefined,
        });
      },
    };
    const before = node.countedTo.get(prefix);
    const taught = node.taughtTo.get(prefix);
    expireOutcomes(state, teaching, node.moment.monoMs, lags, EXPIRIES_A_TICK);
    noteCounted(node, state, before);
    moveOn(node, state);
    noteTaught(node, prefix, taught);
    if (state.pending.size === 0 && node.points.get(state.compiled.name) !== state) {
      node.joins.delete(prefix);
      node.writes.push({ kind: 'delete', collection: 'source', key: prefix });
      if (node.countedTo.delete(prefix))
        node.writes.push({ kind: 'delete', collection: 'counted', key: prefix });
      dropTaught(node, prefix);
    }
  }
}

/** Feedback may be under way that we cannot see: the disk fails, the parent is silent, or this process has just started. */
function intakeLags(node: NodeState): boolean {
  if (node.flushFailures > 0 || outcomesWaiting(node) > node.tuning.intakeMax / 2) return true;
  if (node.parent?.feedbackSeen && node.moment.monoMs - node.parent.lastHeardMs > node.tuning.resendMs)
    return true;
  return node.ownOrigins.size > 1 && node.moment.monoMs - node.startedMonoMs < node.tuning.restartGraceMs;
}

/**
 * Takes what a neighbour hands over. Returns false where some of it found no room: that is to be sent again, and nothing
 * of this message acknowledged. `child`: who hands it over, where it comes from below.
 */
export function takeRelayed(
  node: NodeState,
  items: readonly { readonly item: TransitItem }[],
  from: 'above' | 'below',
  child = '',
): boolean {
  // Also for what ends here there is only so much room before the disk.
  const full = outcomesWaiting(node) >= node.tuning.intakeMax;
  const passing = full
    ? items
    : items.filter(({ item }) => (parseId(String(item?.id))?.node ?? node.name) !== node.name);
  const room = (!full || items.length === 0) && hasRoomFor(node, passing.length, from, child);
  if (!room) refuse(node, 'feedback_without_room', passing.length);
  const left = new Set(room ? [] : passing);
  for (const each of items) {
    if (left.has(each)) continue;
    const result = takeOne(node, each.item, from, child);
    if (result.status === 'rejected') refuse(node, `feedback_${result.problem.code}`);
  }
  return room;
}
