/**
 * Durable storage in one SQLite file, without set-up: write-ahead log, a flush before every acknowledgement, group
 * commit, in a thread of its own. The file belongs to one process at a time; while it is open, nothing in that
 * process may open and close the file by itself (POSIX would drop the lock). Copy it only when it is closed, or
 * together with its `-wal`.
 */

import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { GanglionError, type Storage, type StoredChunk, type StoredEntry, type Write } from '@ganglion/core';
import type { StorageFault } from './sqlite/faults.ts';
import type { OpenOptions } from './sqlite/open.ts';
import { checkWrites, type Group, newGroup, pack, sizeOf } from './sqlite/pack.ts';
import type { Reply, Request } from './sqlite/protocol.ts';

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

/** What waits for a reply to one request. */
interface Waiting {
  readonly bytes: number;
  page?(page: Extract<Reply, { kind: 'page' }>): void;
  /** The fault of each batch, or of the whole, in order. */
  settle(faults: Iterator<StorageFault | undefined>): void;
  more?(): void;
}

const SPARE_BUFFERS = 4;
const SPARE_BYTES = 1 << 20;

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
  await opened(worker, open.file);
  return connect(worker, open.file, queueBytes);
}

/** From source the sibling is TypeScript, compiled it is not; the compiler rewrites imports, but not URLs. */
function workerUrl(): URL {
  return new URL(
    import.meta.url.endsWith('.ts') ? './sqlite-worker.ts' : './sqlite-worker.js',
    import.meta.url,
  );
}

function opened(worker: Worker, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: unknown): void => reject(errorOf(threadFault(file, error)));
    const onExit = (): void => onError(undefined);
    worker.once('error', onError);
    worker.once('exit', onExit);
    worker.once('message', (reply: Reply) => {
      worker.off('error', onError);
      worker.off('exit', onExit);
      if (reply.kind === 'failed') reject(errorOf(reply.fault));
      else resolve();
    });
  });
}

