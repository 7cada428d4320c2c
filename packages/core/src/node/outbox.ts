import type { FeedbackItem } from '../node-api.ts';
import type { RoutedFeedback } from '../sync/messages.ts';
import { jsonSize } from './json-bytes.ts';
import type { ChildLink } from './links.ts';
import { isSilent } from './silence.ts';
import type { NodeState } from './state.ts';

/**
 * Feedback in transit. What clients of this node brought is bounded by `intakeMax`, what came from children and what came
 * from the parent by `relayMax` each, with as much again for children that have little here: one that floods, or a node that is
 * away, keeps nobody else's feedback out. The directions are apart, so that two full neighbours never wait for each other.
 * Beyond it nothing is acknowledged: the sender keeps it, and sends it again. The last message before that may lead beyond
 * it, so that none is ever too large: a node holds at most `intakeMax` + 3 × `relayMax` + 2 messages of items.
 *
 * Items wait in lanes, by the way that they take, and within a lane by who brought them: each in turn, so that nobody
 * waits for another's.
 */
export interface Outbox {
  /** By way: the link of a child, or `UP`; then by who brought them: a child, or `''`; in the order of coming. */
  readonly lanes: Map<string, Map<string, Set<OutboxItem>>>;
  /** By the node that they are for. */
  readonly byNode: Map<string, Set<OutboxItem>>;
  /** How many of each child's wait. */
  readonly held: Map<string, number>;
  /** Who is the first to have his turn. */
  turn: number;
}

/** Feedback in transit: for another node's decision, or that it was exposed. */
export type TransitItem = FeedbackItem & { readonly exposed?: boolean };

/** Who hands an item over: an application, this node itself, its parent or a child. */
export type Sender = 'outside' | 'here' | 'above' | 'below';

export interface OutboxItem {
  readonly seq: number;
  readonly item: TransitItem;
  /** As JSON, at most. */
  readonly bytes: number;
  /** The node of the decision's origin. */
  readonly node: string;
  /** The child that brought it; '' where none did, or nobody knows. */
  readonly child: string;
  /** The lane that it waits in. */
  lane: string;
  durable: boolean;
  /** `above`: it came from the parent, which knows of no other way. */
  from: Sender;
  readonly sinceMs: number;
  /** The link on which it is under way, if any, and since when. */
  sentOn: string;
  sentMs: number;
}

/** All feedback of a node that is in transit. */
export interface TransitHeld {
  /** Feedback for decisions of other nodes, durable or about to be: by own sequence number. */
  readonly outbox: Map<number, OutboxItem>;
  /** The same, in the order in which it goes on. */
  readonly transit: Outbox;
  outboxSeq: number;
  /** Of these, what is not yet in a batch. */
  outboxNew: OutboxItem[];
  /** Of these, what came from the parent and from children. */
  readonly relayed: { above: number; below: number };
}

/** Nothing is. */
export const noTransit = (): TransitHeld => ({
  outbox: new Map(),
  transit: { lanes: new Map(), byNode: new Map(), held: new Map(), turn: 0 },
  outboxSeq: 0,
  outboxNew: [],
  relayed: { above: 0, below: 0 },
});

/** The way of what no child is known to lead to. */
const UP = '';
const ITEMS_A_MESSAGE = 2000;
const BYTES_A_MESSAGE = 1 << 20;
/** Items on their way to one child that are not acknowledged yet: no more are sent until some are. */
const UNDER_WAY_MAX = 4 * ITEMS_A_MESSAGE;

/** Takes an item. `child`: who brought it, where it came from below. */
export function putOutbox(
  node: NodeState,
  item: TransitItem,
  target: string,
  from: Sender,
  child: string,
): void {
  const way = from === 'above' && !node.routes.has(target) ? 'below' : from;
  const kept = keep(node, ++node.outboxSeq, item, target, way, way === 'below' ? child : '');
  node.outboxNew.push(kept);
}

/** One that was here before a restart; who brought it is not known any more. */
export function recoverOutbox(node: NodeState, seq: number, item: TransitItem, target: string): void {
  keep(node, seq, item, target, 'below', '').durable = true;
  node.outboxSeq = Math.max(node.outboxSeq, seq);
}

function keep(
  node: NodeState,
  seq: number,
  item: TransitItem,
  target: string,
  from: Sender,
  child: string,
): OutboxItem {
  const kept: OutboxItem = {
    seq,
    item,
    bytes: jsonSize(item) + 32,
    node: target,
    durable: false,
    from,
    child,
    lane: node.routes.get(target) ?? UP,
    sinceMs: node.moment.monoMs,
    sentOn: '',
    sentMs: 0,
  };
  node.outbox.set(seq, kept);
  const { byNode } = node.transit;
  let group = byNode.get(target);
  if (group === undefined) byNode.set(target, (group = new Set()));
  group.add(kept);
  enter(node.transit, kept);
  if (from === 'above' || from === 'below') node.relayed[from]++;
  count(node, kept, 1);
  return kept;
}

function enter({ lanes }: Outbox, item: OutboxItem): void {
  let lane = lanes.get(item.lane);
  if (lane === undefined) lanes.set(item.lane, (lane = new Map()));
  const queue = lane.get(item.child);
  if (queue === undefined) lane.set(item.child, new Set([item]));
  else queue.add(item);
}

