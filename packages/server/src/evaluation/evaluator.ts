import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, GanglionError } from '@ganglion/core';
import type { EvaluateAnswer } from '@ganglion/sdk';
import type { EvaluationJob } from './evaluation-job.ts';
import { nodeOf, storesIn } from './node-log.ts';
import { refuseLittleRoom } from './room.ts';

/** What the process answers: the error of a refusal as data, `code` null for a fault of ours. */
export type EvaluationReply =
  | { readonly answer: EvaluateAnswer }
  | {
      readonly error: {
        readonly code: ErrorCode | null;
        readonly message: string;
        readonly field?: string | undefined;
        readonly value?: string | undefined;
        readonly mend?: string | undefined;
      };
    };

export interface EvaluatorOptions {
  /** Where the nodes of this process keep their stores; undefined: in memory only, and there is no log. */
  readonly data: string | undefined;
  /** An evaluation that takes longer is ended, ms. Default: two minutes. */
  readonly timeoutMs?: number | undefined;
  /** Memory of an evaluation, MiB. Default 1,024. */
  readonly memoryMb?: number | undefined;
}

/** Evaluates candidates on this daemon's own log: one at a time, in a process of its own, so that no decision waits. */
export interface Evaluator {
  /**
   * @throws GanglionError `unsupported` without a log, `overloaded` while another runs, `deadline_exceeded`, `closed` when it
   *   is ended, `storage_full` without room for a copy of the log, and the refusals of the candidate
   */
  evaluate(job: Omit<EvaluationJob, 'data' | 'folder'>, signal: AbortSignal): Promise<EvaluateAnswer>;
  /** Ends what runs. */
  close(): void;
}

export function createEvaluator(options: EvaluatorOptions): Evaluator {
  const { data, timeoutMs = 120_000, memoryMb = 1024 } = options;
  let running: AbortController | undefined;
  return {
    async evaluate(job, signal) {
      if (data === undefined)
        throw new GanglionError('unsupported', 'This daemon keeps no log: its nodes are in memory only', {
          field: '--data',
          mend: 'Start it with --data DIR; decisions from then on can be evaluated.',
        });
      if (running !== undefined)
        throw new GanglionError('overloaded', 'Another evaluation is running', {
          mend: 'Wait until it ends, or cancel it: one runs at a time.',
        });
      const own = new AbortController();
      running = own;
      let folder: string | undefined;
      try {
        const stores = storesIn(data).filter((file) => job.nodes.includes(nodeOf(data, file)));
        await refuseLittleRoom(stores, tmpdir());
        folder = mkdtempSync(path.join(tmpdir(), 'ganglion-evaluate-'));
        const ends = AbortSignal.any([own.signal, signal, AbortSignal.timeout(timeoutMs)]);
        return await inProcess({ ...job, data, folder }, memoryMb, ends);
      } finally {
        running = undefined;
        if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
      }
    },
    close: () => running?.abort(new GanglionError('closed', 'The daemon is stopping')),
  };
}

/** From source the sibling is TypeScript, compiled it is not. */
const SOURCE = import.meta.url.endsWith('.ts');
const PROCESS = fileURLToPath(
  new URL(SOURCE ? './evaluation-process.ts' : './evaluation-process.js', import.meta.url),
);

function inProcess(job: EvaluationJob, memoryMb: number, signal: AbortSignal): Promise<EvaluateAnswer> {
  const flags = [`--max-old-space-size=${memoryMb}`, ...(SOURCE ? ['--conditions=source'] : [])];
  const child = fork(PROCESS, [], {
    execArgv: flags,
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let errors = '';
  child.stderr?.on('data', (text: Buffer) => {
    errors = (errors + text.toString()).slice(-4000);
  });
  return new Promise<EvaluateAnswer>((resolve, reject) => {
    const abort = (): void => reject(abortedOf(signal));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    child.once('error', reject);
    child.once('message', (reply: EvaluationReply) => {
      if ('answer' in reply) resolve(reply.answer);
      else reject(errorOf(reply.error));
    });
    child.once('exit', (code, killed) => reject(diedOf(code, killed, errors)));
    child.send(job, (error) => {
      if (error !== null) reject(error);
    });
  }).finally(() => ended(child));
}

/** Resolves once the process is gone, so that nothing of it outlives the answer. */
function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  return gone;
}

function abortedOf(signal: AbortSignal): unknown {
  const { reason } = signal;
  if (reason instanceof DOMException && reason.name === 'TimeoutError')
    return new GanglionError('deadline_exceeded', 'The evaluation took too long and was ended', {
      field: 'rows',
      mend: 'Ask about fewer rows, fewer resamples or fewer estimators.',
    });
  return reason;
}

function errorOf({
  code,
  message,
  value,
  ...detail
}: Extract<EvaluationReply, { error: unknown }>['error']): Error {
  // The value is text already: given to the constructor it would be quoted once more.
  return code === null
    ? new Error(message)
    : Object.assign(new GanglionError(code, message, detail), { value });
}

function diedOf(code: number | null, killed: string | null, errors: string): Error {
  if (/heap out of memory|Allocation failed/i.test(errors))
    return new GanglionError('overloaded', 'The evaluation needed more memory than it may have', {
      field: 'rows',
      mend: 'Ask about fewer rows.',
    });
  return new Error(`the evaluation ended with ${killed ?? `code ${code}`}: ${errors}`);
}
