import { nodeOf, originOf } from '../sync/slots.ts';
import type { ChildLink } from './links.ts';
import { openedOf } from './origins.ts';
import { isSilent, SILENT_BEATS } from './silence.ts';
import type { NodeState } from './state.ts';

/**
 * Whether a child may speak for this name: for its own, and for those below it, which are those that no other live child
 * speaks for. Whoever is connected here itself goes before whoever is said to be somewhere; and what another relays is
 * its own only as long as it has fresh word of it, so that a node which has moved is believed where it is.
 */
export function speaksFor(node: NodeState, link: ChildLink, name: string): boolean {
  if (name === link.node) return true;
  if (name === node.name || node.path.includes(name)) return false;
  const way = node.children.get(node.routes.get(name) ?? '');
  if (way === undefined || way.node === link.node || isSilent(node, way)) return true;
  return way.node !== name && !hasFreshWord(node, name);
}

/** An honest word is at most two reports old, one a hop, and ages once its node has missed its beats. */
function hasFreshWord(node: NodeState, name: string): boolean {
  const heard = node.below.get(name);
  if (heard === undefined) return false;
  const { heartbeatMs, telemetryEveryMs } = node.tuning;
  const ageMs = heard.telemetry.status.ageMs + node.moment.monoMs - heard.receivedMs;
  return ageMs <= SILENT_BEATS * heartbeatMs + 2 * telemetryEveryMs;
}

/**
 * Whether a child may bring this evidence: of names it speaks for, and what a node has left with it. That is of an earlier
 * incarnation than the one that the node goes on under elsewhere, came by this child before, and what it has learned last may
 * be with nobody else: its disk may be lost. A node that still has it lists it where it is now.
 */
export function brings(node: NodeState, link: ChildLink, key: string, origin: string): boolean {
  const name = nodeOf(origin);
  if (speaksFor(node, link, name)) return true;
  const slot = node.learners.get(key)?.slots.slots.get(origin);
  const openedMs = openedOf(origin);
  return (
    slot !== undefined && nodeOf(slot.route) === link.node && openedMs > 0 && openedMs < liveSince(node, name)
  );
}

/** When the incarnation was opened that a node goes on under, tree time in ms as its node knew it; 0: not known. */
function liveSince(node: NodeState, name: string): number {
  const way = node.routes.get(name) ?? '';
  if (nodeOf(way) === name) return openedOf(way);
  const heard = node.below.get(name);
  return heard === undefined ? 0 : openedOf(originOf(name, heard.telemetry.status.incarnation));
}

/** Whether the way to a node leads through this child: it lies in its subtree. */
export const isBelow = (node: NodeState, child: string, name: string): boolean =>
  name === child || nodeOf(node.routes.get(name) ?? '~') === child;
