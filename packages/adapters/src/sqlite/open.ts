/**
 * Opens a store's file, in an order in which nothing is written before everything has been looked at: a damaged
 * file, a file of another program and a file from a newer Ganglion are left byte for byte as they were found.
 *
 * Trap: POSIX drops all locks a process has on a file when it closes *any* descriptor of it. So the database file
 * itself is never opened here but through SQLite, which knows of this; `stat` is harmless.
 */

import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { corruptError, faultError, isBusy, isIndexFailure, isSchemaMismatch, mendHeld } from './faults.ts';
import { APPLICATION_ID, firstValue, migrate, pragmaNumber, SCHEMA_VERSION, versionOf } from './schema.ts';
import { inspectWal } from './wal.ts';

export interface OpenOptions {
  readonly file: string;
  readonly maxBytes: number;
  readonly checkBytes: number;
  readonly lockWaitMs: number;
}

/** Larger than SQLite's 4096: chunks are tens of kilobytes, and a page is the unit of the log. */
const PAGE_BYTES = 8192;
/** The log is copied into the file at this many pages (16 MiB). */
const CHECKPOINT_PAGES = 2048;
const LOG_KEPT_BYTES = 32 << 20;
const CACHE_KIBIBYTES = 16_384;
const LOCK_POLL_MS = 20;

/** @throws an error that `faultOf` explains; the store is then as it was found */
export function openDatabase(options: OpenOptions): DatabaseSync {
  const { file } = options;
  makeFolder(path.dirname(file));
  const found: Found = { bytes: sizeOf(file), walBytes: sizeOf(`${file}-wal`) };
  if (found.bytes === 0 && found.walBytes > 0) {
    // SQLite would take this for a new database and delete the log.
    const how = fs.existsSync(file) ? 'empty' : 'missing';
    throw corruptError(file, `it is ${how}, yet its log holds ${found.walBytes} bytes`);
  }
  refuseDamagedWal(file);
  if (found.bytes === 0) createPrivate(file);
  const looked = found.walBytes > 0 && lookOnly(options, found);
  return retryWhileBusy(options, () => openForWriting(options, found, looked));
}

interface Found {
  readonly bytes: number;
  readonly walBytes: number;
}

/**
 * A connection that may write copies the log into the file when it closes, even where it has just found the file
 * damaged. So with a log there, a read-only one looks first. It needs a little space for its index of the log;
 * without any, the other has to do. Whether it could look.
 */
function lookOnly(options: OpenOptions, found: Found): boolean {
  return retryWhileBusy(options, () => {
    const db = new DatabaseSync(options.file, { readOnly: true });
    try {
      inspect(db, options, found);
      return true;
    } catch (error) {
      if (isIndexFailure(error)) return false;
      throw error;
    } finally {
      db.close();
    }
  });
}

function openForWriting(options: OpenOptions, found: Found, looked: boolean): DatabaseSync {
  const { file } = options;
  const db = new DatabaseSync(file);
  try {
    // Exclusive before the first access: the log's index is then in memory, and the lock lasts until close or death.
    db.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA page_size = ${PAGE_BYTES}`);
    if (!looked) inspect(db, options, found);
    const mode = firstValue(db, 'PRAGMA journal_mode = WAL');
    if (mode !== 'wal') {
      throw faultError(
        'storage_failed',
        `${file} cannot have a write-ahead log.`,
        'Use a local file system.',
      );
    }
    // Spilling would put frames of an unfinished transaction into the log, which is read again after a crash.
    db.exec(`
      PRAGMA synchronous = FULL;
      PRAGMA fullfsync = ON;
      PRAGMA cache_size = -${CACHE_KIBIBYTES};
      PRAGMA cache_spill = OFF;
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
      PRAGMA journal_size_limit = ${LOG_KEPT_BYTES};
    `);
    limitSize(db, options.maxBytes);
    migrate(db);
    startNewLog(db);
    // Left by the read-only look; an exclusive connection does not use it.
    fs.rmSync(`${file}-shm`, { force: true });
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Everything that can be known without writing. */
function inspect(db: DatabaseSync, options: OpenOptions, found: Found): void {
  const { file } = options;
  const objects = Number(firstValue(db, 'SELECT count(*) FROM sqlite_schema'));
  const version = versionOf(db);
  if (objects === 0 && version === 0) return;
  refuseForeign(db, file, version);
  // With a log, a copy of it into the file may have been cut short; without one, every page is whole.
  if (found.walBytes === 0 && found.bytes % pragmaNumber(db, 'page_size') !== 0) {
    throw corruptError(file, `its ${found.bytes} bytes end in the middle of a page`);
  }
  // The keyed tables are small; journals beyond the bound are checked chunk by chunk as they are read.
  const scope = found.bytes <= options.checkBytes ? '1' : "'entry'";
  const problem = firstValue(db, `PRAGMA quick_check(${scope})`) ?? 'ok';
  if (problem !== 'ok') throw corruptError(file, String(problem).split('\n').at(-1)!);
}

function refuseForeign(db: DatabaseSync, file: string, version: number): void {
  if (pragmaNumber(db, 'application_id') !== APPLICATION_ID) {
    throw faultError(
      'storage_failed',
      `${file} is the SQLite database of another program, and was left alone.`,
      'Choose another place for the data.',
    );
  }
  if (version > SCHEMA_VERSION) {
    throw faultError(
      'storage_failed',
      `${file} has schema version ${version}; this Ganglion knows versions up to ${SCHEMA_VERSION}, and left it alone.`,
      'Run the newer Ganglion again, or start from a backup that the older one made.',
    );
  }
  if (version < 1) throw corruptError(file, `it has tables, yet its schema version is ${version}`);
}

/**
 * Without the lock, a log that another process is writing may look damaged. So damage counts only if the log stood
 * still while it was read; if it never does, its writer lives, and opening will say so.
 */
function refuseDamagedWal(file: string): void {
  const walFile = `${file}-wal`;
  for (let attempt = 0; attempt < 5; attempt++) {
    const before = stampOf(walFile);
    const report = inspectWal(walFile);
    if (report.state !== 'damaged') return;
    sleepMs(LOCK_POLL_MS);
    if (stampOf(walFile) === before) {
      throw corruptError(
        file,
        `its log breaks at frame ${report.frames + 1} of ${report.framesInFile}, with acknowledged writes beyond`,
      );
    }
  }
}

/** The pages that `maxBytes` allows; a file that is already larger keeps its size. */
function limitSize(db: DatabaseSync, maxBytes: number): void {
  if (!Number.isFinite(maxBytes)) return;
  const pageBytes = pragmaNumber(db, 'page_size');
  db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / pageBytes))}`);
}

