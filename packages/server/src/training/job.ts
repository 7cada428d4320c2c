import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type ErrorCode, GanglionError, isGanglionError, type LoggedDecision } from '@ganglion/core';
import { readNodeLogs } from '../evaluation/node-log.ts';
import { type GateQuestion, type GateVerdict, judge } from './gate.ts';

/** Parts the log of a point: the later share is held out, the rest is for training. */
export interface PrepareJob {
  readonly kind: 'prepare';
  readonly dataDir: string;
  readonly point: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly holdout: number;
  /** Written: one decision a line. */
  readonly trainFile: string;
  readonly holdoutFile: string;
}

export interface Prepared {
  readonly training: number;
  readonly heldOut: number;
  /** Where the holdout begins, ms since the epoch. */
  readonly splitMs: number;
}

export interface JudgeJob extends Omit<GateQuestion, 'decisions'> {
  readonly kind: 'judge';
  readonly holdoutFile: string;
  /** After which its commands are ended, ms. */
  readonly withinMs: number;
}

type Job = PrepareJob | JudgeJob;
type Answer =
  | { readonly done: Prepared | GateVerdict }
  | { readonly failed: { readonly code: ErrorCode; readonly message: string } };

/** Reading logs and resampling takes seconds: not in the thread that decides. @throws GanglionError */
export function inWorker(job: PrepareJob): Promise<Prepared>;
export function inWorker(job: JudgeJob): Promise<GateVerdict>;
export function inWorker(job: Job): Promise<Prepared | GateVerdict> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(jobUrl(), { workerData: job, name: 'ganglion-training' });
    let answer: Answer | undefined;
    worker.once('message', (said: Answer) => {
      answer = said;
    });
    worker.once('error', reject);
    worker.once('exit', () => {
      if (answer === undefined)
        reject(new GanglionError('unsupported', `the ${job.kind} job ended without a word`));
      else if ('done' in answer) resolve(answer.done);
      else reject(new GanglionError(answer.failed.code, answer.failed.message));
    });
  });
}

/** From source this file is TypeScript, compiled it is not; the compiler rewrites imports, but not URLs. */
const jobUrl = (): URL => new URL(import.meta.url.endsWith('.ts') ? './job.ts' : './job.js', import.meta.url);

async function prepare(job: PrepareJob): Promise<Prepared> {
  const logs = await readNodeLogs(job.dataDir, { point: job.point, sinceMs: job.fromMs });
  const decisions = logs
    .flatMap((log) => log.decisions)
    .filter(({ atMs }) => atMs >= job.fromMs && atMs < job.toMs)
    .sort((a, b) => a.atMs - b.atMs);
  const first = Math.floor(decisions.length * (1 - job.holdout));
  const splitMs = decisions[first]?.atMs ?? job.toMs;
  const training = decisions.slice(0, first);
  const heldOut = decisions.slice(first);
  await write(job.trainFile, training);
  await write(job.holdoutFile, heldOut);
  return { training: training.length, heldOut: heldOut.length, splitMs };
}

async function write(file: string, decisions: readonly LoggedDecision[]): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    let text = '';
    for (const decision of decisions) {
      text += `${JSON.stringify(decision)}\n`;
      if (text.length < 1 << 20) continue;
      await handle.writeFile(text);
      text = '';
    }
    await handle.writeFile(text);
  } finally {
    await handle.close();
  }
}

async function gate(job: JudgeJob): Promise<GateVerdict> {
  const decisions: LoggedDecision[] = [];
  for await (const line of createInterface({ input: createReadStream(job.holdoutFile) }))
    if (line !== '') decisions.push(JSON.parse(line) as LoggedDecision);
  return judge({ ...job, decisions }, AbortSignal.timeout(job.withinMs));
}

async function work(job: Job): Promise<void> {
  try {
    const done = await (job.kind === 'prepare' ? prepare(job) : gate(job));
    parentPort?.postMessage({ done } satisfies Answer);
  } catch (error) {
    const code = isGanglionError(error) ? error.code : 'unsupported';
    const message = error instanceof Error ? error.message : String(error);
    parentPort?.postMessage({ failed: { code, message } } satisfies Answer);
  }
}

if (!isMainThread && (workerData as { kind?: unknown } | null)?.kind !== undefined)
  void work(workerData as Job);
