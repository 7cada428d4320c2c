/**
 * Durable storage in one SQLite file, without set-up: write-ahead log, a flush before every acknowledgement, group
 * commit, in a thread of its own. The file belongs to one process at a time; while it is open, nothing in that
 * process may open and close the file by itself (POSIX would drop the lock). Copy it only when it is closed, or
 * together with its `-wal`.
 */

import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { GanglionError, type Storage, type StoredChunk, type StoredEntry, type Write } from '@ganglion/core';
import { copyStore } from './sqlite/copy.ts';
import { faultOf, type StorageFault } from './sqlite/faults.ts';
import type { OpenOptions } from './sqlite/open.ts';
import { checkWrites, type Group, newGroup, pack, sizeOf } from './sqlite/pack.ts';
import type { Page, Request } from './sqlite/protocol.ts';
import { opened, type Thread, threadOf, type Waiting } from './sqlite/thread.ts';

export interface SqliteOptions {
  /** The database file. Its folder is made where missing; `FILE-wal` stands beside it while it is open. */
  readonly file: string;
  /**
   * Most bytes the file may take, at least 64 KiB; beyond, commits are refused with `storage_full` until `trim` or
   * deletions make room. The log takes up to 32 MiB more. Default: as much as the disk has.
   */
  readonly maxBytes?: number | undefined;
  /** Up to this size a file is checked whole when opened; beyond, its keyed tables only. Default 256 MiB. */
  readonly checkBytes?: number | undefined;
  /** How long to wait for another process to let go of the file, ms. Default 2000. */
  readonly lockWaitMs?: number | undefined;
  /** Bytes that may wait for the disk; beyond, commits are refused with `overloaded`. Default 64 MiB. */
  readonly queueBytes?: number | undefined;
}

/**
 * Opens the store, or makes it.
 *
 * Rejections carry `storage_failed` (held by another process, not writable, of another program or a newer
 * version), `storage_full` or `storage_corrupt`, and say what to do. A refused store is left as it was found.
 * Operations may reject with `overloaded`, `closed` and, for malformed writes, `invalid_input` as well.
 *
 * @throws GanglionError `invalid_spec` for unusable options
 */
export async function sqliteStorage(options: SqliteOptions): Promise<Storage> {
  const { open, queueBytes } = checkedOptions(options);
  // Nothing of the process's flags: the worker needs no conditions, and some flags refuse a file as entry.
  const worker = new Worker(workerUrl(), { workerData: open, execArgv: [], name: 'ganglion-sqlite' });
  try {
    await opened(worker, open.file);
  } catch (fault) {
    throw errorOf(fault as StorageFault);
  }
  return storageOn(threadOf(worker, open.file), open.file, queueBytes);
}

/**
 * Copies a store into a folder, though another process has it open; the copy may be opened like any other store. Never
 * for a store that this process has open.
 *
 * @returns the path of the copy
 * @throws GanglionError `storage_failed`, `storage_full`
 */
export async function copySqlite(file: string, folder: string): Promise<string> {
  try {
    return await copyStore(file, folder);
  } catch (error) {
    throw errorOf(faultOf(error, file));
  }
}

/** From source the sibling is TypeScript, compiled it is not; the compiler rewrites imports, but not URLs. */
function workerUrl(): URL {
  return new URL(
    import.meta.url.endsWith('.ts') ? './sqlite-worker.ts' : './sqlite-worker.js',
    import.meta.url,
  );
}

function storageOn(thread: Thread, file: string, queueBytes: number): Storage {
  const commits = commitQueue(thread, file, queueBytes);
  /** Trims are asked for slice by slice, and closing waits for the last. */
  const trims = new Set<Promise<void>>();
  let closing: Promise<void> | undefined;

  function refuseIfOver(): void {
    if (closing !== undefined) throw closedError(file);
    const fault = thread.fault();
    if (fault !== undefined) throw errorOf(fault);
  }

  /** Behind every commit called before it. */
  function ask(request: (id: number) => Request, page?: Waiting['page']): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = settlerOf([{ resolve, reject }]);
      const send = (): void => {
        commits.flush();
        thread.send(request, { settle, more: send, ...(page && { page }) });
      };
      send();
    });
  }

  async function finish(): Promise<void> {
    commits.flush();
    await Promise.allSettled(trims);
    if (thread.fault() !== undefined) return;
    await ask((id) => ({ op: 'close', id }));
    await thread.ended();
  }

  return {
    async load() {
      refuseIfOver();
      const entries: StoredEntry[] = [];
      await ask(
        (id) => ({ op: 'load', id }),
        (page) => readEntries(page, entries),
      );
      return entries;
    },
    async scan(journal, sinceMs, position, limit) {
      refuseIfOver();
      const chunks: StoredChunk[] = [];
      const most = Math.min(Math.max(0, Math.floor(limit)), 2 ** 31);
      await ask(
        (id) => ({ op: 'scan', id, journal, sinceMs, position, limit: most }),
        (page) => readChunks(page, chunks),
      );
      return chunks;
    },
    async commit(writes) {
      checkWrites(writes);
      refuseIfOver();
      await commits.add(writes);
    },
    async trim(journal, beforeMs) {
      refuseIfOver();
      const trimmed = ask((id) => ({ op: 'trim', id, journal, beforeMs }));
      trims.add(trimmed);
      await trimmed.finally(() => trims.delete(trimmed));
    },
    close() {
      closing ??= finish();
      return closing;
    },
  };
}

