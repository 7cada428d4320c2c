import { createReadStream } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ErrorCode, LoggedDecision } from '@ganglion/core';
import { readNodeLogs } from '../evaluation/node-log.ts';
import { type GateQuestion, type GateVerdict, judge } from './gate.ts';
import type { Stopping } from './step.ts';

/** Parts the log of a point: the later share is held out, the rest is for training. */
export interface PrepareJob {
  readonly kind: 'prepare';
  readonly dataDir: string;
  readonly point: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly holdout: number;
  /** Its own: copies of the stores are made in it, and go. */
  readonly folder: string;
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

export type Job = PrepareJob | JudgeJob;

/** What the process of a job answers. */
export type JobReply =
  | { readonly done: Prepared | GateVerdict }
  | { readonly failed: { readonly code: ErrorCode; readonly message: string } };

/** Does a job, here. What the signals end, and tell to stop, is its commands. @throws GanglionError */
export function work(job: Job, signal: AbortSignal, stopping: Stopping): Promise<Prepared | GateVerdict> {
  return job.kind === 'prepare' ? prepare(job) : gate(job, signal, stopping);
}

async function prepare(job: PrepareJob): Promise<Prepared> {
  const copies = join(job.folder, 'copies');
  await mkdir(copies);
  const logs = await readNodeLogs(job.dataDir, { point: job.point, sinceMs: job.fromMs, folder: copies });
  await rm(copies, { recursive: true, force: true });
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

async function gate(job: JudgeJob, signal: AbortSignal, stopping: Stopping): Promise<GateVerdict> {
  const decisions: LoggedDecision[] = [];
  for await (const line of createInterface({ input: createReadStream(job.holdoutFile) }))
    if (line !== '') decisions.push(JSON.parse(line) as LoggedDecision);
  const until = AbortSignal.any([signal, AbortSignal.timeout(job.withinMs)]);
  return judge({ ...job, decisions }, until, stopping);
}
