import { cusum, GanglionError, type HostedNode, type NodeEvent } from '@ganglion/core';
import type { TrainingAnswer, TrainingStatus } from '@ganglion/sdk';
import type { ArtifactStore } from '../host/artifact-store.ts';
import type { Logger } from '../log.ts';
import type { ModelPlan, TrainingPlan } from './plan.ts';
import { failedRun, type RunResult, runTraining } from './run.ts';
import { conflict, freeWindow, nextWindow, type Place, placesOf, startIn } from './windows.ts';

export interface TrainerOptions {
  readonly plan: TrainingPlan;
  /** The nodes of this process, the root of the tree first. */
  readonly nodes: readonly HostedNode[];
  readonly artifacts: ArtifactStore;
  /** Where these nodes keep their logs. */
  readonly dataDir: string;
  readonly logger: Logger;
  /** Default: the machine's clock. */
  readonly nowMs?: (() => number) | undefined;
  /** In place of a real run, for tests of the schedule. */
  readonly run?: ((plan: ModelPlan, atMs: number, endMs: number) => Promise<RunResult>) | undefined;
}

/** Trains models anew: by their windows, and when asked or alarmed. */
export interface Trainer {
  status(): readonly TrainingStatus[];
  /**
   * Asks for a run, in the first window that no model which shares with this one has: now, if it is free and long enough.
   * Asked again before it has begun, the first time stands.
   * @throws GanglionError `unknown_model` where the plan has none of this name
   */
  retrain(model: string, reason: string): TrainingAnswer;
  /** Starts what is due. Called by a timer; by tests at will. */
  tick(): void;
  /** Resolves once nothing is running. */
  idle(): Promise<void>;
  close(): void;
}

const TICK_MS = 1000;

/** All that is known of a model's training; one a model. */
interface Entry {
  readonly plan: ModelPlan;
  readonly place: Place;
  /** The window of its next scheduled run. */
  next: number;
  asked: { readonly window: number; readonly startMs: number; readonly why: string } | undefined;
  running: { readonly window: number; readonly done: Promise<void> } | undefined;
  last: TrainingStatus['last'];
  missed: number;
}

/** @throws GanglionError `invalid_spec` where more models share than there are windows; `forbidden` away from the root */
export function startTrainer(options: TrainerOptions): Trainer {
  const { plan, nodes, nowMs = Date.now } = options;
  const [root] = nodes;
  if (!root.state.isRoot)
    throw new GanglionError('forbidden', 'models are trained where they are registered: at the root', {
      field: '--training',
      mend: 'Give the plan to the daemon of the root.',
    });
  const places = placesOf(plan.models, plan.windowMs);
  const entries = plan.models.map((each): Entry => {
    const place = places.get(each.model) as Place;
    const next = nextWindow(place, plan.windowMs, nowMs());
    return { plan: each, place, next, asked: undefined, running: undefined, last: null, missed: 0 };
  });
  const schedule = scheduleOf(options, entries, nowMs);
  const stops = nodes.map((node) => node.subscribe(triggerOn(entries, schedule.retrain, options.logger)));
  const timer = setInterval(schedule.tick, TICK_MS);
  timer.unref();
  return {
    ...schedule,
    close() {
      clearInterval(timer);
      for (const stop of stops) stop();
    },
  };
}

