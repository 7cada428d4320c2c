import type { UpMessage } from '../sync/messages.ts';
import type { ChildLink } from './links.ts';
import type { NodeState } from './state.ts';

/** A node's share of tree-wide limits. */
export interface SharesHeld {
  /** What the parent granted of tree-wide limits, and how it is dealt out: this node's own part under its name. */
  share: number;
  readonly granted: Map<string, number>;
  /** What of it is on disk: nothing more may be granted, so that a restart forgets no grant. */
  readonly durableGrants: Map<string, number>;
  /** Names whose grant has changed since it was last on disk. */
  readonly grantsDirty: Set<string>;
  /** Sum of what was granted, kept up by differences. */
  grantedSum: number;
  /** Differences since it was last summed anew. */
  grantedChanges: number;
  /** The newest process (origin) of each child: the one that its share belongs to. */
  readonly holders: Map<string, string>;
  /** When silent children were last looked for. */
  forgotMs: number;
}

/** The root has all of it. */
export function ownShare(name: string, isRoot: boolean, monoMs: number): SharesHeld {
  const share = isRoot ? 1 : 0;
  return {
    share,
    granted: new Map([[name, share]]),
    durableGrants: new Map(),
    grantsDirty: new Set(),
    grantedSum: share,
    grantedChanges: 0,
    holders: new Map(),
    forgotMs: monoMs,
  };
}

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
  grant(node, node.name, own);
  node.moment.share = own;
}

/** Differences after which the sum is made anew, so that rounding cannot add up. */
const RESUM_EVERY = 4096;

function grant(node: NodeState, name: string, share: number): void {
  const before = node.granted.get(name);
  if (before === share) return;
  node.granted.set(name, share);
  node.grantedSum += share - (before ?? 0);
  if (++node.grantedChanges >= RESUM_EVERY) resum(node);
}

function resum(node: NodeState): void {
  node.grantedSum = 0;
  for (const granted of node.granted.values()) node.grantedSum += granted;
  node.grantedChanges = 0;
}

/** What all but one may be using; a rounding error more rather than less. */
function dealt(node: NodeState, except: string): number {
  return Math.max(0, node.grantedSum - (node.granted.get(except) ?? 0));
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
  grant(node, link.node, Math.max(fair, held));
  if (fair > onDisk || before !== node.granted.get(link.node)) node.grantsDirty.add(link.node);
  return share;
}

/** What this node and all below may still be using. */
export function outstandingShare(node: NodeState): number {
  return Math.min(1, Math.max(node.grantedSum, node.share));
}

/** After a restart: this process uses nothing yet, and its children what they were granted. */
export function recoverShare(node: NodeState, name: string, granted: unknown): void {
  if (name === node.name || typeof granted !== 'number' || !(granted >= 0)) return;
  grant(node, name, Math.min(1, granted));
  node.durableGrants.set(name, Math.min(1, granted));
  deal(node, node.granted.size);
}
