/**
 * What passes between the store's owner and its worker. A group of batches travels as one buffer of bytes (moved,
 * not copied) and two flat arrays: cloning an object for each write would cost the owner more than the write.
 */

import type { StorageFault } from './faults.ts';

export const PUT = 0;
export const DELETE = 1;
export const APPEND = 2;

/** Numbers for each write: kind, bytes, time. */
export const NUMBERS_PER_WRITE = 3;
/** Names for each write: collection and key, or journal and nothing. */
export const NAMES_PER_WRITE = 2;

export interface PackedBatches {
  readonly names: readonly string[];
  readonly numbers: readonly number[];
  /** For each batch, the number of writes up to its end. */
  readonly ends: readonly number[];
  /** The values and chunks, one after the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many of the bytes are in use; the buffer may be larger. */
  readonly used: number;
}

export type Request =
  | ({ readonly op: 'commit'; readonly id: number } & PackedBatches)
  | { readonly op: 'load'; readonly id: number }
  | ({ readonly op: 'scan'; readonly id: number } & ScanRequest)
  | { readonly op: 'trim'; readonly id: number; readonly journal: string; readonly beforeMs: number }
  | { readonly op: 'close'; readonly id: number };

export interface ScanRequest {
  readonly journal: string;
  readonly sinceMs: number;
  readonly position: number;
  readonly limit: number;
}

/** Rows read: for `load` the names are collection and key; for `scan` the numbers are position, time, bytes. */
export interface Page {
  readonly names: string[];
  readonly numbers: number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export type Reply =
  | { readonly kind: 'opened' }
  | {
      readonly kind: 'committed';
      readonly ids: readonly number[];
      /** One for each batch of these requests in order; undefined where all went well. */
      readonly faults: readonly (StorageFault | undefined)[] | undefined;
      /** The requests' buffers, for use again. */
      readonly buffers: readonly ArrayBuffer[];
    }
  | ({ readonly kind: 'page'; readonly id: number } & Page)
  /** `more`: a slice of the work is done; ask again. */
  | { readonly kind: 'done'; readonly id: number; readonly more: boolean }
  /** Id 0: the store could not be opened. */
  | { readonly kind: 'failed'; readonly id: number; readonly fault: StorageFault };
