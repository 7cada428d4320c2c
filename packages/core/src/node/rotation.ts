import { originOf } from '../sync/slots.ts';
import { jsonBytes } from './json-bytes.ts';
import { syncPoints } from './points.ts';
import { type NodeState, newIncarnation } from './state.ts';

/**
 * Opens a new incarnation in a running process: the tree has closed the current one to us (it was folded after a long
 * absence, or another process speaks under it). Decisions made before stay joinable; new ones bear the new name.
 */
export function rotateIncarnation(node: NodeState): void {
  node.incarnation = newIncarnation(node.ports);
  node.origin = originOf(node.name, node.incarnation);
  node.seed = [node.ports.chance.uint32(), node.ports.chance.uint32()];
  openIncarnation(node);
  syncPoints(node);
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
