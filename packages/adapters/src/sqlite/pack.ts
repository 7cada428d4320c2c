/** The owner's half of the protocol: batches of writes, checked and laid out in one buffer. */

import { GanglionError, type Write } from '@ganglion/core';
import { APPEND, DELETE, type PackedBatches, PUT } from './protocol.ts';

/** Batches that travel together, and who waits for each. */
export interface Group extends PackedBatches {
  readonly names: string[];
  readonly numbers: number[];
  readonly ends: number[];
  readonly waiters: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[];
  bytes: Uint8Array<ArrayBuffer>;
  used: number;
  /** What it counts for against the bound on waiting bytes. */
  size: number;
}

const FIRST_BYTES = 4096;
/** What a write costs beside its bytes, roughly. */
const WRITE_BYTES = 64;
/** A surrogate without its partner: text that UTF-8 cannot carry, so two keys could become one. */
const ILL_FORMED = /\p{Surrogate}/u;

export function newGroup(buffer: ArrayBuffer | undefined): Group {
  const bytes = new Uint8Array(buffer ?? new ArrayBuffer(FIRST_BYTES));
  return { names: [], numbers: [], ends: [], waiters: [], bytes, used: 0, size: 0 };
}

/** @throws GanglionError `invalid_input`, before anything is taken from the batch */
export function checkWrites(writes: readonly Write[]): void {
  for (const write of writes) {
    if (write.kind === 'append') {
      checkName('journal', write.journal);
      if (!Number.isFinite(write.atMs)) throw invalid('atMs', write.atMs);
      checkBytes('chunk', write.chunk);
    } else if (write.kind === 'put' || write.kind === 'delete') {
      checkName('collection', write.collection);
      checkName('key', write.key);
      if (write.kind === 'put') checkBytes('value', write.value);
    } else throw invalid('kind', (write as { kind?: unknown }).kind);
  }
}

export function sizeOf(writes: readonly Write[]): number {
  let size = 0;
  for (const write of writes) size += WRITE_BYTES + bytesOf(write).length;
  return size;
}

/** Copies the batch's bytes: its caller may reuse its buffers from here on. */
export function pack(group: Group, writes: readonly Write[], size: number): void {
  for (const write of writes) {
    const value = bytesOf(write);
    reserve(group, value.length);
    group.bytes.set(value, group.used);
    group.used += value.length;
    if (write.kind === 'append') {
      group.names.push(write.journal, '');
      group.numbers.push(APPEND, value.length, write.atMs);
    } else {
      group.names.push(write.collection, write.key);
      group.numbers.push(write.kind === 'put' ? PUT : DELETE, value.length, 0);
    }
  }
  group.ends.push(group.numbers.length / 3);
  group.size += size;
}

function reserve(group: Group, length: number): void {
  const needed = group.used + length;
  if (needed <= group.bytes.length) return;
  const larger = new Uint8Array(Math.max(needed, 2 * group.bytes.length));
  larger.set(group.bytes.subarray(0, group.used));
  group.bytes = larger;
}

function bytesOf(write: Write): Uint8Array {
  if (write.kind === 'put') return write.value;
  return write.kind === 'append' ? write.chunk : NO_BYTES;
}

const NO_BYTES = new Uint8Array(0);

function checkName(field: string, name: unknown): void {
  if (typeof name !== 'string' || ILL_FORMED.test(name)) throw invalid(field, name);
}

function checkBytes(field: string, bytes: unknown): void {
  if (!(bytes instanceof Uint8Array)) throw invalid(field, bytes);
}

function invalid(field: string, value: unknown): GanglionError {
  return new GanglionError('invalid_input', `A write has no usable ${field}.`, {
    field,
    value,
    mend: 'Give well-formed strings for names, a Uint8Array for bytes and a finite number for a time.',
  });
}
