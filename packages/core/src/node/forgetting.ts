import { originOf } from '../sync/slots.ts';
import { dropOutbox, routeTo, turnBack } from './outbox.ts';
import { type NodeState, refuse } from './state.ts';
import { dropWord } from './telemetry-room.ts';
import { longestAttributionMs } from './trimming.ts';

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
  for (const [name, key] of node.routes) if (!node.children.has(key)) routeTo(node, name, undefined);
  turnBack(node);
  for (const [name, { telemetry, receivedMs }] of node.below)
    if (telemetry.status.ageMs + now - receivedMs > forgetNodeMs) dropWord(node, name);
  // As long as its decision may still await it, somebody may come for it.
  const awaitedMs = Math.max(forgetNodeMs, longestAttributionMs(node));
  if (node.isRoot)
    for (const item of node.outbox.values())
      if (item.durable && !node.routes.has(item.node) && now - item.sinceMs > awaitedMs) {
        refuse(node, 'feedback_for_nobody');
        dropOutbox(node, item);
      }
  forgetOwnOrigins(node);
  for (const name of node.applied.keys())
    if (name !== node.name && !node.routes.has(name)) node.applied.delete(name);
}

/** Earlier incarnations of this node of which nothing is left here: no slot, and no decision that awaits an outcome. */
function forgetOwnOrigins(node: NodeState): void {
  const needed = new Set([...node.joins.values()].map(({ source }) => originOf(...ownerOf(source.idPrefix))));
  for (const { slots } of node.learners.values()) for (const origin of slots.own.keys()) needed.add(origin);
  // One stays, whatever it is: a node that knows of none before it is a new one.
  const others = [...node.ownOrigins].filter((origin) => origin !== node.origin);
  const gone = new Set(others.slice(0, -1).filter((origin) => !needed.has(origin)));
  for (const origin of gone) {
    node.ownOrigins.delete(origin);
    node.writes.push({ kind: 'delete', collection: 'incarnation', key: origin });
  }
  for (const at of node.retired) {
    const origin = at.slice(at.indexOf('\n') + 1);
    if (node.ownOrigins.has(origin)) continue;
    node.retired.delete(at);
    node.inDoubt.delete(at);
    node.writes.push({ kind: 'delete', collection: 'retired', key: at });
  }
}

function ownerOf(idPrefix: string): [name: string, incarnation: string] {
  const [name, incarnation] = idPrefix.split('~');
  return [name, incarnation];
}
