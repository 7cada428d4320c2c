import type { JsonValue } from '../guard.ts';
import { type DecayState, decayEvidence, decayState, observeDecay } from './decay.ts';
import type { ValidationPlan } from './plan.ts';
import { type FieldRun, fieldRun, observeField } from './stuck.ts';
import { logLoss } from './sums.ts';

/**
 * What one node knows of its learner's predictions beside the sums that travel: losses that fade, the reference, the test
 * for decay, and whether it found any. Depends on the order of outcomes, so it stays where it is.
 */
export interface Monitor {
  /** The learner it watches. */
  readonly learnerKey: string;
  /** Outcomes judged. */
  judged: number;
  /** Sums that fade by the plan's factor with every outcome (Gama, Sebastião & Rodrigues, Machine Learning 2013). */
  readonly recent: RecentSums;
  /** What the reference remembers: faded means of outcomes, of all and by arm. */
  readonly all: FadedMean;
  readonly arms: Map<string, FadedMean>;
  /** It was no worse than the reference once: from then on decay can be found. */
  armed: boolean;
  decay: DecayState;
  /** Of each field of the context. */
  fields: FieldRun[];
  alarm: Alarm | undefined;
  /** It has changed since it was last written. */
  unsaved: boolean;
}

/** Faded sums of losses, in units of [0, 1]; they add up over nodes. */
export interface RecentSums {
  n: number;
  squared: number;
  reference: number;
  log: number;
  referenceLog: number;
}

interface FadedMean {
  n: number;
  sum: number;
}

/** Decay was found, and what is done about it. */
export interface Alarm {
  readonly action: ValidationPlan['onDecay'];
  /** Tree time, ms. */
  readonly sinceMs: number;
  /** Tree time at which it ends by itself, ms; null: only by hand. */
  readonly untilMs: number | null;
  readonly why: string;
  /** The last thaw that had been said when it began. */
  readonly thaws: number;
}

export const newMonitor = (learnerKey: string): Monitor => ({
  learnerKey,
  judged: 0,
  recent: { n: 0, squared: 0, reference: 0, log: 0, referenceLog: 0 },
  all: { n: 0, sum: 0 },
  arms: new Map(),
  armed: false,
  decay: decayState(),
  fields: [],
  alarm: undefined,
  unsaved: true,
});

/** Nothing is learned while this holds. */
export const isFrozen = (monitor: Monitor | undefined): boolean =>
  monitor?.alarm !== undefined && monitor.alarm.action !== 'report';

/** What the reference expects of an arm: the faded mean of its outcomes, beside one outcome as the others are; in [0, 1]. */
export function referenceFor({ all, arms }: Monitor, armKey: string): number {
  const usual = (all.sum + 0.5) / (all.n + 1);
  const own = arms.get(armKey);
  return own === undefined ? usual : (own.sum + usual) / (own.n + 1);
}

/** What was predicted when it was decided, in [0, 1]; what came; of which arm; in which context, NaN where a field is absent. */
export interface Seen {
  readonly learner: number;
  readonly reference: number;
  readonly outcome: number;
  readonly armKey: string;
  readonly context: readonly number[];
  /** When it was decided, tree time, ms. */
  readonly atMs: number;
}

/** The learner is found to decay: it has become worse than the reference, or a field of its context has gone constant. */
export type Finding =
  | { readonly kind: 'loss'; readonly e: number }
  | { readonly kind: 'field'; readonly field: number; readonly length: number };

/** Half of the chance of a false alarm is for the losses, half for all fields of the context; the whole where there are none. */
export const lossThreshold = ({ falseAlarm }: ValidationPlan, fields: number): number =>
  (fields === 0 ? 1 : 2) / falseAlarm;

/** One outcome. Returns what is found by it; nothing while an alarm stands. */
export function watch(monitor: Monitor, plan: ValidationPlan, seen: Seen): Finding | undefined {
  const { learner, reference, outcome, armKey, context, atMs } = seen;
  const { recent } = monitor;
  monitor.unsaved = true;
  const keep = 1 - 1 / plan.memory;
  const warm = ++monitor.judged > plan.warmUp;
  fade(recent, keep);
  recent.n++;
  recent.squared += (learner - outcome) ** 2;
  recent.reference += (reference - outcome) ** 2;
  recent.log += logLoss(learner, outcome);
  recent.referenceLog += logLoss(reference, outcome);
  remember(monitor.all, outcome, keep);
  let own = monitor.arms.get(armKey);
  if (own === undefined) {
    own = { n: 0, sum: 0 };
    if (monitor.arms.size < ARMS_MAX) monitor.arms.set(armKey, own);
  }
  remember(own, outcome, keep);
  const stuck = watchFields(monitor, plan, context, atMs);
  if (!warm || monitor.alarm !== undefined) return undefined;
  if (stuck !== undefined) return stuck;
  // This outcome itself must not say whether it counts.
  if (monitor.armed) observeDecay(monitor.decay, learner, reference, outcome);
  else if (recent.squared <= recent.reference) monitor.armed = true;
  const e = decayEvidence(monitor.decay);
  if (e >= lossThreshold(plan, context.length)) return { kind: 'loss', e };
  return undefined;
}

