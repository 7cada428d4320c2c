import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Actor,
  GanglionError,
  type HostedNode,
  isGanglionError,
  type ModelStatus,
} from '@ganglion/core';
import { storesIn } from '../evaluation/node-log.ts';
import { type FreeBytes, refuseLittleRoom } from '../evaluation/room.ts';
import { type ArtifactStore, digestOf } from '../host/artifact-store.ts';
import type { GateVerdict } from './gate.ts';
import { inProcess } from './in-process.ts';
import type { Prepared } from './job.ts';
import type { ModelPlan, TrainingWindow } from './plan.ts';
import { type Stopping, trained } from './step.ts';

/** What came of a run. */
export interface RunResult {
  /**
   * `first`: there was nothing to compare with; `unchanged`: the same bytes as the champion's; `interrupted`: the daemon
   * stopped while it ran.
   */
  readonly outcome: 'promoted' | 'rejected' | 'first' | 'unchanged' | 'failed' | 'interrupted';
  /** As registered; null where nothing was. */
  readonly version: string | null;
  readonly why: string;
  readonly verdict: GateVerdict | null;
}

/** Where a run finds what it needs. */
export interface RunPlace {
  /** The root, whose registry it is. */
  readonly node: HostedNode;
  readonly artifacts: ArtifactStore;
  /** Of the nodes whose log is learned from. */
  readonly dataDir: string;
  readonly cwd: string;
  /** The daemon stops: steps are told to, and what has come of them is not waited for. */
  readonly stopping?: Stopping | undefined;
  /** The process ends now, and so must whatever it started. */
  readonly ending?: AbortSignal | undefined;
  /** Default: as the file system says. */
  readonly freeBytes?: FreeBytes | undefined;
}

const BY = 'training';
/** Longest reason in the registry, characters. */
const REASON = 480;

/**
 * One run: the log is parted, the step trains on the earlier part, what it made is registered as a challenger without
 * traffic, and the gate promotes it or retires it, by the later part. Never throws: what fails is the result.
 */
export async function runTraining(
  plan: ModelPlan,
  place: RunPlace,
  atMs: number,
  endMs: number,
): Promise<RunResult> {
  const folders: string[] = [];
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), Math.max(1, endMs - atMs));
  try {
    for (const name of ['training', 'held-out'])
      folders.push(await mkdtemp(join(tmpdir(), `ganglion-${name}-`)));
    const [open, sealed] = folders;
    const { ending } = place;
    const signal = ending === undefined ? stop.signal : AbortSignal.any([stop.signal, ending]);
    return await attempt(plan, place, { open, sealed }, atMs, endMs, signal);
  } catch (error) {
    return place.stopping?.signal.aborted === true ? interruptedRun() : failedRun(error);
  } finally {
    clearTimeout(timer);
    // What cannot be removed is left to whoever clears up there: the run is as it was.
    for (const folder of folders)
      await rm(folder, { recursive: true, force: true, maxRetries: 5 }).catch(() => {});
  }
}

/** The result of a run that an error ended. */
export function failedRun(error: unknown): RunResult {
  const said = error instanceof Error ? error.message : String(error);
  const mend = isGanglionError(error) ? error.mend : undefined;
  const why = (mend === undefined ? said : `${said}. ${mend}`).slice(0, REASON);
  return { outcome: 'failed', version: null, why, verdict: null };
}

/** The result of a run that the end of the daemon ended. */
export function interruptedRun(): RunResult {
  return { outcome: 'interrupted', version: null, why: 'the daemon stopped while it ran', verdict: null };
}

/** What runs in processes of their own ends with the daemon, too. */
const endsWith = (signal: AbortSignal, { stopping }: RunPlace): AbortSignal =>
  stopping === undefined ? signal : AbortSignal.any([signal, stopping.signal]);

/** Where a run writes. */
interface Folders {
  /** What the step is told of: what it learns from, and where it leaves what it made. */
  readonly open: string;
  /** What it is not told of: what the gate judges by. */
  readonly sealed: string;
}

