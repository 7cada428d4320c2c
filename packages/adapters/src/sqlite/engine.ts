/** The store itself, synchronous: what the worker does with one open database. */

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { corruptError, faultOf, isIoFailure, isSchemaMismatch, type StorageFault } from './faults.ts';
import { type OpenOptions, openDatabase } from './open.ts';
import { type Place, placeOf } from './place.ts';
import {
  APPEND,
  DELETE,
  NAMES_PER_WRITE,
  NUMBERS_PER_WRITE,
  type PackedBatches,
  type Page,
  PUT,
  type ScanRequest,
} from './protocol.ts';
import { chunkChecksum, entryChecksum } from './schema.ts';

export interface Engine {
  readonly file: string;
  /** Its size is bounded by more than the disk. */
  readonly bounded: boolean;
  readonly place: Place;
  readonly db: DatabaseSync;
  readonly statements: Readonly<Record<keyof typeof SQL, StatementSync>>;
  /** A refused transaction may still stand in the log after an I/O error: see `repair`. */
  unsure: boolean;
}

const SQL = {
  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  put: `INSERT INTO entry (collection, key, value, checksum) VALUES (?, ?, ?, ?)
    ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value, checksum = excluded.checksum`,
  remove: 'DELETE FROM entry WHERE collection = ? AND key = ?',
  append: 'INSERT INTO chunk (journal, at_ms, chunk, checksum) VALUES (?, ?, ?, ?)',
  repair: "UPDATE counter SET value = value + 1 WHERE name = 'repairs'",
  load: 'SELECT collection, key, value, checksum FROM entry',
  scan: `SELECT position, at_ms, chunk, checksum FROM chunk
    WHERE journal = ? AND position > ? AND at_ms >= ? ORDER BY position LIMIT ?`,
  trim: `DELETE FROM chunk WHERE position IN
    (SELECT position FROM chunk WHERE journal = ? AND at_ms < ? ORDER BY position LIMIT ?)`,
};

const PAGE_BYTES = 1 << 20;
const PAGE_ROWS = 1024;
/** A slice of a trim is a transaction, short enough that commits are not kept waiting. */
const TRIM_CHUNKS = 256;

/** @throws an error that `faultOf` explains */
export function openEngine(options: OpenOptions): Engine {
  const db = openDatabase(options);
  try {
    const statements = Object.fromEntries(
      Object.entries(SQL).map(([name, sql]) => [name, db.prepare(sql)]),
    ) as Record<keyof typeof SQL, StatementSync>;
    statements.load.setReturnArrays(true);
    statements.scan.setReturnArrays(true);
    const bounded = Number.isFinite(options.maxBytes);
    return { file: options.file, bounded, place: placeOf(options.file), db, statements, unsure: false };
  } catch (error) {
    db.close();
    if (!isSchemaMismatch(error)) throw error;
    throw corruptError(options.file, `its tables are not those of its version (${(error as Error).message})`);
  }
}

/** Each batch of a group, and where its bytes begin. */
interface Batch {
  readonly group: PackedBatches;
  readonly from: number;
  readonly to: number;
  readonly byteFrom: number;
}

/**
 * Group commit: all batches in one transaction and one flush. If that fails, each by itself, so that none is refused
 * for its neighbour's sake. Undefined where all are durable, else one fault or undefined a batch, in order.
 */
export function commitGroups(
  engine: Engine,
  groups: readonly PackedBatches[],
): (StorageFault | undefined)[] | undefined {
  const batches = groups.flatMap(batchesOf);
  const together = attempt(engine, batches);
  if (together === undefined) return undefined;
  if (batches.length === 1) return [together];
  return batches.map((batch) => attempt(engine, [batch]));
}

function batchesOf(group: PackedBatches): Batch[] {
  let from = 0;
  let byteFrom = 0;
  return group.ends.map((to) => {
    const batch: Batch = { group, from, to, byteFrom };
    for (; from < to; from++) byteFrom += group.numbers[from * NUMBERS_PER_WRITE + 1]!;
    return batch;
  });
}

function attempt(engine: Engine, batches: readonly Batch[]): StorageFault | undefined {
  try {
    transact(engine, () => {
      for (const batch of batches) apply(engine, batch);
    });
    return undefined;
  } catch (error) {
    return faultOf(error, engine.file, engine.bounded);
  }
}

function transact(engine: Engine, body: () => void): void {
  const { begin, commit } = engine.statements;
  engine.place.check();
  if (engine.unsure) repair(engine);
  try {
    begin.run();
    body();
    commit.run();
  } catch (error) {
    if (engine.db.isTransaction) engine.db.exec('ROLLBACK');
    if (isIoFailure(error)) {
      engine.unsure = true;
      tryRepair(engine);
    }
    throw error;
  }
}