/** Fields are looked at from the first outcome on: what varies must have been seen to vary. */
function watchFields(
  monitor: Monitor,
  plan: ValidationPlan,
  context: readonly number[],
  atMs: number,
): Finding | undefined {
  let found: Finding | undefined;
  for (let field = 0; field < context.length; field++) {
    const run = (monitor.fields[field] ??= fieldRun());
    const alpha = plan.falseAlarm / (2 * context.length);
    const length = observeField(run, context[field], atMs, alpha, plan.warmUp);
    if (length !== undefined) found ??= { kind: 'field', field, length };
  }
  return found;
}

/** Beyond these, arms of the past make no room for new ones: the reference knows of them what it knows of all. */
const ARMS_MAX = 4096;

function fade(recent: RecentSums, keep: number): void {
  for (const name of RECENT) recent[name] *= keep;
}

function remember(mean: FadedMean, outcome: number, keep: number): void {
  mean.n = mean.n * keep + 1;
  mean.sum = mean.sum * keep + outcome;
}

const RECENT = ['n', 'squared', 'reference', 'log', 'referenceLog'] as const;

/** The alarm is over: the test begins anew, and may find decay at once. */
export function thaw(monitor: Monitor): void {
  monitor.unsaved = true;
  monitor.alarm = undefined;
  monitor.decay = decayState();
  // A field that is still constant is found again, after as many outcomes more.
  for (const field of monitor.fields) {
    field.length = 0;
    field.sinceMs = null;
    field.runs = 1;
  }
}

/** For the disk. */
export function freezeMonitor(monitor: Monitor): JsonValue {
  const { learnerKey, judged, recent, all, arms, armed, decay, fields, alarm } = monitor;
  return {
    version: 1,
    learnerKey,
    judged,
    recent: { ...recent },
    all: { ...all },
    arms: [...arms].map(([key, { n, sum }]) => [key, n, sum]),
    armed,
    decay: { ...decay },
    fields: fields.map((field) => ({ ...field })),
    alarm: alarm === undefined ? null : { ...alarm },
  };
}

/** From the disk; undefined where it is not the state of a monitor of this version. */
export function thawMonitor(json: unknown): Monitor | undefined {
  const from = json as MonitorJson;
  try {
    const fresh = newMonitor(from.learnerKey);
    const monitor: Monitor = {
      ...fresh,
      judged: from.judged,
      recent: { ...fresh.recent, ...from.recent },
      all: { n: from.all.n, sum: from.all.sum },
      arms: new Map(from.arms.map(([key, n, sum]) => [key, { n, sum }])),
      armed: from.armed,
      decay: { n: from.decay.n, given: from.decay.given, wealth: [...from.decay.wealth] },
      fields: from.fields.map(({ last, length, sinceMs, runs, repeats, seen }) => ({
        last,
        length,
        // Not kept at first.
        sinceMs: sinceMs ?? null,
        runs,
        repeats,
        seen,
      })),
      alarm: from.alarm ?? undefined,
    };
    return from.version === 1 && isSound(monitor) ? monitor : undefined;
  } catch {
    return undefined;
  }
}

/** What is on the disk, if it is what was written. */
interface MonitorJson {
  version: number;
  learnerKey: string;
  judged: number;
  recent: RecentSums;
  all: FadedMean;
  arms: [string, number, number][];
  armed: boolean;
  decay: DecayState;
  fields: FieldRun[];
  alarm: Alarm | null;
}

function isSound({ learnerKey, judged, recent, all, arms, decay, fields, alarm }: Monitor): boolean {
  const numbers = [judged, ...RECENT.map((name) => recent[name]), all.n, all.sum, decay.n, decay.given];
  for (const { n, sum } of arms.values()) numbers.push(n, sum);
  for (const { length, sinceMs, runs, repeats, seen } of fields)
    numbers.push(length, sinceMs ?? 0, runs, repeats, seen);
  const actions = ['freeze', 'baseline', 'report'];
  return (
    typeof learnerKey === 'string' &&
    decay.wealth.length === decayState().wealth.length &&
    [...numbers, ...decay.wealth].every((value) => Number.isFinite(value) && value >= 0) &&
    (alarm === undefined || (actions.includes(alarm.action) && Number.isFinite(alarm.sinceMs)))
  );
}
