import type { Kernels } from './kernels.ts';

/**
 * What a node needs from the world. The core does no I/O: everything below is given to it, so that a whole tree
 * can run inside one process under the simulator.
 */

/** Two clocks, because neither can be trusted alone. */
export interface Clock {
  /** Milliseconds since some start, never going back, counting sleep where the platform can. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch, as the machine believes; may jump either way. */
  wallMs(): number;
}

/** The only source of chance. Everything drawn later comes from seeds taken here, so a run can be replayed. */
export interface Chance {
  /** A uniformly distributed unsigned 32-bit integer; from a cryptographic source in production. */
  uint32(): number;
}

/**
 * One change to a node's durable state. A batch of writes is atomic: all of it is there after a crash, or none.
 * Collections are small keyed tables that are loaded whole at start; the journal is append-only and scanned by time.
 */
export type Write =
  | { readonly kind: 'put'; readonly collection: string; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly collection: string; readonly key: string }
  | { readonly kind: 'append'; readonly journal: string; readonly atMs: number; readonly chunk: Uint8Array };

export interface StoredEntry {
  readonly collection: string;
  readonly key: string;
  readonly value: Uint8Array;
}

export interface StoredChunk {
  /** Position in the journal, rising by one or more. */
  readonly position: number;
  readonly atMs: number;
  readonly chunk: Uint8Array;
}

/**
 * Durable state. Exactly one node writes to a store at a time. Rejections are `GanglionError`s with code
 * `storage_failed`, `storage_full` or `storage_corrupt`; after a rejected commit none of the batch is there.
 */
export interface Storage {
  /** All keyed entries, in no order. */
  load(): Promise<StoredEntry[]>;
  /** Chunks appended to a journal at or after `sinceMs`, oldest first, at most `limit` after `position`. */
  scan(journal: string, sinceMs: number, position: number, limit: number): Promise<StoredChunk[]>;
  /** Resolves once the batch would survive a power cut. */
  commit(writes: readonly Write[]): Promise<void>;
  /** Drops journal chunks older than this. */
  trim(journal: string, beforeMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Message authentication, from the platform's cryptography: HMAC-SHA-256 (RFC 2104) in production. */
export interface Seals {
  /** The code over `data` under `key`. */
  seal(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** Whether `seal` is that code; takes as long for a wrong one as for a right one. */
  verify(key: Uint8Array, data: Uint8Array, seal: Uint8Array): boolean;
}

export interface Ports {
  readonly clock: Clock;
  readonly chance: Chance;
  /** Without them a node that comes back from an old backup recognises nothing of what it said since. */
  readonly seals?: Seals | undefined;
  /** Without storage a node keeps nothing over a restart, says so in its status, and acknowledges at once. */
  readonly storage?: Storage | undefined;
  /** Without them the loops of linear models run in plain TypeScript, with the same results. */
  readonly kernels?: Kernels | undefined;
}