function scheduleOf(
  options: TrainerOptions,
  entries: readonly Entry[],
  nowMs: () => number,
): Omit<Trainer, 'close'> {
  const { windowMs } = options.plan;
  const run =
    options.run ??
    ((plan: ModelPlan, atMs: number, endMs: number) =>
      runTraining(
        plan,
        {
          node: options.nodes[0],
          artifacts: options.artifacts,
          dataDir: options.dataDir,
          cwd: options.plan.folder,
        },
        atMs,
        endMs,
      ));
  const start = (entry: Entry, window: number, why: string): void => {
    const atMs = nowMs();
    const ended = (result: RunResult): void => {
      entry.running = undefined;
      entry.last = { atMs, endedMs: nowMs(), asked: why, ...result };
      options.logger.info({ model: entry.plan.model, outcome: result.outcome, why: result.why }, 'training');
    };
    // A rejection that nobody handles would end the daemon.
    const done = run(entry.plan, atMs, (window + 1) * windowMs).then(ended, (error: unknown) =>
      ended(failedRun(error)),
    );
    entry.running = { window, done };
  };
  const busy = (entry: Entry): boolean =>
    entries.some((each) => each.running !== undefined && (each === entry || conflict(each.plan, entry.plan)));
  const tick = (): void => {
    for (const entry of entries) {
      const at = nextStart(entry, windowMs);
      if (nowMs() < at.startMs) continue;
      if (at.asked) entry.asked = undefined;
      // A window is one run: what was asked for in its own window is that run.
      if (entry.next <= at.window) entry.next = nextWindow(entry.place, windowMs, (at.window + 1) * windowMs);
      const endMs = (at.window + 1) * windowMs;
      // The machine slept, or the run before took longer than it may: rather late than two at once.
      if (nowMs() + timeOf(entry.plan) > endMs || busy(entry)) entry.missed++;
      else start(entry, at.window, at.why);
    }
  };
  return {
    tick,
    status: () => entries.map((entry) => statusOf(entry, windowMs)),
    retrain(model, reason) {
      const entry = entries.find(({ plan }) => plan.model === model);
      if (entry === undefined)
        throw new GanglionError('unknown_model', `the plan has no model ${model}`, {
          field: 'model',
          value: model,
          mend: `Use one of: ${entries.map(({ plan }) => plan.model).join(', ')}.`,
        });
      entry.asked ??= askedFor(entry, entries, windowMs, nowMs(), reason);
      tick();
      const { window, startMs } = entry.asked ?? { window: entry.running?.window ?? 0, startMs: nowMs() };
      return { model, startMs, windowMs: window * windowMs, running: entry.running !== undefined };
    },
    async idle() {
      for (;;) {
        const running = entries.flatMap((entry) => entry.running?.done ?? []);
        if (running.length === 0) return;
        await Promise.all(running);
      }
    },
  };
}

/** What a run may take, so that it ends in its window. */
const timeOf = ({ train, predict }: ModelPlan): number => train.timeoutMs + 2 * (predict?.timeoutMs ?? 0);

function nextStart(
  { plan, next, asked }: Entry,
  windowMs: number,
): { readonly window: number; readonly startMs: number; readonly why: string; readonly asked: boolean } {
  const startMs = startIn(next, plan.model, windowMs, timeOf(plan));
  if (asked !== undefined && asked.startMs <= startMs) return { ...asked, asked: true };
  return { window: next, startMs, why: `${plan.cadence} window`, asked: false };
}

function askedFor(
  entry: Entry,
  entries: readonly Entry[],
  windowMs: number,
  nowMs: number,
  why: string,
): NonNullable<Entry['asked']> {
  const current = Math.floor(nowMs / windowMs);
  const fits = nowMs + timeOf(entry.plan) <= (current + 1) * windowMs && entry.running === undefined;
  const others = entries.map((each) => ({ ...each.plan, ...each.place }));
  const taken = (window: number, model: string): boolean => {
    const other = entries.find(({ plan }) => plan.model === model);
    return other?.asked?.window === window || other?.running?.window === window;
  };
  const window = freeWindow(entry.plan, fits ? current : current + 1, others, (at, { model }) =>
    taken(at, model),
  );
  const startMs =
    window === current ? nowMs : startIn(window, entry.plan.model, windowMs, timeOf(entry.plan));
  return { window, startMs, why };
}

function statusOf(entry: Entry, windowMs: number): TrainingStatus {
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

/** Alarms that ask for a run: what the audit says of the point, and a detector on its outcomes. */
function triggerOn(
  entries: readonly Entry[],
  retrain: Trainer['retrain'],
  logger: Logger,
): (event: NodeEvent) => void {
  const watches = entries.map(({ plan }) => {
    const { drift } = plan.triggers;
    const detector = drift === undefined ? undefined : cusum(drift);
    return { plan, metric: drift?.metric ?? '', detector, state: detector?.initial() };
  });
  return (event) => {
    for (const { plan, metric, detector, state } of watches) {
      if (event.kind === 'audit') {
        const { action, target, reason } = event.entry;
        if (target === plan.point && plan.triggers.audit.includes(action))
          retrain(plan.model, `${action} on ${event.node}: ${reason}`);
        continue;
      }
      if (
        event.kind !== 'outcome' ||
        event.point !== plan.point ||
        detector === undefined ||
        state === undefined
      )
        continue;
      const value = event.metrics[metric];
      if (value !== 0 && value !== 1) continue;
      const alert = detector.observe(state, { value, atMs: Date.now() });
      if (alert === undefined) continue;
      logger.warn({ model: plan.model, detector: alert.detector }, alert.message);
      retrain(plan.model, `${metric} on ${event.node}: ${alert.message}`);
    }
  };
}
