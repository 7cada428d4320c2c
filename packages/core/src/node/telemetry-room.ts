import type { PointReport } from '../status.ts';
import type { Telemetry } from '../sync/messages.ts';
import type { NodeState } from './state.ts';

/** Most that a node says of itself at once, as JSON: a node with more to say says it in parts. */
export const ENTRY_BYTES = 1 << 20;
/** Most that is kept of all nodes below; of this, and of the names, each child may take as much as the others leave free. */
const KEPT_BYTES = 256 << 20;

/** The last word of a node below. */
export interface TelemetryState {
  readonly telemetry: Telemetry;
  /** Its reports by point. */
  readonly reportOf: ReadonlyMap<string, PointReport>;
  readonly receivedMs: number;
  /** The child that told it. */
  readonly child: string;
  /** As JSON, at most: the status, each report, and all of it. */
  readonly statusBytes: number;
  readonly reportBytes: readonly number[];
  readonly bytes: number;
  /** The report that goes up next, where there is not room for all at once. */
  next: number;
}

/** What one child tells of itself and of those below it. */
export interface ChildTelemetry {
  readonly names: Set<string>;
  bytes: number;
  /** Whose turn is next, of the names: to be told of at all, and to have his reports told. */
  statusAt: number;
  reportAt: number;
}

/** Keeps the last word of a node. False: this child has told too much already, and what was known stays. */
export function keepWord(node: NodeState, name: string, heard: TelemetryState): boolean {
  const known = node.below.get(name);
  const own = node.telemetryOf.get(heard.child) ?? { names: new Set(), bytes: 0, statusAt: 0, reportAt: 0 };
  const before = known?.child === heard.child ? known.bytes : 0;
  const isNew = !own.names.has(name);
  if (
    (isNew && own.names.size >= node.limits.origins - node.below.size) ||
    own.bytes - before + heard.bytes > KEPT_BYTES - node.telemetryBytes + (known?.bytes ?? 0)
  )
    return false;
  dropWord(node, name);
  own.names.add(name);
  own.bytes += heard.bytes;
  node.telemetryBytes += heard.bytes;
  node.telemetryOf.set(heard.child, own);
  node.below.set(name, heard);
  return true;
}

/** Forgets what was told of a node. */
export function dropWord(node: NodeState, name: string): void {
  const known = node.below.get(name);
  if (known === undefined) return;
  node.below.delete(name);
  node.telemetryBytes -= known.bytes;
  const own = node.telemetryOf.get(known.child);
  if (own === undefined) return;
  own.bytes -= known.bytes;
  own.names.delete(name);
  if (own.names.size === 0) node.telemetryOf.delete(known.child);
}
