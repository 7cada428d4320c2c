import type { Actor } from '../node-api.ts';
import type { AuditEntry } from '../status.ts';
import { jsonBytes } from './json-bytes.ts';
import { emit, type NodeState } from './state.ts';

/** Entries that a node shows; all of them stay in its journal. */
export const AUDIT_KEPT = 1000;

/** Says who did what, and writes it with the next batch. */
export function record(node: NodeState, by: Actor, action: string, target: string, reason: string): void {
  const entry: AuditEntry = {
    seq: ++node.auditSeq,
    atMs: node.moment.wallMs,
    node: node.name,
    by: by.name,
    action,
    target,
    reason,
  };
  node.audit.push(entry);
  if (node.audit.length > AUDIT_KEPT) node.audit.shift();
  node.writes.push({ kind: 'append', journal: 'audit', atMs: entry.atMs, chunk: jsonBytes(entry) });
  if (node.listeners.size > 0) emit(node, { kind: 'audit', node: node.name, entry });
}