function connect(worker: Worker, file: string, queueBytes: number): Storage {
  const waiting = new Map<number, Waiting>();
  const spare: ArrayBuffer[] = [];
  let group: Group | undefined;
  let lastId = 0;
  let bytesWaiting = 0;
  let dead: StorageFault | undefined;
  let closing: Promise<void> | undefined;
  /** Trims are asked for slice by slice, and closing waits for the last. */
  const trims = new Set<Promise<void>>();

  /** Keeps the process alive only while somebody waits: a forgotten `close` loses nothing, and hangs nothing. */
  function send(request: Request, wait: Waiting, moved: readonly ArrayBuffer[] = []): void {
    if (waiting.size === 0) worker.ref();
    waiting.set(request.id, wait);
    worker.postMessage(request, moved);
  }

  function finish(id: number, faults: Iterator<StorageFault | undefined>): void {
    const wait = waiting.get(id);
    if (wait === undefined) return;
    waiting.delete(id);
    bytesWaiting -= wait.bytes;
    if (waiting.size === 0) worker.unref();
    wait.settle(faults);
  }

  function flush(): void {
    if (group === undefined) return;
    const { names, numbers, ends, bytes, used, waiters, size } = group;
    group = undefined;
    const settle = (faults: Iterator<StorageFault | undefined>): void => {
      for (const waiter of waiters) {
        const fault = faults.next().value;
        if (fault === undefined) waiter.resolve();
        else waiter.reject(errorOf(fault));
      }
    };
    send({ op: 'commit', id: ++lastId, names, numbers, ends, bytes, used }, { bytes: size, settle }, [
      bytes.buffer,
    ]);
  }

  /** Idle, a commit leaves with the microtask; busy, once a turn of the event loop, with all that came by then. */
  function flushSoon(): void {
    if (waiting.size === 0) queueMicrotask(flush);
    else setImmediate(flush);
  }

  function refusal(): GanglionError | undefined {
    if (closing !== undefined) return closedError(file);
    return dead === undefined ? undefined : errorOf(dead);
  }

  function ask(request: (id: number) => Request, page?: Waiting['page']): Promise<void> {
    return new Promise((resolve, reject) => {
      const again = (): void => {
        const settle = (faults: Iterator<StorageFault | undefined>): void => {
          const fault = faults.next().value;
          if (fault === undefined) resolve();
          else reject(errorOf(fault));
        };
        flush();
        send(request(++lastId), { bytes: 0, settle, more: again, ...(page && { page }) });
      };
      again();
    });
  }

  function commit(writes: readonly Write[]): Promise<void> {
    const refused = refusal();
    if (refused !== undefined) return Promise.reject(refused);
    const size = sizeOf(writes);
    if (bytesWaiting > 0 && bytesWaiting + size > queueBytes)
      return Promise.reject(overloadedError(file, queueBytes));
    bytesWaiting += size;
    if (group === undefined) {
      group = newGroup(spare.pop());
      flushSoon();
    }
    pack(group, writes, size);
    const { waiters } = group;
    return new Promise((resolve, reject) => {
      waiters.push({ resolve, reject });
    });
  }

  function receive(reply: Reply): void {
    if (reply.kind === 'committed') {
      const faults = (reply.faults ?? []).values();
      for (const buffer of reply.buffers) {
        if (spare.length < SPARE_BUFFERS && buffer.byteLength <= SPARE_BYTES) spare.push(buffer);
      }
      for (const id of reply.ids) finish(id, faults);
    } else if (reply.kind === 'page') waiting.get(reply.id)?.page?.(reply);
    else if (reply.kind === 'failed') finish(reply.id, [reply.fault].values());
    else if (reply.kind === 'done') {
      const more = reply.more ? waiting.get(reply.id)?.more : undefined;
      if (more === undefined) finish(reply.id, [].values());
      else {
        waiting.delete(reply.id);
        more();
      }
    }
  }

  function die(fault: StorageFault): void {
    if (dead !== undefined) return;
    dead = fault;
    flush();
    for (const id of [...waiting.keys()]) finish(id, repeat(fault));
  }

  worker.on('message', receive);
  worker.on('error', (error) => die(threadFault(file, error)));
  worker.on('exit', () => die(threadFault(file, undefined)));
  worker.unref();

  return {
    async load() {
      throwIf(refusal());
      const entries: StoredEntry[] = [];
      await ask(
        (id) => ({ op: 'load', id }),
        (page) => readEntries(page, entries),
      );
      return entries;
    },
    async scan(journal, sinceMs, position, limit) {
      throwIf(refusal());
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
      await commit(writes);
    },
    async trim(journal, beforeMs) {
      throwIf(refusal());
      const trimmed = ask((id) => ({ op: 'trim', id, journal, beforeMs }));
      trims.add(trimmed);
      await trimmed.finally(() => trims.delete(trimmed));
    },
    close() {
      closing ??= (async () => {
        if (dead !== undefined) return;
        flush();
        await Promise.allSettled(trims);
        const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
        await ask((id) => ({ op: 'close', id }));
        worker.ref();
        await exited;
      })();
      return closing;
    },
  };
}

/** Each value gets memory of its own: a reader that keeps one does not keep the whole page. */
function readEntries(page: Extract<Reply, { kind: 'page' }>, into: StoredEntry[]): void {
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

function readChunks(page: Extract<Reply, { kind: 'page' }>, into: StoredChunk[]): void {
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

function throwIf(error: GanglionError | undefined): void {
  if (error !== undefined) throw error;
}

function* repeat<T>(value: T): Generator<T> {
  for (;;) yield value;
}

function threadFault(file: string, error: unknown): StorageFault {
  const detail = error instanceof Error ? `: ${error.message}` : '';
  return {
    code: 'storage_failed',
    message: `The thread that writes ${file} has ended${detail}. Whether its last commits are there shows on opening.`,
    mend: 'Open the store again; everything acknowledged is there.',
  };
}

function closedError(file: string): GanglionError {
  return new GanglionError('closed', `The store ${file} has been closed.`, { mend: 'Open it again.' });
}

function overloadedError(file: string, queueBytes: number): GanglionError {
  return new GanglionError('overloaded', `More than ${queueBytes} bytes wait to be written to ${file}.`, {
    mend: 'Wait for earlier commits, or raise `queueBytes`.',
  });
}
