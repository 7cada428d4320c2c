import { type DecisionRecord, EXPIRED, SETTLED } from '../decision/decision-record.ts';
import { learnsLate, teachesLate } from '../decision/forecast.ts';
import { at } from '../decision/pending.ts';
import { countersOf, type PointState } from '../decision/point-state.ts';
import { jsonBytes } from './json-bytes.ts';
import type { NodeState } from './state.ts';

/**
 * How far the decisions of one source have left their queue, and with that taught what they teach late. What fell due while
 * the node was down is behind this mark: after a restart it teaches, once, however long the stop was.
 */
export interface TaughtTo {
  /** All below this counter have left. */
  readonly n: number;
  /** Wall time, ms: nothing at or above `n` was decided before. */
  readonly atMs: number;
}

/** A new source has taught nothing yet. Those from before there were marks have none, and what is overdue there is left alone. */
export function beginTeachingLate(node: NodeState, state: PointState): void {
  if (!teachesLate(state)) return;
  const { idPrefix } = state.source;
  node.taughtTo.set(idPrefix, { n: 0, atMs: node.moment.wallMs });
  noteTaught(node, idPrefix, undefined);
}

/** A decision leaves its queue. */
export function noteLeft(node: NodeState, { source }: PointState, record: DecisionRecord): void {
  const mark = node.taughtTo.get(source.idPrefix);
  if (mark !== undefined && record.n >= mark.n)
    node.taughtTo.set(source.idPrefix, { n: record.n + 1, atMs: record.atMs });
}

/** Nothing waits: the mark moves on now and then, so that a start after a long idle time need not read all the journals. */
export function moveOn(node: NodeState, { source, pending, n }: PointState): void {
  const mark = node.taughtTo.get(source.idPrefix);
  if (mark === undefined || pending.size > 0) return;
  const atMs = node.moment.wallMs;
  if (atMs - mark.atMs > MOVE_ON_MS) node.taughtTo.set(source.idPrefix, { n, atMs });
}

const MOVE_ON_MS = 3_600_000;

/** The mark goes to disk in the batch of the evidence that was taught, so that a restart teaches nothing twice. */
export function noteTaught(node: NodeState, prefix: string, before: TaughtTo | undefined): void {
  const now = node.taughtTo.get(prefix);
  if (now === undefined || now === before) return;
  node.writes.push({
    kind: 'put',
    collection: 'taught',
    key: prefix,
    value: jsonBytes({ n: now.n, atMs: now.atMs }),
  });
}

/** Nothing of this source awaits anything any more. */
export function dropTaught(node: NodeState, prefix: string): void {
  if (node.taughtTo.delete(prefix)) node.writes.push({ kind: 'delete', collection: 'taught', key: prefix });
}

/** A mark from the disk; one that is none counts as missing. */
export function recoverTaught(node: NodeState, prefix: string, json: unknown): void {
  const { n, atMs } = (json ?? {}) as Partial<TaughtTo>;
  if (Number.isSafeInteger(n) && Number.isFinite(atMs))
    node.taughtTo.set(prefix, { n: n as number, atMs: atMs as number });
}

/** Wall time of the oldest decision that may still have to teach, ms: the journals are read from there. */
export function oldestUntaughtMs(node: NodeState): number {
  let oldest = Number.POSITIVE_INFINITY;
  for (const prefix of node.joins.keys())
    oldest = Math.min(oldest, node.taughtTo.get(prefix)?.atMs ?? Number.POSITIVE_INFINITY);
  return oldest;
}

/** Whether its time in the queue was over before this start. */
export const isOverdue = (node: NodeState, { compiled }: PointState, record: DecisionRecord): boolean =>
  node.moment.monoMs - record.monoMs > compiled.keptMs;

/** Whether an outcome of it is learned late, and has not been. */
export function isUntaught(node: NodeState, state: PointState, record: DecisionRecord): boolean {
  const mark = node.taughtTo.get(state.source.idPrefix);
  return mark !== undefined && record.n >= mark.n && record.trains && learnsLate(state, record);
}

/**
 * What is overdue teaches by what was known of it before the stop. Silence beyond says nothing, and no default is assumed:
 * nor is it for those that teach at once.
 */
export function closeOverdue(node: NodeState, state: PointState): void {
  const { pending } = state;
  for (let i = 0; i < pending.size; i++) {
    const record = at(pending, i);
    if (!isOverdue(node, state, record)) break;
    if ((record.state & SETTLED) !== 0) continue;
    record.state |= SETTLED | EXPIRED;
    countersOf(state).awaiting--;
  }
}
