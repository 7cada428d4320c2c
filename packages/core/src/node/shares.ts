import type { UpMessage } from '../sync/messages.ts';
import type { ChildLink } from './child-link.ts';
import type { NodeState } from './state.ts';

/**
 * Tree-wide limits bind in a partition too, because every node holds a share of them and the shares sum to at most one.
 * A node deals what it was granted out to itself and its children; a child gets more only from what nobody can still be
 * using. A child that is cut off keeps its share, and nobody else gets it. What was granted is on disk before it is sent.
 */
export function setShare(node: NodeState, share: number): void {
  if (share === node.share) return;
  node.share = share;
  deal(node, node.granted.size);
}

/** This node's own part follows at once: it knows that it uses no more. */
function deal(node: NodeState, parts: number): void {
  const own = Math.max(0, Math.min(node.share / parts, node.share - dealt(node, node.name)));
  node.granted.set(node.name, own);
  node.moment.share = own;
}

/** What all but one may be using. */
function dealt(node: NodeState, except: string): number {
  let sum = 0;
  for (const [name, granted] of node.granted) if (name !== except) sum += granted;
  return sum;
}

/** What the child and all below it hold, as of the newest message that it had heard; later grants may be under way. */
export function hearShareOf(link: ChildLink, up: UpMessage): void {
  link.share = Math.min(1, Math.max(0, up.share));
  link.grants = link.grants.filter(({ seq }) => seq > up.heardDown);
}

/** The share to grant to a child in this message. */
export function shareFor(node: NodeState, link: ChildLink, seq: number): number {
  // An older process of the same child is gone, and what it held with it.
  if (node.holders.get(link.node) !== link.key) return 0;
  const before = node.granted.get(link.node) ?? 0;
  const parts = node.granted.size + (node.granted.has(link.node) ? 0 : 1);
  deal(node, parts);
  const fair = Math.max(0, Math.min(node.share / parts, node.share - dealt(node, link.node)));
  const onDisk =
    node.ports.storage === undefined ? Number.POSITIVE_INFINITY : (node.durableGrants.get(link.node) ?? 0);
  const share = Math.min(fair, onDisk);
  // What was granted before counts until the child has heard of less, and says that it holds less.
  while (link.grants.length > 0 && link.grants[link.grants.length - 1].share <= share) link.grants.pop();
  link.grants.push({ seq, share });
  const held = Math.max(link.share, link.grants[0].share);
  node.granted.set(link.node, Math.max(fair, held));
  if (fair > onDisk || before !== node.granted.get(link.node)) node.grantsDirty = true;
  return share;
}

/** What this node and all below may still be using. */
export function outstandingShare(node: NodeState): number {
  return Math.min(1, Math.max(dealt(node, ''), node.share));
}

/** After a restart: this process uses nothing yet, and its children what they were granted. */
export function recoverShares(node: NodeState, json: unknown): void {
  if (!Array.isArray(json)) return;
  for (const pair of json)
    if (Array.isArray(pair) && typeof pair[0] === 'string' && pair[0] !== node.name && pair[1] >= 0)
      node.granted.set(pair[0], Math.min(1, Number(pair[1])));
  node.durableGrants = new Map(node.granted);
  deal(node, node.granted.size);
}