async function attempt(
  plan: ModelPlan,
  place: RunPlace,
  { open, sealed }: Folders,
  atMs: number,
  endMs: number,
  signal: AbortSignal,
): Promise<RunResult> {
  const { node, artifacts } = place;
  const before = node.models.get(plan.model);
  const champion = before?.versions.find(({ stage }) => stage === 'champion');
  const championFile = champion === undefined ? null : await keptFile(artifacts, champion.digest);
  const out = join(open, 'out');
  await mkdir(out);
  const holdoutFile = join(sealed, 'held-out.jsonl');
  const trainFile = join(open, 'training.jsonl');
  const { prepared, fromMs } = await parted(
    plan,
    place,
    atMs,
    { trainFile, holdoutFile, folder: sealed },
    signal,
  );
  const window: TrainingWindow = {
    model: plan.model,
    fromMs,
    toMs: prepared.splitMs,
    logFile: trainFile,
    championFile,
    folder: out,
  };
  const made = await trained(plan.train, window, place.cwd, signal, place.stopping);
  const digest = digestOf(made.bytes);
  if (digest === champion?.digest)
    return { outcome: 'unchanged', version: null, why: 'the same bytes as the champion’s', verdict: null };
  await artifacts.put(digest, made.bytes);
  const version = versionName(atMs, before);
  const by: Actor = { name: BY, authority: node.name };
  await node.models.register({
    model: plan.model,
    version,
    digest,
    parents: champion === undefined ? [] : [champion.version],
    window: { fromMs, toMs: Math.max(fromMs + 1, Math.floor(prepared.splitMs)) },
    metrics: made.metrics,
    reason: `trained on ${prepared.training} decisions`,
    by,
  });
  if (champion === undefined)
    return {
      outcome: 'first',
      version,
      why: 'the first version: there was nothing to compare with',
      verdict: null,
    };
  const verdict = await verdictOn(plan, place, {
    holdoutFile,
    candidateFile: artifacts.path(digest),
    championFile,
    folder: sealed,
    withinMs: Math.max(1, endMs - Date.now()),
    signal,
  });
  return decided(plan, node, version, by, verdict);
}

/** Where an artifact is; null where it is not kept here. */
async function keptFile(artifacts: ArtifactStore, digest: string): Promise<string | null> {
  return (await artifacts.has(digest)) ? artifacts.path(digest) : null;
}

/** The log up to what has had the time to come back, parted. */
async function parted(
  plan: ModelPlan,
  place: RunPlace,
  atMs: number,
  files: { readonly trainFile: string; readonly holdoutFile: string; readonly folder: string },
  signal: AbortSignal,
): Promise<{ readonly prepared: Prepared; readonly fromMs: number }> {
  const { node, dataDir } = place;
  const toMs = atMs - (node.state.points.get(plan.point)?.compiled.windowMs ?? 0);
  const fromMs = Math.max(0, toMs - plan.dataMs);
  const { point, holdout } = plan;
  await refuseLittleRoom(storesIn(dataDir), files.folder, place.freeBytes);
  const prepared = await inProcess(
    { kind: 'prepare', dataDir, point, fromMs, toMs, holdout, ...files },
    endsWith(signal, place),
  );
  if (prepared.training === 0)
    throw new GanglionError('invalid_input', `the log has no decision of ${point} to learn from`, {
      field: 'data',
      mend: 'Train once it has some, or give the plan a longer data.',
    });
  return { prepared, fromMs };
}

interface Files {
  readonly holdoutFile: string;
  readonly candidateFile: string;
  readonly championFile: string | null;
  readonly folder: string;
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

/** Undefined where the daemon stopped before there was one. */
async function verdictOn(
  { point, predict, gate }: ModelPlan,
  place: RunPlace,
  { championFile, signal, ...files }: Files,
): Promise<GateVerdict | undefined> {
  const { cwd } = place;
  const none = { passed: false, decisions: 0, candidate: null, champion: null, difference: null };
  if (championFile === null)
    return { ...none, why: 'the champion’s artifact is not kept here: there is nothing to compare with' };
  try {
    return await inProcess(
      { kind: 'judge', point, predict, rule: gate, cwd, championFile, ...files },
      endsWith(signal, place),
    );
  } catch (error) {
    if (place.stopping?.signal.aborted === true) return undefined;
    // What cannot be judged is not promoted.
    return { ...none, why: `the gate failed: ${(error as Error).message}` };
  }
}

/** What the gate says is done; a challenger that it did not come to is retired. */
async function decided(
  { model }: ModelPlan,
  node: HostedNode,
  version: string,
  by: Actor,
  verdict: GateVerdict | undefined,
): Promise<RunResult> {
  if (verdict === undefined) {
    const reason = 'the daemon stopped before it was judged';
    await node.models.retire({ model, version, reason, by });
    return { ...interruptedRun(), version };
  }
  const reason = verdict.why.slice(0, REASON);
  if (verdict.passed) await node.models.promote({ model, version, reason, by });
  else await node.models.retire({ model, version, reason, by });
  return { outcome: verdict.passed ? 'promoted' : 'rejected', version, why: verdict.why, verdict };
}

/** By the time of the run: `t20260301T120000`, and a count where there is one of that second. */
function versionName(atMs: number, model: ModelStatus | undefined): string {
  const name = `t${new Date(atMs).toISOString().slice(0, 19).replace(/[-:]/g, '')}`;
  const taken = (each: string): boolean => model?.versions.some(({ version }) => version === each) === true;
  if (!taken(name)) return name;
  let count = 2;
  while (taken(`${name}-${count}`)) count++;
  return `${name}-${count}`;
}
