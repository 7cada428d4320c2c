import { boundOf } from './held-leases.ts';
import { jsonBytes } from './json-bytes.ts';
import type { NodeState } from './state.ts';

/**
 * Children ever heard of are on disk: a restarted root waits for their controls before it grants a lease, and a kill names
 * each. One that was away for long is waited for no more; once whatever lease it may hold must have run out, it is
 * forgotten. Its absence is counted in time that this node has been running without it, restarts included, so that no clock
 * that is set wrong makes a child absent. See docs/adr/0027.
 */
export interface KnownChild {
  /** How long this node has run without a word of it, as of the last look, ms. */
  absentMs: number;
  /** As on disk. */
  storedMs: number;
}

/** Looked for at least this often, so that a node which is restarted every day counts as well. */
const LOOK_MS = 3_600_000;
const LOOKS = 128;

/** A child has made itself known. */
export function knowChild(node: NodeState, name: string): void {
  const known = node.knownChildren.get(name);
  if (known === undefined || known.storedMs > 0) put(node, name, 0);
  else known.absentMs = 0;
  node.awaited?.names.add(name);
}

function put(node: NodeState, name: string, absentMs: number): void {
  node.knownChildren.set(name, { absentMs, storedMs: absentMs });
  node.writes.push({ kind: 'put', collection: 'child', key: name, value: jsonBytes({ absentMs }) });
}

/** As it was on disk; older versions wrote nothing beside the name. */
export function recoverChild(node: NodeState, name: string, stored: unknown): void {
  const { absentMs = 0 } = (stored ?? {}) as { absentMs?: number };
  const ms = Number.isFinite(absentMs) ? Math.max(0, absentMs) : 0;
  node.knownChildren.set(name, { absentMs: ms, storedMs: ms });
}

/** Whether a restarted root waits for it. */
export const isAwaited = (node: NodeState, { absentMs }: KnownChild): boolean =>
  absentMs < node.tuning.forgetChildMs;

/** Counts now and then how long each child has been away, and forgets who is gone. */
export function forgetChildren(node: NodeState): void {
  const { moment, tuning } = node;
  const sinceMs = node.childrenMs;
  if (moment.monoMs - sinceMs < Math.min(LOOK_MS, tuning.forgetChildMs / LOOKS)) return;
  node.childrenMs = moment.monoMs;
  const untilMs = boundOf(node, { scope: '*' }, moment.monoMs);
  for (const [name, known] of node.knownChildren) {
    const link = node.children.get(node.holders.get(name) ?? '');
    if (link !== undefined && link.lastHeardMs >= sinceMs) {
      if (known.storedMs > 0) put(node, name, 0);
      else known.absentMs = 0;
      continue;
    }
    put(node, name, known.absentMs + moment.monoMs - sinceMs);
    const { absentMs } = node.knownChildren.get(name) as KnownChild;
    // Where something goes on without a lease, nobody can say that it has stopped: it stays in the list.
    if (untilMs !== null && absentMs >= Math.max(tuning.forgetChildMs, untilMs - moment.monoMs))
      forget(node, name);
  }
}

function forget(node: NodeState, name: string): void {
  node.knownChildren.delete(name);
  node.specsOf.delete(name);
  node.writes.push({ kind: 'delete', collection: 'child', key: name });
  if (node.unboundedBelow.delete(name))
    node.writes.push({ kind: 'delete', collection: 'unbounded', key: name });
}
