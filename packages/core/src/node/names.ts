import { nodeOf } from '../sync/slots.ts';
import type { ChildLink } from './links.ts';
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

/** Whether the way to a node leads through this child: it lies in its subtree. */
export const isBelow = (node: NodeState, child: string, name: string): boolean =>
  name === child || nodeOf(node.routes.get(name) ?? '~') === child;
