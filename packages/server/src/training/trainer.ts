import { join } from 'node:path';
import { GanglionError, type HostedNode } from '@ganglion/core';
import type { TrainingAnswer, TrainingStatus } from '@ganglion/sdk';
import type { ArtifactStore } from '../host/artifact-store.ts';
import type { Logger } from '../log.ts';
import { triggerOn } from './alarms.ts';
import type { ModelPlan, TrainingPlan } from './plan.ts';
import { failedRun, interruptedRun, type RunResult, runTraining } from './run.ts';
import {
  ALARM,
  askedFor,
  busy,
  type Entry,
  entryOf,
  keepAsked,
  nextStart,
  recordOf,
  statusOf,
  timeOf,
} from './schedule.ts';
import { type BegunRun, clip, kept, type ModelRecord, type StateFile, stateFile } from './state-file.ts';
import type { Stopping } from './step.ts';
import { placesOf } from './windows.ts';

export interface TrainerOptions {
  readonly plan: TrainingPlan;
  /** The nodes of this process, the root of the tree first. */
  readonly nodes: readonly HostedNode[];
  readonly artifacts: ArtifactStore;
  /** Where these nodes keep their logs; what the trainer must know after a restart is beside them. */
  readonly dataDir: string;
  readonly logger: Logger;
  /** What a program has to end by itself once the trainer is closed, ms. Default 5,000. */
  readonly graceMs?: number | undefined;
  /** Default: the machine's clock. */
  readonly nowMs?: (() => number) | undefined;
  /** In place of a real run, for tests of the schedule. */
  readonly run?: Run | undefined;
}

type Run = (plan: ModelPlan, atMs: number, endMs: number, stopping: AbortSignal) => Promise<RunResult>;

/** Trains models anew: by their windows, and when asked or alarmed. */
export interface Trainer {
  status(): readonly TrainingStatus[];
  /**
   * Asks for a run, in the first window that no model which shares with this one has: now, if it is free and long enough.
   * Asked again before it has begun, the first time stands.
   * @param by - who asks, for the audit; default: whoever runs this
   * @throws GanglionError `unknown_model` where the plan has none of this name; `closed`
   */
  retrain(model: string, reason: string, by?: string): TrainingAnswer;
  /** Starts what is due. Called by a timer; by tests at will. */
  tick(): void;
  /** Resolves once what was asked for or has begun is known after a restart, too, or the log says why it is not. */
  saved(): Promise<void>;
  /** Resolves once nothing is running. */
  idle(): Promise<void>;
  /** Tells what runs to stop; resolves once it has, and that is in the audit. Before the nodes are closed. Idempotent. */
  close(): Promise<void>;
}

const TICK_MS = 1000;
const GRACE_MS = 5000;
/** Longest reason in the audit, characters. */
const REASON = 1000;

/**
 * @throws GanglionError `invalid_spec` where more models share than there are windows; `forbidden` away from the root;
 *   `storage_corrupt` where what was kept of earlier runs cannot be read
 */
export function startTrainer(options: TrainerOptions): Trainer {
  const { plan, nodes, nowMs = Date.now } = options;
  const [root] = nodes;
  if (!root.state.isRoot)
    throw new GanglionError('forbidden', 'models are trained where they are registered: at the root', {
      field: '--training',
      mend: 'Give the plan to the daemon of the root.',
    });
  const places = placesOf(plan.models, plan.windowMs);
  const file = stateFile(join(options.dataDir, `${root.name}.training.json`));
  const before = file.load();
  const now = nowMs();
  const entries = plan.models.map((each) =>
    // The plan has a place for each of its models.
    entryOf(each, places.get(each.model)!, plan.windowMs, now, before.get(each.model)),
  );
  const stop = stopOf(options.graceMs ?? GRACE_MS);
  const run = options.run ?? realRun(options, stop);
  const work: Work = { options, entries, file, nowMs, stop, run, saving: Promise.resolve() };
  resume(work, before);
  const alarmed = (model: string, reason: string): void => void retrain(work, model, reason, ALARM);
  const triggers = nodes.map((node) => node.subscribe(triggerOn(plan.models, alarmed, options.logger)));
  const tick = (): void => startDue(work);
  const timer = setInterval(tick, TICK_MS);
  timer.unref();
  return {
    tick,
    status: () => entries.map((entry) => statusOf(entry, plan.windowMs)),
    retrain: (model, reason, by = 'training') => retrain(work, model, reason, by),
    async saved() {
      await work.saving;
    },
    idle: () => idle(entries),
    async close() {
      clearInterval(timer);
      for (const unsubscribe of triggers.splice(0)) unsubscribe();
      stop.stopping.abort();
      await idle(entries);
      await work.saving;
      stop.over();
    },
  };
}

/** A trainer at work. */
interface Work {
  readonly options: TrainerOptions;
  readonly entries: readonly Entry[];
  readonly file: StateFile;
  readonly nowMs: () => number;
  readonly stop: Stop;
  readonly run: Run;
  /** The newest save; never rejects. */
  saving: Promise<unknown>;
}

/** Resolves once the entries as they are would survive a restart. */
function save(work: Work): Promise<void> {
  const saved = work.file.save(new Map(work.entries.map((entry) => [entry.plan.model, recordOf(entry)])));
  const { logger } = work.options;
  work.saving = saved.catch((error: Error) => logger.error({ error: error.message }, 'training'));
  return saved;
}

/** The same where nobody waits for it: what did not reach the disk is in the log. */
function saveSoon(work: Work): void {
  void save(work).catch(() => {});
}

