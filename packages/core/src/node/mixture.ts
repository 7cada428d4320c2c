import type { Evidence } from '../evidence.ts';

/**
 * The evidence of the others as this node uses it: it moves to a new total in steps, so that one region's anomaly does
 * not reach every node at once.
 */
export interface Mixture {
  current: unknown;
  from: unknown;
  target: unknown;
  step: number;
  steps: number;
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
  nextMs: 0,
  revision: -1,
});

/** A new target. The way there starts from where we are. */
export function aim(mix: Mixture, target: unknown, steps: number, revision: number, nowMs: number): void {
  mix.from = mix.current;
  mix.target = target;
  mix.step = 0;
  mix.steps = steps;
  mix.revision = revision;
  mix.nextMs = nowMs;
}

/** Takes the next step if it is due. Returns whether `current` changed. */
export function advance(mix: Mixture, evidence: Evidence<unknown>, everyMs: number, nowMs: number): boolean {
  if (mix.step >= mix.steps || nowMs < mix.nextMs) return false;
  mix.step++;
  mix.nextMs = nowMs + everyMs;
  const share = mix.step / mix.steps;
  mix.current =
    share === 1
      ? mix.target
      : evidence.add(evidence.scale(mix.from, 1 - share), evidence.scale(mix.target, share));
  return true;
}
