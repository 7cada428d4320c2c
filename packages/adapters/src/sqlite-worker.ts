/**
 * The thread that holds the database. It takes everything that is waiting in its mailbox and merges commits that
 * stand next to each other into one transaction, so the longer a flush takes, the more the next one carries.
 */

import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import {
  closeEngine,
  commitGroups,
  type Engine,
  loadPages,
  openEngine,
  scanPages,
  trimSlice,
} from './sqlite/engine.ts';
import { faultOf } from './sqlite/faults.ts';
import type { OpenOptions } from './sqlite/open.ts';
import type { Page, Reply, Request } from './sqlite/protocol.ts';

type Commit = Extract<Request, { op: 'commit' }>;

/** Bytes of one transaction, as a bound on how long the first of its callers waits for the last. */
const TRANSACTION_BYTES = 4 << 20;

if (parentPort !== null) start(parentPort, workerData as OpenOptions);

function start(port: MessagePort, options: OpenOptions): void {
  let engine: Engine;
  try {
    engine = openEngine(options);
  } catch (error) {
    reply(port, {
      kind: 'failed',
      id: 0,
      fault: faultOf(error, options.file, Number.isFinite(options.maxBytes)),
    });
    port.close();
    return;
  }
  port.on('message', (request: Request) => {
    serveAll(port, engine, request);
  });
  reply(port, { kind: 'opened' });
}

function serveAll(port: MessagePort, engine: Engine, first: Request): void {
  let next: Request | undefined = first;
  while (next !== undefined) {
    if (next.op === 'commit') next = serveCommits(port, engine, next);
    else {
      serveOther(port, engine, next);
      if (next.op === 'close') return;
      next = waiting(port);
    }
  }
}

/** Commits this and those that wait behind it; returns what follows them. */
function serveCommits(port: MessagePort, engine: Engine, first: Commit): Request | undefined {
  const commits = [first];
  let bytes = first.used;
  let next = waiting(port);
  while (next?.op === 'commit' && bytes + next.used <= TRANSACTION_BYTES) {
    commits.push(next);
    bytes += next.used;
    next = waiting(port);
  }
  const faults = commitGroups(engine, commits);
  const buffers = commits.map((commit) => commit.bytes.buffer);
  reply(port, { kind: 'committed', ids: commits.map((commit) => commit.id), faults, buffers }, buffers);
  return next;
}

function serveOther(port: MessagePort, engine: Engine, request: Exclude<Request, Commit>): void {
  const { id } = request;
  const emit = (page: Page): void => reply(port, { kind: 'page', id, ...page }, [page.bytes.buffer]);
  let more = false;
  try {
    if (request.op === 'load') loadPages(engine, emit);
    else if (request.op === 'scan') scanPages(engine, request, emit);
    else if (request.op === 'trim') more = trimSlice(engine, request.journal, request.beforeMs);
    else closeEngine(engine);
    reply(port, { kind: 'done', id, more });
  } catch (error) {
    reply(port, { kind: 'failed', id, fault: faultOf(error, engine.file, engine.bounded) });
  }
  if (request.op === 'close') port.close();
}

function waiting(port: MessagePort): Request | undefined {
  return receiveMessageOnPort(port)?.message as Request | undefined;
}

function reply(port: MessagePort, message: Reply, moved: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, moved);
}
