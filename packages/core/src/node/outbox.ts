import type { NodeState, OutboxItem, Sender, TransitItem } from './state.ts';

/**
 * Feedback in transit. What clients of this node brought is bounded by `intakeMax`, what came from children and what came
 * from the parent by `relayMax` each: a child that floods, or a node that is away, keeps nobody else's feedback out. The
 * directions are apart, so that two full neighbours never wait for each other. Beyond it nothing is acknowledged: the
 * sender keeps it, and sends it again. The last message before that may lead beyond it, so that none is ever too large: a
 * node holds at most `intakeMax` + 2 × (`relayMax` + a message) items.
 */
export function putOutbox(node: NodeState, item: TransitItem, target: string, from: Sender): void {
  const seq = ++node.outboxSeq;
  const way = from === 'above' && !node.routes.has(target) ? 'below' : from;
  const kept: OutboxItem = {
    seq,
    item,
    node: target,
    durable: false,
    from: way,
    sinceMs: node.moment.monoMs,
    sentOn: '',
    sentMs: 0,
  };
  node.outbox.set(seq, kept);
  node.outboxNew.push(kept);
  if (way === 'above' || way === 'below') node.relayed[way]++;
}

/** What came from above and finds no way down any more goes back up, and counts with what does: else two full neighbours wait for each other. */
export function turnBack(node: NodeState): void {
  if (node.relayed.above === 0) return;
  for (const kept of node.outbox.values()) {
    if (kept.from !== 'above' || node.routes.has(kept.node)) continue;
    kept.from = 'below';
    node.relayed.above--;
    node.relayed.below++;
  }
}

/** It has been delivered, or is given up. */
export function dropOutbox(node: NodeState, item: OutboxItem): void {
  if (!node.outbox.delete(item.seq)) return;
  if (item.from === 'above' || item.from === 'below') node.relayed[item.from]--;
  node.writes.push({ kind: 'delete', collection: 'outbox', key: String(item.seq) });
}

/** What clients of this node brought, and is still here. */
export const ownInTransit = (node: NodeState): number =>
  node.outbox.size - node.relayed.above - node.relayed.below;

/** Whether what a neighbour hands over finds room. */
export const hasRoomFor = (node: NodeState, count: number, from: 'above' | 'below'): boolean =>
  count === 0 || node.relayed[from] < node.tuning.relayMax;