interface CommitQueue {
  /** Takes a copy of the batch. Resolves once it is durable. */
  add(writes: readonly Write[]): Promise<void>;
  /** Sends what has been gathered. */
  flush(): void;
}

function commitQueue(thread: Thread, file: string, queueBytes: number): CommitQueue {
  let group: Group | undefined;
  let bytesWaiting = 0;

  function flush(): void {
    if (group === undefined) return;
    const { names, numbers, ends, bytes, used, waiters, size } = group;
    group = undefined;
    const settleAll = settlerOf(waiters);
    const settle = (faults: Iterator<StorageFault | undefined>): void => {
      bytesWaiting -= size;
      settleAll(faults);
    };
    thread.send((id) => ({ op: 'commit', id, names, numbers, ends, bytes, used }), { settle }, [
      bytes.buffer,
    ]);
  }

  /** Idle, a commit leaves with the microtask; busy, once a turn of the event loop, with all that came by then. */
  function flushSoon(): void {
    if (thread.busy()) setImmediate(flush);
    else queueMicrotask(flush);
  }

  return {
    flush,
    add(writes) {
      const size = sizeOf(writes);
      if (bytesWaiting > 0 && bytesWaiting + size > queueBytes) {
        return Promise.reject(overloadedError(file, queueBytes));
      }
      bytesWaiting += size;
      if (group === undefined) {
        group = newGroup(thread.spare());
        flushSoon();
      }
      pack(group, writes, size);
      const { waiters } = group;
      return new Promise((resolve, reject) => {
        waiters.push({ resolve, reject });
      });
    },
  };
}

/** Gives each waiter its own fault, in order, or the news that all is well. */
function settlerOf(waiters: Group['waiters']): Waiting['settle'] {
  return (faults) => {
    for (const waiter of waiters) {
      const fault = faults.next().value;
      if (fault === undefined) waiter.resolve();
      else waiter.reject(errorOf(fault));
    }
  };
}

/** Each value gets memory of its own: a reader that keeps one does not keep the whole page. */
function readEntries(page: Page, into: StoredEntry[]): void {
  let at = 0;
  page.numbers.forEach((length, i) => {
    into.push({
      collection: page.names[2 * i]!,
      key: page.names[2 * i + 1]!,
      value: page.bytes.slice(at, at + length),
    });
    at += length;
  });
}

function readChunks(page: Page, into: StoredChunk[]): void {
  let at = 0;
  for (let i = 0; i < page.numbers.length; i += 3) {
    const length = page.numbers[i + 2]!;
    into.push({
      position: page.numbers[i]!,
      atMs: page.numbers[i + 1]!,
      chunk: page.bytes.slice(at, at + length),
    });
    at += length;
  }
}

function checkedOptions(options: SqliteOptions): { open: OpenOptions; queueBytes: number } {
  const { file } = options;
  if (typeof file !== 'string' || file === '' || file === ':memory:' || file.includes('\0')) {
    throw new GanglionError('invalid_spec', 'A store needs the path of a file.', {
      field: 'file',
      value: file,
      mend: 'Give `file` a path such as `./data/node.db`.',
    });
  }
  return {
    open: {
      file: path.resolve(file),
      maxBytes: atLeast('maxBytes', options.maxBytes ?? Number.POSITIVE_INFINITY, 65_536),
      checkBytes: atLeast('checkBytes', options.checkBytes ?? 256 << 20, 0),
      lockWaitMs: atLeast('lockWaitMs', options.lockWaitMs ?? 2000, 0),
    },
    queueBytes: atLeast('queueBytes', options.queueBytes ?? 64 << 20, 1),
  };
}

function atLeast(field: string, value: number, min: number): number {
  if (typeof value === 'number' && value >= min) return value;
  throw new GanglionError('invalid_spec', `${field} must be a number from ${min} on.`, {
    field,
    value,
    mend: `Give ${field} a larger number, or leave it out.`,
  });
}

function errorOf(fault: StorageFault): GanglionError {
  return new GanglionError(fault.code, fault.message, { mend: fault.mend });
}

function closedError(file: string): GanglionError {
  return new GanglionError('closed', `The store ${file} has been closed.`, { mend: 'Open it again.' });
}

function overloadedError(file: string, queueBytes: number): GanglionError {
  return new GanglionError('overloaded', `More than ${queueBytes} bytes wait to be written to ${file}.`, {
    mend: 'Wait for earlier commits, or raise `queueBytes`.',
  });
}
