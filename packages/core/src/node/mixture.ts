import type { Evidence } from '../evidence.ts';
import { fraction32 } from '../stats/hash.ts';

/**
 * The evidence of the others as this node uses it: it moves to a new total in steps, so that one region's anomaly does
 * not reach every node at once. Steps fall on a grid of tree time, at a phase of their own for each node and learner: what
 * siblings and learners are told in one moment they do not adopt in one, and a stream of new totals makes no step come sooner.
 */
export interface Mixture {
  current: unknown;
  from: unknown;
  target: unknown;
  step: number;
  steps: number;
  /** Tree time of the next step; NaN: at the next place on the grid. */
  nextMs: number;
  /** Revision of the slots that the target was summed at. */
  revision: number;
}

export const mixture = (zero: unknown): Mixture => ({
  current: zero,
  from: zero,
  target: zero,
  step: 1,
  steps: 1,
  nextMs: Number.NaN,
  revision: -1,
});

/** A new target. The way there starts from where we are, at the step that is due next. */
export function aim(mix: Mixture, target: unknown, steps: number, revision: number): void {
  if (mix.step >= mix.steps) mix.nextMs = Number.NaN;
  mix.from = mix.current;
  mix.target = target;
  mix.step = 0;
  mix.steps = steps;
  mix.revision = revision;
}

/** Takes the next step if it is due. Returns whether `current` changed. @param phase - in [0, 1), of `everyMs` */
export function advance(
  mix: Mixture,
  evidence: Evidence<unknown>,
  everyMs: number,
  nowMs: number,
  phase: number,
): boolean {
  if (mix.step >= mix.steps) return false;
  // Farther than a step: the clock was set back, or steps come more often than they did.
  if (!(mix.nextMs - nowMs <= everyMs)) mix.nextMs = onGrid(nowMs, everyMs, phase);
  if (nowMs < mix.nextMs) return false;
  mix.step++;
  mix.nextMs = onGrid(nowMs + 1, everyMs, phase);
  const share = mix.step / mix.steps;
  mix.current =
    share === 1
      ? mix.target
      : evidence.add(evidence.scale(mix.from, 1 - share), evidence.scale(mix.target, share));
  return true;
}

/** The first place on a grid at or after `ms`. */
export function onGrid(ms: number, everyMs: number, phase: number): number {
  const offset = Math.floor(phase * everyMs);
  return offset + Math.ceil((ms - offset) / everyMs) * everyMs;
}

/** When a node adopts totals of a learner, as a share of the time between steps: the same in every process of that name. */
export const phaseOf = (node: string, learnerKey: string): number => fraction32(node, learnerKey);
