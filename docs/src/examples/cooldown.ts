import {
  type Factory,
  type Guard,
  type GuardInput,
  PASS,
  options as read,
  type Verdict,
} from '@ganglion/core';

/** Until when each arm rests, monotonic ms; and the last answer, which stands until another is due. */
export interface CooldownState {
  readonly untilMs: Float64Array;
  verdict: Verdict;
}

/**
 * `{ kind: cooldown, for }`: an arm that has failed is withheld for a while. Where no other arm is allowed, it is not.
 *
 * - `for` (duration, default 1s): how long it rests. A restart forgets it.
 */
export const cooldown: Factory<Guard<CooldownState>> = (options, { path }) => {
  read.rejectUnknown(options, ['for'], path);
  const restMs = read.duration(options, 'for', { min: 1, max: 3_600_000, default: 1000 }, path);
  const start = (arms: number): CooldownState => ({
    untilMs: new Float64Array(arms).fill(-Infinity),
    verdict: PASS,
  });

  return {
    name: 'cooldown/1',
    phase: 'narrow',
    initial: start,
    check(state, input) {
      let left = 0;
      let stands = true;
      for (let arm = 0; arm < input.arms; arm++) {
        const rests = input.nowMs < state.untilMs[arm] ? 1 : 0;
        left += input.allowed[arm] & (1 - rests);
        if ((state.verdict.exclude?.[arm] ?? 0) !== rests) stands = false;
      }
      // A new verdict only when the answer is another: the record keeps it, and a decision costs no allocation.
      if (!stands) state.verdict = verdictFor(state, input);
      return left === 0 ? ALL_REST : state.verdict;
    },
    settled(state, { arm, failed, nowMs }) {
      if (failed === true) state.untilMs[arm] = nowMs + restMs;
    },
    rearm(state, from) {
      const next = start(from.length);
      from.forEach((old, arm) => {
        if (old >= 0) next.untilMs[arm] = state.untilMs[old];
      });
      return next;
    },
  };
};

/** A pass that gives its reasons: the trail shows why nothing was withheld. */
const ALL_REST: Verdict = Object.freeze({
  kind: 'pass',
  guard: 'cooldown',
  why: 'every allowed arm rests: none withheld',
});

function verdictFor({ untilMs }: CooldownState, { nowMs, arms, armIds }: GuardInput): Verdict {
  const exclude = Uint8Array.from({ length: arms }, (_, arm) => (nowMs < untilMs[arm] ? 1 : 0));
  const resting = armIds.filter((_, arm) => exclude[arm] === 1);
  if (resting.length === 0) return PASS;
  return Object.freeze({
    kind: 'restrict',
    guard: 'cooldown',
    why: `resting after a failure: ${resting.slice(0, 3).join(', ')}${resting.length > 3 ? ' and more' : ''}`,
    exclude,
  });
}
