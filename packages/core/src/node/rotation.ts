import { originOf } from '../sync/slots.ts';
import { jsonBytes } from './json-bytes.ts';
import { nextOpening, openedOf } from './origins.ts';
import { syncPoints } from './points.ts';
import { type NodeState, newIncarnation } from './state.ts';

/**
 * Opens a new incarnation in a running process: the tree has closed the current one to us (it was folded after a long
 * absence, or another process speaks under it). Decisions made before stay joinable; new ones bear the new name.
 */
export function rotateIncarnation(node: NodeState): void {
  rename(node, nextOpening(node.ownOrigins, node.moment.treeMs));
  node.seed = [node.ports.chance.uint32(), node.ports.chance.uint32()];
  if (node.parent !== undefined) node.parent.formerSeq = node.parent.seq;
  openIncarnation(node);
  syncPoints(node);
}

/** After what this disk knows of has been read: this process comes after all of it. */
export function followOn(node: NodeState): void {
  const openedMs = nextOpening(node.ownOrigins, node.moment.wallMs);
  if (openedMs > openedOf(node.origin)) rename(node, openedMs);
}

function rename(node: NodeState, openedMs: number): void {
  node.incarnation = newIncarnation(node.ports, openedMs);
  node.origin = originOf(node.name, node.incarnation);
}

/** The new name is on disk with the first batch that uses it. */
export function openIncarnation(node: NodeState): void {
  node.ownOrigins.add(node.origin);
  node.writes.push({
    kind: 'put',
    collection: 'incarnation',
    key: node.origin,
    value: jsonBytes({ atMs: node.moment.wallMs }),
  });
}
