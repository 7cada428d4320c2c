import type { ChildLink } from './child-link.ts';
import { type NodeState, refuse } from './state.ts';

/** Heartbeats without a word after which a child counts as away. */
export const SILENT_BEATS = 5;

/** Whether a child has missed its heartbeats: it may be cut off, or have moved. */
export function isSilent(node: NodeState, link: ChildLink): boolean {
  return node.moment.monoMs - link.lastHeardMs > SILENT_BEATS * node.tuning.heartbeatMs;
}

/**
 * Forgets links, ways and reports that have been silent for too long, so that processes long gone cost nothing. What
 * they taught stays, and so does their share of limits. One that comes back begins a new session.
 */
export function forgetSilent(node: NodeState): void {
  const now = node.moment.monoMs;
  const { forgetNodeMs } = node.tuning;
  if (now - node.forgotMs < forgetNodeMs / 8) return;
  node.forgotMs = now;
  for (const [key, link] of node.children)
    if (now - link.lastHeardMs > forgetNodeMs) node.children.delete(key);
  for (const [name, key] of node.routes) if (!node.children.has(key)) node.routes.delete(name);
  for (const [name, { telemetry, receivedMs }] of node.below)
    if (telemetry.status.ageMs + now - receivedMs > forgetNodeMs) node.below.delete(name);
  if (node.isRoot)
    for (const [seq, item] of node.outbox)
      if (item.durable && !node.routes.has(item.node) && now - item.sinceMs > forgetNodeMs) {
        refuse(node, 'feedback_for_nobody');
        node.outbox.delete(seq);
        node.writes.push({ kind: 'delete', collection: 'outbox', key: String(seq) });
      }
  for (const name of node.applied.keys())
    if (name !== node.name && !node.routes.has(name)) node.applied.delete(name);
}