/**
 * A commit whose flush failed is refused, but its frames may have reached the log, and would count if the process
 * died now. A harmless transaction in their place breaks their chain of checksums; it is tried before the refusal is
 * told, and until it succeeds nothing else is written. (A flush that failed is never tried again on the same pages, for the system may have dropped them.)
 */
function repair(engine: Engine): void {
  const { begin, repair: touch, commit } = engine.statements;
  try {
    begin.run();
    touch.run();
    commit.run();
    engine.unsure = false;
  } finally {
    if (engine.db.isTransaction) engine.db.exec('ROLLBACK');
  }
}

function tryRepair(engine: Engine): void {
  try {
    repair(engine);
  } catch {
    // The disk still refuses. The next write tries again first; whoever was refused knows.
  }
}

function apply(engine: Engine, batch: Batch): void {
  const { put, remove, append } = engine.statements;
  const { names, numbers, bytes } = batch.group;
  let at = batch.byteFrom;
  for (let i = batch.from; i < batch.to; i++) {
    const kind = numbers[i * NUMBERS_PER_WRITE];
    const length = numbers[i * NUMBERS_PER_WRITE + 1]!;
    const name = names[i * NAMES_PER_WRITE]!;
    const key = names[i * NAMES_PER_WRITE + 1]!;
    const value = bytes.subarray(at, at + length);
    at += length;
    if (kind === PUT) put.run(name, key, value, entryChecksum(name, key, value));
    else if (kind === DELETE) remove.run(name, key);
    else if (kind === APPEND) {
      const atMs = numbers[i * NUMBERS_PER_WRITE + 2]!;
      append.run(name, atMs, value, chunkChecksum(name, atMs, value));
    }
  }
}

type EntryRow = [collection: string, key: string, value: Uint8Array, checksum: number];
type ChunkRow = [position: number, atMs: number, chunk: Uint8Array, checksum: number];

/** @throws an error that `faultOf` explains */
export function loadPages(engine: Engine, emit: (page: Page) => void): void {
  const pages = pager(emit);
  for (const row of engine.statements.load.iterate() as unknown as Iterable<EntryRow>) {
    const [collection, key, value, checksum] = row;
    if (entryChecksum(collection, key, value) !== checksum) {
      throw corruptError(
        engine.file,
        `entry ${JSON.stringify(key)} of ${JSON.stringify(collection)} fails its checksum`,
      );
    }
    pages.add([collection, key], [value.length], value);
  }
  pages.flush();
}

/** @throws an error that `faultOf` explains */
export function scanPages(engine: Engine, asked: ScanRequest, emit: (page: Page) => void): void {
  const pages = pager(emit);
  const rows = engine.statements.scan.iterate(asked.journal, asked.position, asked.sinceMs, asked.limit);
  for (const [position, atMs, chunk, checksum] of rows as unknown as Iterable<ChunkRow>) {
    if (chunkChecksum(asked.journal, atMs, chunk) !== checksum) {
      throw corruptError(
        engine.file,
        `chunk ${position} of ${JSON.stringify(asked.journal)} fails its checksum`,
      );
    }
    pages.add([], [position, atMs, chunk.length], chunk);
  }
  pages.flush();
}

/** Drops the oldest of what is to go. Whether there is more. @throws an error that `faultOf` explains */
export function trimSlice(engine: Engine, journal: string, beforeMs: number): boolean {
  let dropped = 0;
  transact(engine, () => {
    dropped = Number(engine.statements.trim.run(journal, beforeMs, TRIM_CHUNKS).changes);
  });
  return dropped === TRIM_CHUNKS;
}

/** The log goes into the file if it can; if not, it stays beside it and is read at the next start. */
export function closeEngine(engine: Engine): void {
  if (engine.unsure) tryRepair(engine);
  engine.db.close();
  engine.place.close();
}

/** Gathers rows into pages small enough that the owner takes each without being held up. */
function pager(emit: (page: Page) => void): {
  add(names: readonly string[], numbers: readonly number[], value: Uint8Array): void;
  flush(): void;
} {
  let names: string[] = [];
  let numbers: number[] = [];
  let values: Uint8Array[] = [];
  let bytes = 0;
  const flush = (): void => {
    if (values.length === 0) return;
    const joined = new Uint8Array(bytes);
    let at = 0;
    for (const value of values) {
      joined.set(value, at);
      at += value.length;
    }
    emit({ names, numbers, bytes: joined });
    names = [];
    numbers = [];
    values = [];
    bytes = 0;
  };
  return {
    add(rowNames, rowNumbers, value) {
      names.push(...rowNames);
      numbers.push(...rowNumbers);
      values.push(value);
      bytes += value.length;
      if (bytes >= PAGE_BYTES || values.length >= PAGE_ROWS) flush();
    },
    flush,
  };
}
