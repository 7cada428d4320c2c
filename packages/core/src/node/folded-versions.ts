import type { Write } from '../ports.ts';
import type { Slot } from '../sync/slots.ts';
import { jsonBytes } from './json-bytes.ts';
import type { NodeState } from './state.ts';
import { longestAttributionMs } from './trimming.ts';

/**
 * How much of an origin was folded. A disk that was put back to an older image lists less of it, and has decisions open
 * whose outcomes are among what was folded: it has to be told (ADR 4). Kept as long as such a decision may be open.
 */
export interface FoldedVersion {
  readonly version: number;
  /** Tree time, ms. */
  readonly untilMs: number;
}

const COLLECTION = 'folded-version';
/** Kept, as a multiple of the origins that a learner may have: beyond it, of the latest only the time is known. */
const KEPT_AN_ORIGIN = 4;

/** What is to be kept of a slot that is being folded. */
export const versionOf = (node: NodeState, { version }: Slot): FoldedVersion => ({
  version,
  untilMs: node.moment.treeMs + longestAttributionMs(node),
});

/** @param at - `key\norigin` */
export const versionWrite = (at: string, kept: FoldedVersion): Write => ({
  kind: 'put',
  collection: COLLECTION,
  key: at,
  value: jsonBytes(kept),
});

/** They are on disk. */
export function keepVersions(node: NodeState, versions: ReadonlyMap<string, FoldedVersion>): void {
  for (const [at, kept] of versions) node.foldedVersions.set(at, kept);
  const most = KEPT_AN_ORIGIN * node.limits.origins;
  for (const at of node.foldedVersions.keys()) {
    if (node.foldedVersions.size <= most) return;
    forgetVersion(node, at);
  }
}

/** From the disk. */
export function recoverVersion(node: NodeState, at: string, stored: unknown): void {
  const { version, untilMs } = stored as FoldedVersion;
  node.foldedVersions.set(at, { version, untilMs });
}

/** Whether more of an origin was folded than a child lists of it. */
export const foldedMore = (node: NodeState, at: string, version: number): boolean =>
  version < (node.foldedVersions.get(at)?.version ?? 0);

/** Forgets those of decisions that nobody awaits any more, and of a learner that is gone. */
export function forgetVersions(node: NodeState, key?: string): void {
  const { treeMs } = node.moment;
  for (const [at, { untilMs }] of node.foldedVersions)
    if (key === undefined ? untilMs < treeMs : at.startsWith(`${key}\n`)) forgetVersion(node, at);
}

function forgetVersion(node: NodeState, at: string): void {
  node.foldedVersions.delete(at);
  node.writes.push({ kind: 'delete', collection: COLLECTION, key: at });
}
