import { isLossKnown } from '../select/validation.ts';
import type { HistoryAnswer } from '../wire.ts';
import { historyKey, type Instant, SAMPLES_KEPT, type Sample, type State } from './model.ts';

/**
 * The history of a point with what the node had kept of it, wherever the page itself did not watch: before it came, and
 * while the connection was lost.
 */
export function withPast(history: State['history'], answer: HistoryAnswer, at: Instant): State['history'] {
  const key = historyKey(answer.point, null);
  const own = history[key] ?? [];
  // The clocks of the two may differ: what counts is how long ago something was.
  const shiftMs = at.wallMs - answer.nowMs;
  const past = answer.samples
    .map((sample) => pastSample(answer.arms, sample, shiftMs))
    .filter(({ wallMs }) => !isWatched(own, wallMs, answer.stepMs / 2));
  if (past.length === 0) return history;
  const all = [...past, ...own].sort((a, b) => a.wallMs - b.wallMs);
  return { ...history, [key]: all.slice(-SAMPLES_KEPT) };
}

/** Whether the page has a sample of its own near that moment. */
function isWatched(own: readonly Sample[], wallMs: number, withinMs: number): boolean {
  return own.some((sample) => Math.abs(sample.wallMs - wallMs) < withinMs);
}

function pastSample(
  arms: readonly string[],
  { atMs, mode, decisionsPerSecond, decisions, allocation, loss }: HistoryAnswer['samples'][number],
  shiftMs: number,
): Sample {
  const byArm = <T>(values: readonly T[]) => Object.fromEntries(arms.map((arm, i) => [arm, values[i]]));
  const known = loss !== undefined && isLossKnown(loss);
  return {
    wallMs: atMs + shiftMs,
    mode,
    rate: decisionsPerSecond,
    decisions: byArm(decisions),
    allocation: byArm(allocation),
    loss:
      loss === undefined
        ? undefined
        : {
            learner: known ? loss.learner : null,
            reference: known ? loss.reference : null,
            frozen: loss.frozen,
          },
  };
}
