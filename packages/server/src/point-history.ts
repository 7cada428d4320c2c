import { setImmediate, setTimeout } from 'node:timers/promises';
import type { GanglionNode, PointReport, PointSpec } from '@ganglion/core';
import type { HistoryAnswer, HistorySample } from '@ganglion/sdk';

/** Between two samples of a point, ms; more where the reports of a large tree take longer. */
export const STEP_MS = 3_000;
/** Samples kept of each point: a quarter of an hour. */
export const KEPT = 300;
/** Points sampled, the first of the list, and most arms of each: 20 MB at the very most, mostly under one; as much again as text, if all are asked for. */
export const POINTS = 64;
export const ARMS = 50;

/**
 * Of the time, this much goes into reports at most: those of a large tree are summed over everybody below, and nobody may
 * be looking. What is shorter than `BRIEF_MS` is not counted.
 */
const EFFORT = 0.1;
const BRIEF_MS = 1;

/** The last quarter of an hour of a node's points, in memory alone: so that who comes to look need not have been there. */
export interface PointHistory {
  /** What is kept of a point; no sample of one that is not among those sampled. */
  of(point: string): HistoryAnswer;
  /** The same as JSON. Samples are written once, and mostly asked for more often than they are taken. */
  textOf(point: string): string;
  /** Takes a sample of each point, one a turn of the event loop: no decision waits for more than one report. */
  sample(): Promise<void>;
  /** From now on a round every `STEP_MS`. */
  start(): void;
  close(): void;
}

interface Kept {
  readonly arms: readonly string[];
  samples: HistorySample[];
  /** `samples` as JSON, once somebody has asked: until the next sample, which makes another `Kept`. */
  text?: string;
}

/** What passes the time between two reports. */
export interface Pace {
  monotonicMs(): number;
  /** 0: a turn of the event loop. */
  rest(ms: number): Promise<unknown>;
}

const PACE: Pace = {
  monotonicMs: () => performance.now(),
  rest: (ms) => (ms === 0 ? setImmediate() : setTimeout(ms, undefined, { ref: false })),
};

/** @param nowMs - the wall clock. */
export function pointHistory(node: GanglionNode, nowMs: () => number, pace = PACE): PointHistory {
  let kept = new Map<string, Kept>();
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const sample = async (): Promise<void> => {
    const next = new Map<string, Kept>();
    let spentMs = 0;
    for (const { spec } of node.points().slice(0, POINTS)) {
      await pace.rest(spentMs < BRIEF_MS ? 0 : spentMs * (1 / EFFORT - 1));
      if (closed) return;
      // Gone since the list was made, or too wide to be kept.
      if (node.point(spec.point) === undefined || armsOf(spec) > ARMS) continue;
      const beganMs = pace.monotonicMs();
      const report = reportOf(node, spec.point);
      spentMs = pace.monotonicMs() - beganMs;
      if (report !== undefined && report.arms.length <= ARMS)
        next.set(spec.point, withSample(kept.get(spec.point), report, nowMs()));
    }
    kept = next;
  };

  const of = (point: string): HistoryAnswer => ({
    point,
    nowMs: nowMs(),
    stepMs: STEP_MS,
    arms: kept.get(point)?.arms ?? [],
    samples: kept.get(point)?.samples ?? [],
  });

  return {
    of,
    textOf: (point) => {
      const { samples: _, ...head } = of(point);
      return `${JSON.stringify(head).slice(0, -1)},"samples":${samplesText(kept.get(point))}}`;
    },
    sample,
    start: () => {
      let under = false;
      timer = setInterval(() => {
        // A round that outlasts its step is not overtaken by the next.
        if (under) return;
        under = true;
        void sample().finally(() => {
          under = false;
        });
      }, STEP_MS);
      timer.unref();
    },
    close: () => {
      closed = true;
      clearInterval(timer);
      kept.clear();
    },
  };
}

function samplesText(of: Kept | undefined): string {
  if (of === undefined) return '[]';
  of.text ??= JSON.stringify(of.samples);
  return of.text;
}

/** A picture of the past must not end the daemon: what a report throws is told to whoever asks for it. */
function reportOf(node: GanglionNode, point: string): PointReport | undefined {
  try {
    return node.report(point);
  } catch {
    return undefined;
  }
}

/** Arms that are declared one by one; others show in the report. */
function armsOf({ arms }: PointSpec): number {
  return Array.isArray(arms) ? arms.length : 0;
}

/** One sample on; other arms are another history: their counters stand in other places. */
function withSample(before: Kept | undefined, report: PointReport, atMs: number): Kept {
  const arms = report.arms.map(({ arm }) => arm);
  const same = before !== undefined && before.arms.join('\n') === arms.join('\n');
  const fromMs = atMs - KEPT * STEP_MS;
  const samples = same ? before.samples.slice(-(KEPT - 1)).filter((each) => each.atMs > fromMs) : [];
  samples.push(sampleOf(report, atMs));
  return { arms: same ? before.arms : arms, samples };
}

function sampleOf({ mode, decisionsPerSecond, arms, validation }: PointReport, atMs: number): HistorySample {
  const sample: HistorySample = {
    atMs,
    mode,
    decisionsPerSecond,
    decisions: arms.map(({ decisions }) => decisions),
    allocation: arms.map(({ allocation }) => allocation),
  };
  if (validation === undefined) return sample;
  const { judged, recent, frozen } = validation;
  const loss = {
    judged,
    learner: recent.squared,
    reference: recent.reference,
    frozen: frozen.some(({ action }) => action !== 'report'),
  };
  return { ...sample, loss };
}
