import type { ChildLink } from './child-link.ts';
import type { NodeState } from './state.ts';

/**
 * Tree-wide limits bind in a partition too, because every node holds a share of them and the shares sum to at most one.
 * A node deals what it was granted out to itself and its children; a child gets more only from what nobody can still be
 * using. A child that is cut off keeps its share, and nobody else gets it.
 */
export function setShare(node: NodeState, share: number): void {
  if (share === node.share) return;
  node.share = share;
  deal(node, node.granted.size);
}

/** This node's own part follows at once: it knows that it uses no more. */
function deal(node: NodeState, parts: number): void {
  let others = 0;
  for (const [name, granted] of node.granted) if (name !== node.name) others += granted;
  node.granted.set(node.name, Math.max(0, Math.min(node.share / parts, node.share - others)));
}

/** The share to grant to a child now. */
export function shareFor(node: NodeState, link: ChildLink): number {
  const before = node.granted.get(link.node);
  const parts = node.granted.size + (before === undefined ? 1 : 0);
  deal(node, parts);
  let others = 0;
  for (const [name, granted] of node.granted) if (name !== link.node) others += granted;
  const share = Math.max(0, Math.min(node.share / parts, node.share - others));
  // What it was granted before counts until it has said that it holds less.
  node.granted.set(link.node, Math.max(share, Math.min(before ?? 0, link.share)));
  return share;
}

/** What this node and all below may still be using. */
export function outstandingShare(node: NodeState): number {
  let sum = 0;
  for (const granted of node.granted.values()) sum += granted;
  return Math.max(sum, node.share);
}
