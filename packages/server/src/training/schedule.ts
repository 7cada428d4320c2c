import type { TrainingStatus } from '@ganglion/sdk';
import type { ModelPlan } from './plan.ts';
import type { AskedRun, BegunRun, LastRun, ModelRecord } from './state-file.ts';
import { CADENCES, conflict, freeWindow, nextWindow, type Place, startIn } from './windows.ts';

/** All that is known of a model's training; one a model. */
export interface Entry {
  readonly plan: ModelPlan;
  readonly place: Place;
  /** When the newest window ends that has had its run, or was left out. */
  settledMs: number;
  asked: AskedRun | undefined;
  running: (BegunRun & { readonly window: number; readonly done: Promise<void> }) | undefined;
  last: LastRun | null;
  missed: number;
}

/** Who a run is by that nobody asked for. */
export const SCHEDULE = 'schedule';
/** Who asks where a trigger does. */
export const ALARM = 'alarm';

/** A model's entry, from what was kept of it: the windows that have passed since are missed, the one of now is not. */
export function entryOf(
  plan: ModelPlan,
  place: Place,
  windowMs: number,
  nowMs: number,
  kept: ModelRecord | undefined,
): Entry {
  const entry = { plan, place, running: undefined };
  // The window that began without it is not its own: it might have been another's, by another plan.
  if (kept === undefined)
    return {
      ...entry,
      settledMs: Math.ceil(nowMs / windowMs) * windowMs,
      asked: undefined,
      last: null,
      missed: 0,
    };
  const current = Math.floor(nowMs / windowMs);
  // A clock that was ahead once must not stop the schedule until then.
  const settledMs = Math.min(kept.settledMs, (current + 1) * windowMs);
  const first = nextWindow(place, windowMs, settledMs);
  const passed = first >= current ? 0 : Math.ceil((current - first) / place.period);
  return {
    ...entry,
    settledMs: Math.max(settledMs, current * windowMs),
    asked: kept.asked ?? undefined,
    last: kept.last,
    missed: kept.missed + passed,
  };
}

/** What is kept of an entry. */
export const recordOf = ({ settledMs, missed, asked, running, last }: Entry): ModelRecord => ({
  settledMs,
  missed,
  asked: asked ?? null,
  running: running === undefined ? null : { atMs: running.atMs, why: running.why, by: running.by },
  last,
});

/** What a run may take, so that it ends in its window. */
export const timeOf = ({ train, predict }: ModelPlan): number =>
  train.timeoutMs + 2 * (predict?.timeoutMs ?? 0);

/** What is next: its own window, or a run that was asked for, whichever comes first. */
export function nextStart(
  { plan, place, settledMs, asked }: Entry,
  windowMs: number,
): AskedRun & { readonly window: number; readonly asked: boolean } {
  const next = nextWindow(place, windowMs, settledMs);
  const startMs = startIn(next, plan.model, windowMs, timeOf(plan));
  if (asked !== undefined && asked.startMs <= startMs)
    return { ...asked, window: Math.floor(asked.startMs / windowMs), asked: true };
  return { window: next, startMs, why: `${plan.cadence} window`, by: SCHEDULE, asked: false };
}

/** A run that is asked for, in the first window that none which shares with it has, is in, or was given. */
export function askedFor(
  entry: Entry,
  entries: readonly Entry[],
  windowMs: number,
  nowMs: number,
  { why, by }: Pick<AskedRun, 'why' | 'by'>,
): AskedRun {
  const current = Math.floor(nowMs / windowMs);
  const fits = nowMs + timeOf(entry.plan) <= (current + 1) * windowMs && entry.running === undefined;
  const window = firstFree(entry, entries, windowMs, fits ? current : current + 1);
  const startMs =
    window === current ? nowMs : startIn(window, entry.plan.model, windowMs, timeOf(entry.plan));
  return { startMs, why, by };
}

function firstFree(entry: Entry, entries: readonly Entry[], windowMs: number, from: number): number {
  const others = entries.map((each) => ({ ...each.plan, ...each.place }));
  return freeWindow(entry.plan, from, others, (window, { model }) => {
    const other = entries.find(({ plan }) => plan.model === model);
    const asked = other?.asked === undefined ? undefined : Math.floor(other.asked.startMs / windowMs);
    return asked === window || other?.running?.window === window;
  });
}

/** No free window is further away: all places are taken anew after it. */
const CYCLE_MS = CADENCES.quarterly * 86_400_000;

/** Runs that were asked for before a restart keep their windows, unless another plan has given these away, or the clock was wrong. */
export function keepAsked(entries: readonly Entry[], windowMs: number, nowMs: number): void {
  for (const entry of entries) {
    const { asked } = entry;
    if (asked === undefined) continue;
    const window = Math.floor(asked.startMs / windowMs);
    // What has passed is missed, as any other.
    if ((window + 1) * windowMs <= nowMs) continue;
    const stands =
      asked.startMs <= nowMs + CYCLE_MS && firstFree(entry, entries, windowMs, window) === window;
    if (!stands) entry.asked = askedFor(entry, entries, windowMs, nowMs, asked);
  }
}

export function statusOf(entry: Entry, windowMs: number): TrainingStatus {
  const { plan, running, last, missed } = entry;
  const { startMs, window, why } = nextStart(entry, windowMs);
  return {
    model: plan.model,
    point: plan.point,
    cadence: plan.cadence,
    shares: plan.shares,
    state: running !== undefined ? 'running' : 'waiting',
    next: { startMs, windowMs: window * windowMs, why },
    last,
    missed,
  };
}

/** Whether a run would be beside one that is running: its own, or one that shares with it. */
export const busy = (entry: Entry, entries: readonly Entry[]): boolean =>
  entries.some((each) => each.running !== undefined && (each === entry || conflict(each.plan, entry.plan)));