/** Copies what a crash left in the log into the file. On a full disk the log stays, and is as good. */
function startNewLog(db: DatabaseSync): void {
  try {
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // The next checkpoint tries again; until then reads go through the log.
  }
}

/** Waits for a holder that is about to go, such as the same node being restarted. */
function retryWhileBusy<T>(options: OpenOptions, attempt: () => T): T {
  const deadline = performance.now() + options.lockWaitMs;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (isSchemaMismatch(error)) {
        throw corruptError(
          options.file,
          `its tables are not those of its version (${(error as Error).message})`,
        );
      }
      if (!isBusy(error)) throw error;
      if (performance.now() >= deadline) throw heldError(options.file);
      sleepMs(LOCK_POLL_MS);
    }
  }
}

function heldError(file: string): Error {
  const holder = holderOf(file);
  const who =
    holder === process.pid
      ? 'This process has'
      : holder === undefined
        ? 'Another process has'
        : `Process ${holder} has`;
  return faultError('storage_failed', `${who} ${file} open already.`, mendHeld());
}

/** The process that holds a lock on the file, where the system tells (Linux; not across containers). */
function holderOf(file: string): number | undefined {
  try {
    const { ino } = fs.statSync(file);
    for (const line of fs.readFileSync('/proc/locks', 'utf8').split('\n')) {
      const [, pid, inode] = /\s(\d+) [0-9a-f]+:[0-9a-f]+:(\d+)\s/.exec(line) ?? [];
      if (Number(inode) === ino && Number(pid) > 0) return Number(pid);
    }
  } catch {
    // Only a nicety of the message.
  }
  return undefined;
}

/**
 * Makes the folder and flushes the names of what it made: a file in a folder that is forgotten is lost. Level by level:
 * Node's recursive mkdir never returns where a parent that is there answers ENOENT, as /proc does.
 */
function makeFolder(folder: string): void {
  const missing: string[] = [];
  for (let at = folder; !fs.existsSync(at) && at !== path.dirname(at); at = path.dirname(at))
    missing.push(at);
  for (const each of missing.toReversed()) {
    try {
      fs.mkdirSync(each);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  for (const made of missing) flushFolder(path.dirname(made));
}

function flushFolder(folder: string): void {
  try {
    const fd = fs.openSync(folder, 'r');
    fs.fsyncSync(fd);
    fs.closeSync(fd);
  } catch {
    // Windows has no such thing.
  }
}

/** Contexts and audit entries are nobody else's business: readable by the owner alone. The log inherits this. */
function createPrivate(file: string): void {
  try {
    fs.closeSync(fs.openSync(file, 'wx', 0o600));
    flushFolder(path.dirname(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function sizeOf(file: string): number {
  return fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function stampOf(file: string): string {
  const stat = fs.statSync(file, { throwIfNoEntry: false, bigint: true });
  return stat === undefined ? 'none' : `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
}

function sleepMs(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
