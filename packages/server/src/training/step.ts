import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { GanglionError, METRIC_PATTERN, MODEL_LIMITS } from '@ganglion/core';
import { guard } from './guardian.ts';
import type { CommandStep, FunctionStep, TrainedModel, TrainingWindow } from './plan.ts';

/** Largest artifact that a run may make, bytes. */
export const ARTIFACT_BYTES = 64 << 20;

/** Longest that is kept of what a program said before it failed, characters. */
const SAID = 400;

/** How a program is told that the daemon stops: SIGTERM to its group, and SIGKILL to what is left of it after the grace. */
export interface Stopping {
  readonly signal: AbortSignal;
  readonly graceMs: number;
}

/**
 * Runs a training step. A command finds the window in its environment, and leaves `model` and, if it likes, `metadata.json`
 * (`{ "metrics": { NAME: number } }`) in GANGLION_OUT.
 * @param signal - ends it at once
 * @throws GanglionError `unsupported` where it failed, `deadline_exceeded`, `invalid_input` for what it left, `closed` once
 *   it is told to stop
 */
export async function trained(
  step: CommandStep | FunctionStep,
  window: TrainingWindow,
  cwd: string,
  signal: AbortSignal,
  stopping?: Stopping,
): Promise<TrainedModel> {
  if ('run' in step) return checked(await withinTime(step, window, signal, stopping?.signal));
  const env = {
    GANGLION_MODEL: window.model,
    GANGLION_LOG: window.logFile,
    GANGLION_FROM_MS: String(window.fromMs),
    GANGLION_TO_MS: String(window.toMs),
    GANGLION_CHAMPION: window.championFile ?? '',
    GANGLION_OUT: window.folder,
  };
  await runCommand(step, { cwd, env, signal, stopping });
  const file = join(window.folder, 'model');
  const size = await stat(file).then(
    (found) => (found.isFile() ? found.size : -1),
    () => -1,
  );
  if (size < 0 || size > ARTIFACT_BYTES)
    throw bad(
      size < 0 ? 'the training left no file GANGLION_OUT/model' : `the model has ${size} bytes, too many`,
    );
  return checked({
    bytes: await readFile(file),
    metrics: await metricsIn(join(window.folder, 'metadata.json')),
  });
}

async function withinTime(
  { run, timeoutMs }: FunctionStep,
  window: TrainingWindow,
  signal: AbortSignal,
  stopping: AbortSignal | undefined,
): Promise<TrainedModel> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs), ...(stopping ? [stopping] : [])]);
  const late = new Promise<never>((_, reject) => {
    const end = (): void => reject(stopping?.aborted === true ? stopped() : tooLate(timeoutMs));
    if (until.aborted) end();
    until.addEventListener('abort', end, { once: true });
  });
  // Whichever comes second is nobody's.
  late.catch(() => {});
  return Promise.race([run(window, until), late]);
}

async function metricsIn(file: string): Promise<TrainedModel['metrics']> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
  try {
    const { metrics } = JSON.parse(text) as { metrics?: TrainedModel['metrics'] };
    return metrics;
  } catch {
    throw bad('the training’s metadata.json is not JSON');
  }
}

function checked({ bytes, metrics = {} }: TrainedModel): TrainedModel {
  if (bytes.length === 0) throw bad('the model is empty');
  const names = typeof metrics === 'object' && metrics !== null ? Object.keys(metrics) : undefined;
  if (
    names === undefined ||
    names.length > MODEL_LIMITS.metrics ||
    !names.every((name) => METRIC_PATTERN.test(name) && Number.isFinite(metrics[name]))
  )
    throw bad(`metrics must be at most ${MODEL_LIMITS.metrics} names with finite numbers`);
  return { bytes, metrics };
}

const bad = (message: string): GanglionError =>
  new GanglionError('invalid_input', message, { field: 'train' });

const tooLate = (timeoutMs: number): GanglionError =>
  new GanglionError('deadline_exceeded', `it took longer than ${timeoutMs} ms`, { field: 'timeout' });

const stopped = (): GanglionError => new GanglionError('closed', 'the daemon stopped while it ran');

interface Place {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly stopping?: Stopping | undefined;
  /** Where standard input comes from, and standard output goes. */
  readonly input?: string | undefined;
  readonly outFile?: string | undefined;
}

/** Runs a program to its end, in a process group that ends with its time. @throws GanglionError */
export async function runCommand({ command, timeoutMs }: CommandStep, place: Place): Promise<void> {
  const [program, ...args] = command;
  const child = spawn(program, args, {
    cwd: place.cwd,
    env: { ...withoutSecrets(process.env), ...place.env },
    stdio: ['pipe', place.outFile === undefined ? 'ignore' : 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
  });
  let said = '';
  child.stderr?.on('data', (data: Buffer) => {
    said = (said + data.toString()).slice(-SAID);
  });
  // A program that does not read its input is none of our business.
  child.stdin?.on('error', () => {});
  child.stdin?.end(place.input ?? '');
  const written =
    child.stdout === null || place.outFile === undefined
      ? Promise.resolve()
      : finished(child.stdout.pipe(createWriteStream(place.outFile)));
  const until = AbortSignal.any([place.signal, AbortSignal.timeout(timeoutMs)]);
  const ends = endsOf(child.pid, until, place.stopping);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    }).catch((cause: Error) => {
      throw new GanglionError('unsupported', `${program} cannot be started: ${cause.message}`, { cause });
    });
    await written;
    // Whatever it still made of it: half a model is none.
    if (place.stopping?.signal.aborted === true) throw stopped();
    if (until.aborted) throw tooLate(timeoutMs);
    if (code !== 0)
      throw new GanglionError('unsupported', `${program} ended with ${code ?? 'a signal'}: ${said.trim()}`);
  } finally {
    // What it left running in the background ends with it.
    ends();
  }
}

/** Ends a group when it must, and asks it to end when it should. Returns what ends it whatever comes. */
function endsOf(pid: number | undefined, until: AbortSignal, stopping: Stopping | undefined): () => void {
  const over = new AbortController();
  const leave = pid === undefined ? undefined : guard(pid);
  const once = { once: true, signal: over.signal };
  const kill = (): void => signalGroup(pid, 'SIGKILL');
  let grace: NodeJS.Timeout | undefined;
  const ask = (): void => {
    signalGroup(pid, 'SIGTERM');
    grace = setTimeout(kill, stopping?.graceMs);
  };
  until.addEventListener('abort', kill, once);
  stopping?.signal.addEventListener('abort', ask, once);
  if (stopping?.signal.aborted === true) ask();
  if (until.aborted) kill();
  return () => {
    over.abort();
    clearTimeout(grace);
    kill();
    leave?.();
  };
}

function signalGroup(pid: number | undefined, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch {
    // Nobody of the group is left.
  }
}

/** A program that trains has no business with the tokens of the daemon that runs it. */
function withoutSecrets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { GANGLION_TOKEN, GANGLION_PARENT_TOKEN, ...rest } = env;
  return rest;
}
