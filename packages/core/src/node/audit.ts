import type { Actor } from '../node-api.ts';
import type { AuditEntry } from '../status.ts';
import { jsonBytes } from './json-bytes.ts';
import { emit, type NodeState } from './state.ts';

/** Entries that a node shows; all of them stay in its journal. */
const AUDIT_KEPT = 1000;
/** Of these, most about what was said elsewhere: it does not crowd out what was done here. */
const HEARD_KEPT = 500;

/** Says who did what, and writes it with the next batch. `heard`: elsewhere. */
export function record(
  node: NodeState,
  by: Pick<Actor, 'name'>,
  action: string,
  target: string,
  reason: string,
  heard?: AuditEntry['heard'],
): void {
  const entry: AuditEntry = {
    seq: ++node.auditSeq,
    atMs: node.moment.wallMs,
    node: node.name,
    by: by.name,
    action,
    target,
    reason,
    ...(heard === undefined ? {} : { heard }),
  };
  keepShown(node.audit, entry);
  node.writes.push({ kind: 'append', journal: 'audit', atMs: entry.atMs, chunk: jsonBytes(entry) });
  if (node.listeners.size > 0) emit(node, { kind: 'audit', node: node.name, entry });
}

/** Adds the newest entry to those that are shown. */
export function keepShown(audit: AuditEntry[], entry: AuditEntry): void {
  audit.push(entry);
  if (audit.length <= AUDIT_KEPT) return;
  let heard = 0;
  for (const each of audit) if (each.heard !== undefined) heard++;
  audit.splice(heard > HEARD_KEPT ? audit.findIndex((each) => each.heard !== undefined) : 0, 1);
}