/** Begins where the process before has ended. */
function resume(work: Work, before: ReadonlyMap<string, ModelRecord>): void {
  const { entries, nowMs } = work;
  const { plan, logger } = work.options;
  keepAsked(entries, plan.windowMs, nowMs());
  for (const entry of entries) {
    const begun = before.get(entry.plan.model)?.running ?? null;
    // Its process was ended, or the machine lost its power, in the midst of it.
    if (begun !== null)
      entry.running = {
        ...begun,
        window: Math.floor(begun.atMs / plan.windowMs),
        done: Promise.resolve().then(() => ended(work, entry, begun, interruptedRun())),
      };
    if (begun === null && entry.last?.outcome !== 'interrupted') continue;
    const again = new Date(nextStart(entry, plan.windowMs).startMs).toISOString();
    logger.warn({ model: entry.plan.model, again }, 'training was interrupted; it runs again');
  }
  saveSoon(work);
}

function startDue(work: Work): void {
  const { entries, nowMs, stop } = work;
  const { windowMs } = work.options.plan;
  if (stop.stopping.signal.aborted) return;
  for (const entry of entries) {
    const at = nextStart(entry, windowMs);
    if (nowMs() < at.startMs) continue;
    if (at.asked) entry.asked = undefined;
    const endMs = (at.window + 1) * windowMs;
    // A window is one run: what was asked for in its own window is that run.
    entry.settledMs = Math.max(entry.settledMs, endMs);
    // The machine slept, or the run before took longer than it may: rather late than two at once.
    if (nowMs() + timeOf(entry.plan) <= endMs && !busy(entry, entries)) start(work, entry, at.window, at);
    else {
      entry.missed++;
      saveSoon(work);
    }
  }
}

function start(work: Work, entry: Entry, window: number, { why, by }: Pick<BegunRun, 'why' | 'by'>): void {
  const begun = { atMs: work.nowMs(), why, by };
  const endMs = (window + 1) * work.options.plan.windowMs;
  const { signal } = work.stop.stopping;
  // First it is known that it has begun: else a restart would begin it again.
  entry.running = { ...begun, window, done: Promise.resolve() };
  const done = save(work)
    .then(() => (signal.aborted ? interruptedRun() : work.run(entry.plan, begun.atMs, endMs, signal)))
    // A rejection that nobody handles would end the daemon.
    .catch(failedRun)
    .then((result) => ended(work, entry, begun, result));
  entry.running = { ...begun, window, done };
}

async function ended(work: Work, entry: Entry, begun: BegunRun, result: RunResult): Promise<void> {
  const { atMs, why, by } = begun;
  const { model } = entry.plan;
  await audited(work.options, model, begun, result);
  entry.running = undefined;
  entry.last = kept({ atMs, endedMs: Math.max(atMs, work.nowMs()), asked: why, by, ...result });
  work.options.logger.info({ model, outcome: result.outcome, why: result.why }, 'training');
  await save(work).catch(() => {});
}

async function idle(entries: readonly Entry[]): Promise<void> {
  for (;;) {
    const running = entries.flatMap((entry) => entry.running?.done ?? []);
    if (running.length === 0) return;
    await Promise.all(running);
  }
}

function retrain(work: Work, model: string, reason: string, by: string): TrainingAnswer {
  const { entries, nowMs } = work;
  const { windowMs } = work.options.plan;
  if (work.stop.stopping.signal.aborted)
    throw new GanglionError('closed', 'the daemon is stopping: nothing is trained any more');
  const entry = entries.find((each) => each.plan.model === model);
  if (entry === undefined)
    throw new GanglionError('unknown_model', `the plan has no model ${model}`, {
      field: 'model',
      value: model,
      mend: `Use one of: ${entries.map((each) => each.plan.model).join(', ')}.`,
    });
  entry.asked ??= askedFor(entry, entries, windowMs, nowMs(), { why: clip(reason), by: clip(by) });
  startDue(work);
  if (entry.asked !== undefined) saveSoon(work);
  const { startMs } = entry.asked ?? { startMs: nowMs() };
  const window = entry.asked === undefined ? entry.running?.window : Math.floor(startMs / windowMs);
  return { model, startMs, windowMs: (window ?? 0) * windowMs, running: entry.running !== undefined };
}

/** Signals to what runs: that it should end, and that it must because the process does. */
interface Stop {
  readonly stopping: AbortController;
  readonly graceMs: number;
  readonly ending: AbortSignal;
  over(): void;
}

function stopOf(graceMs: number): Stop {
  const ending = new AbortController();
  // A second Ctrl-C ends the daemon at once, and would leave behind what it started.
  const exits = (): void => ending.abort();
  process.once('exit', exits);
  return {
    stopping: new AbortController(),
    graceMs,
    ending: ending.signal,
    over: () => void process.removeListener('exit', exits),
  };
}

function realRun(
  { nodes, artifacts, dataDir, plan: { folder } }: TrainerOptions,
  { stopping, graceMs, ending }: Stop,
): Run {
  const told: Stopping = { signal: stopping.signal, graceMs };
  const place = { node: nodes[0], artifacts, dataDir, cwd: folder, stopping: told, ending };
  return (plan, atMs, endMs) => runTraining(plan, place, atMs, endMs);
}

/** Every run is in the audit, as `model.train.OUTCOME`: who asked for it, why it came to that, and what had asked. */
async function audited(
  { nodes: [root], logger }: TrainerOptions,
  model: string,
  { why, by }: BegunRun,
  { outcome, version, why: came }: RunResult,
): Promise<void> {
  const reason = `${version === null ? '' : `${version}: `}${came} (${why})`.slice(0, REASON);
  try {
    await root.note({
      action: `model.train.${outcome}`,
      target: model,
      reason,
      by: { name: by, authority: root.name },
    });
  } catch (error) {
    logger.error({ model, outcome, error: (error as Error).message }, 'training is not in the audit');
  }
}
