import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { GanglionError } from '@ganglion/core';
import type { GateVerdict } from './gate.ts';
import type { Job, JobReply, JudgeJob, Prepared, PrepareJob } from './job.ts';

/** Memory of a job, MiB. Twice an evaluation's: it reads all of the window, not the newest rows. */
const MEMORY_MB = 2048;
/** What a job whose answer is not awaited has to end its commands, ms. */
const GRACE_MS = 2000;

/** From source the sibling is TypeScript, compiled it is not. */
const SOURCE = import.meta.url.endsWith('.ts');
const PROCESS = fileURLToPath(new URL(SOURCE ? './job-process.ts' : './job-process.js', import.meta.url));

/**
 * Does a job in a process of its own: reading logs and resampling takes seconds, which the thread that decides does not
 * have, and stores that this process has open may not be read in it. When it resolves or rejects, the process is gone.
 * @throws GanglionError what the job throws; `overloaded` for more memory than it may have, `deadline_exceeded` once aborted
 */
export function inProcess(job: PrepareJob, signal: AbortSignal): Promise<Prepared>;
export function inProcess(job: JudgeJob, signal: AbortSignal): Promise<GateVerdict>;
export function inProcess(job: Job, signal: AbortSignal): Promise<Prepared | GateVerdict> {
  const child = fork(PROCESS, [], {
    execArgv: [`--max-old-space-size=${MEMORY_MB}`, ...(SOURCE ? ['--conditions=source'] : [])],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let errors = '';
  child.stderr?.on('data', (text: Buffer) => {
    errors = (errors + text.toString()).slice(-4000);
  });
  const late = new GanglionError('deadline_exceeded', `the ${job.kind} job did not end in its window`);
  const abort = new AbortController();
  return new Promise<Prepared | GateVerdict>((resolve, reject) => {
    if (signal.aborted) return reject(late);
    signal.addEventListener('abort', () => reject(late), { once: true, signal: abort.signal });
    child.once('message', (reply: JobReply) => {
      if ('done' in reply) resolve(reply.done);
      else reject(new GanglionError(reply.failed.code, reply.failed.message));
    });
    child.on('error', reject);
    child.once('exit', (code, killed) => reject(diedOf(job, killed ?? `code ${code}`, errors)));
    child.send(job, (error) => {
      if (error !== null) reject(error);
    });
  }).finally(() => {
    abort.abort();
    return ended(child);
  });
}

/** Resolves once the process is gone. Cut off from its parent it ends what it has started, and then itself. */
function ended(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null)
    return Promise.resolve();
  return new Promise<void>((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    if (child.connected) child.disconnect();
  });
}

function diedOf({ kind }: Job, how: string, errors: string): Error {
  if (/heap out of memory|Allocation failed/i.test(errors))
    return new GanglionError('overloaded', `the ${kind} job needed more memory than it may have`, {
      field: 'data',
      mend: 'Give the plan a shorter data.',
    });
  return new GanglionError('unsupported', `the ${kind} job ended with ${how}: ${errors.trim().slice(-200)}`);
}