function leave({ lanes }: Outbox, item: OutboxItem): void {
  const lane = lanes.get(item.lane);
  const queue = lane?.get(item.child);
  if (lane === undefined || queue?.delete(item) !== true || queue.size > 0) return;
  lane.delete(item.child);
  if (lane.size === 0) lanes.delete(item.lane);
}

function count({ transit: { held } }: NodeState, { from, child }: OutboxItem, by: 1 | -1): void {
  if (from !== 'below') return;
  const now = (held.get(child) ?? 0) + by;
  if (now > 0) held.set(child, now);
  else held.delete(child);
}

/** The way to a node leads through this child from now on, or (undefined) through none: what waits for it goes that way. */
export function routeTo(node: NodeState, name: string, key: string | undefined): void {
  if (node.routes.get(name) === key) return;
  if (key === undefined) node.routes.delete(name);
  else node.routes.set(name, key);
  for (const item of node.transit.byNode.get(name) ?? []) {
    leave(node.transit, item);
    item.lane = key ?? UP;
    enter(node.transit, item);
  }
}

/** What came from above and finds no way down any more goes back up, and counts with what does: else two full neighbours wait for each other. */
export function turnBack(node: NodeState): void {
  if (node.relayed.above === 0) return;
  for (const queue of node.transit.lanes.get(UP)?.values() ?? [])
    for (const item of queue) {
      if (item.from !== 'above') continue;
      item.from = 'below';
      count(node, item, 1);
      node.relayed.above--;
      node.relayed.below++;
    }
}

/** It has been delivered, or is given up. */
export function dropOutbox(node: NodeState, item: OutboxItem): void {
  if (!node.outbox.delete(item.seq)) return;
  leave(node.transit, item);
  const group = node.transit.byNode.get(item.node);
  if (group?.delete(item) === true && group.size === 0) node.transit.byNode.delete(item.node);
  if (item.from === 'above' || item.from === 'below') node.relayed[item.from]--;
  count(node, item, -1);
  node.writes.push({ kind: 'delete', collection: 'outbox', key: String(item.seq) });
}

/** What clients of this node brought, and is still here. */
export const ownInTransit = (node: NodeState): number =>
  node.outbox.size - node.relayed.above - node.relayed.below;

/**
 * Whether what a neighbour hands over finds room. Where there is none, there is as much again for those children who have
 * little here: each may take half of what is left of that.
 */
export function hasRoomFor(node: NodeState, count: number, from: 'above' | 'below', child: string): boolean {
  const free = node.tuning.relayMax - node.relayed[from];
  if (count === 0 || free > 0) return true;
  const left = node.tuning.relayMax + free;
  return from === 'below' && left > 0 && 2 * (node.transit.held.get(child) ?? 0) < left;
}

/**
 * What goes up: all that no child leads to, and what waits for nodes that are silent, for they may have moved; but not what
 * came from above, where nobody knows another way.
 */
export function feedbackUp(node: NodeState): RoutedFeedback[] {
  const queues: ReadonlySet<OutboxItem>[] = [];
  for (const [key, lane] of node.transit.lanes) {
    const link = node.children.get(key);
    if (key === UP || link === undefined || isSilent(node, link)) queues.push(...lane.values());
  }
  return inTurn(node, queues, (item) =>
    item.durable && (item.lane === UP || item.from !== 'above') ? 'take' : 'leave',
  );
}

/** What goes down to this child and is not on its way to it already. */
export function feedbackFor(node: NodeState, link: ChildLink): RoutedFeedback[] {
  const lane = node.transit.lanes.get(link.key);
  if (lane === undefined) return [];
  const { monoMs } = node.moment;
  let underWay = 0;
  return inTurn(node, [...lane.values()], (item) => {
    if (!item.durable) return 'leave';
    if (item.sentOn === link.key && monoMs - item.sentMs < node.tuning.resendMs)
      return ++underWay >= UNDER_WAY_MAX ? 'enough' : 'leave';
    item.sentOn = link.key;
    item.sentMs = monoMs;
    return 'take';
  });
}

/** One of each queue in turn, as many as a message takes. */
function inTurn(
  node: NodeState,
  queues: readonly ReadonlySet<OutboxItem>[],
  judge: (item: OutboxItem) => 'take' | 'leave' | 'enough',
): RoutedFeedback[] {
  const out: RoutedFeedback[] = [];
  let bytes = 0;
  const first = queues.length === 0 ? 0 : node.transit.turn++ % queues.length;
  let open = [...queues.slice(first), ...queues.slice(0, first)].map((queue) => queue.values());
  while (open.length > 0)
    open = open.filter((items) => {
      for (const item of items) {
        if (out.length >= ITEMS_A_MESSAGE || bytes >= BYTES_A_MESSAGE) return false;
        const verdict = judge(item);
        if (verdict === 'enough') return false;
        if (verdict === 'leave') continue;
        bytes += item.bytes;
        out.push({ seq: item.seq, item: item.item });
        return true;
      }
      return false;
    });
  return out;
}
