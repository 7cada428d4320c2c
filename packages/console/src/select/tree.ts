import type { Connection, Heard } from '../state/model.ts';
import type { NodeStatus } from '../wire.ts';

/** A node where the tree shows it. */
export interface TreeRow {
  readonly heard: Heard<NodeStatus>;
  readonly depth: number;
  /** For each ancestor level below the root, whether a line goes on below this row. */
  readonly rails: readonly boolean[];
  readonly last: boolean;
}

/**
 * The nodes in tree order, roots first, siblings by name. A node whose parent is not in the list is a root of its
 * own; nodes that name each other in a circle are shown as roots, never lost.
 */
export function treeRows(nodes: readonly Heard<NodeStatus>[]): readonly TreeRow[] {
  const names = new Set(nodes.map((one) => one.value.node));
  const children = new Map<string | null, Heard<NodeStatus>[]>();
  for (const one of nodes) {
    const parent = one.value.parent !== null && names.has(one.value.parent) ? one.value.parent : null;
    children.set(parent, [...(children.get(parent) ?? []), one]);
  }
  const rows: TreeRow[] = [];
  const shown = new Set<string>();
  const visit = (list: readonly Heard<NodeStatus>[], depth: number, rails: readonly boolean[]): void => {
    const ordered = list.toSorted((a, b) =>
      a.value.node.localeCompare(b.value.node, 'en', { numeric: true }),
    );
    ordered.forEach((heard, i) => {
      if (shown.has(heard.value.node)) return;
      shown.add(heard.value.node);
      const last = i === ordered.length - 1;
      rows.push({ heard, depth, rails, last });
      visit(children.get(heard.value.node) ?? [], depth + 1, depth === 0 ? [] : [...rails, !last]);
    });
  };
  visit(children.get(null) ?? [], 0, []);
  for (const one of nodes) if (!shown.has(one.value.node)) visit([one], 0, []);
  return rows;
}

/** A node's word is believed for this long; then its health is unknown, whatever it last said. */
export const NODE_STALE_MS = 10_000;

/** How a node is shown. "Unknown" is its own state and never looks like health. */
export interface ShownHealth {
  readonly state: 'healthy' | 'degraded' | 'unknown';
  /** Sentences that explain it; empty for a healthy node. */
  readonly why: readonly string[];
  /** Since the node last spoke for itself, ms. */
  readonly ageMs: number;
}

/** @param nowMs - page clock. */
export function healthOf(heard: Heard<NodeStatus>, connection: Connection, nowMs: number): ShownHealth {
  const { health, problems } = heard.value;
  const ageMs = heard.value.ageMs + Math.max(0, nowMs - heard.heardMs);
  if (connection.state === 'lost')
    return { state: 'unknown', why: ['This page has lost its connection.'], ageMs };
  if (health !== 'unknown' && ageMs > NODE_STALE_MS)
    return { state: 'unknown', why: [`Silent; it was ${health} when last heard.`, ...problems], ageMs };
  return { state: health, why: problems, ageMs };
}

/** A tree larger than this is folded where it is not the only thing on the page. */
const FOLD_ABOVE = 16;

/** Rows that stand for many, under the parent that they have in common. */
export interface FoldedRow {
  readonly parent: string | null;
  readonly depth: number;
  readonly count: number;
}

/**
 * A large tree with its leaves that are `away` (see `foldsAway`) folded into one row for each parent. Whoever has children,
 * and whoever is not healthy, is shown by name.
 */
export function foldedRows(
  rows: readonly TreeRow[],
  away: (row: TreeRow) => boolean,
): readonly (TreeRow | FoldedRow)[] {
  if (rows.length <= FOLD_ABOVE) return rows;
  const parents = new Set(rows.map((row) => row.heard.value.parent));
  const folds = (row: TreeRow) => !parents.has(row.heard.value.node) && away(row);
  const counts = new Map<string | null, number>();
  for (const row of rows.filter(folds)) {
    const { parent } = row.heard.value;
    counts.set(parent, (counts.get(parent) ?? 0) + 1);
  }
  const seen = new Map<string | null, number>();
  return rows.flatMap((row): readonly (TreeRow | FoldedRow)[] => {
    if (!folds(row)) return [row];
    const { parent } = row.heard.value;
    const nth = (seen.get(parent) ?? 0) + 1;
    seen.set(parent, nth);
    // In the place of the last of them: who wants a person stands before.
    return nth === counts.get(parent) ? [{ parent, depth: row.depth, count: nth }] : [];
  });
}

/** A page that hears nothing of any node, and knows it: who was healthy is not known to be. */
export function isCutOff({ state }: Connection): boolean {
  return state === 'lost' || state === 'unauthorized';
}

/**
 * Whether a leaf of a large tree is counted instead of named: it is healthy; for a page that is cut off, it was when the
 * page last heard. Then nobody stands out by being unknown, and a tree drawn whole would say nothing.
 */
export function foldsAway(heard: Heard<NodeStatus>, connection: Connection, nowMs: number): boolean {
  if (!isCutOff(connection)) return healthOf(heard, connection, nowMs).state === 'healthy';
  const lastMs = connection.lastHeardMs ?? nowMs;
  return healthOf(heard, { ...connection, state: 'live' }, lastMs).state === 'healthy';
}

/** How many nodes are in each state. */
export function healthCounts(
  nodes: readonly Heard<NodeStatus>[],
  connection: Connection,
  nowMs: number,
): Readonly<Record<ShownHealth['state'], number>> {
  const counts = { healthy: 0, degraded: 0, unknown: 0 };
  for (const one of nodes) counts[healthOf(one, connection, nowMs).state]++;
  return counts;
}

/** A node's right to decide overseen points, as it stands now. */
export type ShownLease =
  | { readonly state: 'root' }
  | { readonly state: 'none' }
  | { readonly state: 'unknown' }
  | { readonly state: 'held'; readonly remainingMs: number }
  | { readonly state: 'expired'; readonly sinceMs: number };

/**
 * The lease counted on from when it was heard: one that runs out unrenewed is expired, though nobody said so yet. A page
 * that hears nothing cannot know of renewals, and claims nothing.
 */
export function leaseOf(heard: Heard<NodeStatus>, connection: Connection, nowMs: number): ShownLease {
  const { lease, ageMs } = heard.value;
  if (lease.state !== 'root' && connection.state === 'lost') return { state: 'unknown' };
  const since = ageMs + Math.max(0, nowMs - heard.heardMs);
  if (lease.state === 'held') {
    const remainingMs = lease.remainingMs - since;
    return remainingMs > 0 ? { state: 'held', remainingMs } : { state: 'expired', sinceMs: -remainingMs };
  }
  return lease.state === 'expired' ? { state: 'expired', sinceMs: lease.sinceMs + since } : lease;
}

/** Since the node last heard its parent, ms; null at the root. */
export function syncAgeOf(heard: Heard<NodeStatus>, nowMs: number): number | null {
  const { parentAgeMs, ageMs } = heard.value;
  return parentAgeMs === null ? null : parentAgeMs + ageMs + Math.max(0, nowMs - heard.heardMs);
}
