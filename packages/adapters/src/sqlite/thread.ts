/** The owner's side of the worker: requests go out, replies find whoever waits for them, and a death reaches all. */

import type { Worker } from 'node:worker_threads';
import type { StorageFault } from './faults.ts';
import type { Reply, Request } from './protocol.ts';

type PageReply = Extract<Reply, { kind: 'page' }>;
type CommittedReply = Extract<Reply, { kind: 'committed' }>;

/** What waits for the reply to one request. */
export interface Waiting {
  page?(page: PageReply): void;
  /** A slice of the work is done: ask again. */
  more?(): void;
  /** Takes as many faults as it has batches, in order; an iterator that has ended means that all is well. */
  settle(faults: Iterator<StorageFault | undefined>): void;
}

export interface Thread {
  /** Whether any request is under way. */
  busy(): boolean;
  send(request: (id: number) => Request, waiting: Waiting, moved?: readonly ArrayBuffer[]): void;
  /** Why the thread can do nothing more, once it has ended. */
  fault(): StorageFault | undefined;
  /** A buffer that came back, to be used again. */
  spare(): ArrayBuffer | undefined;
  /** Keeps the process alive until the thread has ended. */
  ended(): Promise<void>;
}

const SPARE_BUFFERS = 4;
const SPARE_BYTES = 1 << 20;

/** Resolves once the store is open. Rejects with a `StorageFault`. */
export function opened(worker: Worker, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: unknown): void => reject(endFault(file, error));
    const onExit = (): void => reject(endFault(file, undefined));
    worker.once('error', onError);
    worker.once('exit', onExit);
    worker.once('message', (reply: Reply) => {
      worker.off('error', onError);
      worker.off('exit', onExit);
      if (reply.kind === 'failed') reject(reply.fault);
      else resolve();
    });
  });
}

/** Takes over an open worker. The process lives on for it only while somebody waits. */
export function threadOf(worker: Worker, file: string): Thread {
  const waiting = new Map<number, Waiting>();
  const spare: ArrayBuffer[] = [];
  let lastId = 0;
  let fault: StorageFault | undefined;

  function take(id: number): Waiting | undefined {
    const found = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) worker.unref();
    return found;
  }

  function receive(reply: Reply): void {
    if (reply.kind === 'page') waiting.get(reply.id)?.page?.(reply);
    else if (reply.kind === 'committed') receiveCommitted(reply);
    else if (reply.kind === 'failed') take(reply.id)?.settle([reply.fault].values());
    else if (reply.kind === 'done') {
      const found = take(reply.id);
      if (reply.more) found?.more?.();
      else found?.settle([].values());
    }
  }

  function receiveCommitted(reply: CommittedReply): void {
    for (const buffer of reply.buffers) {
      if (spare.length < SPARE_BUFFERS && buffer.byteLength <= SPARE_BYTES) spare.push(buffer);
    }
    const faults = (reply.faults ?? []).values();
    for (const id of reply.ids) take(id)?.settle(faults);
  }

  function end(error: unknown): void {
    fault ??= endFault(file, error);
    for (const id of [...waiting.keys()]) take(id)?.settle(repeat(fault));
  }

  worker.on('message', receive);
  worker.on('error', end);
  worker.on('exit', () => end(undefined));
  worker.unref();

  return {
    busy: () => waiting.size > 0,
    send(request, wait, moved = []) {
      if (fault !== undefined) {
        wait.settle(repeat(fault));
        return;
      }
      if (waiting.size === 0) worker.ref();
      waiting.set(++lastId, wait);
      worker.postMessage(request(lastId), moved);
    },
    fault: () => fault,
    spare: () => spare.pop(),
    async ended() {
      if (fault !== undefined) return;
      worker.ref();
      await new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    },
  };
}

function* repeat<T>(value: T): Generator<T> {
  for (;;) yield value;
}

function endFault(file: string, error: unknown): StorageFault {
  const detail = error instanceof Error ? `: ${error.message}` : '';
  return {
    code: 'storage_failed',
    message: `The thread that writes ${file} has ended${detail}. Whether its last commits are there shows on opening.`,
    mend: 'Open the store again; everything acknowledged is there.',
  };
}
