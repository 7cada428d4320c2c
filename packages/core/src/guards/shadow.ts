import { type Guard, type GuardInput, type JsonValue, PASS, type Verdict } from '../guard.ts';
import { rejectUnknown, share } from '../options.ts';
import type { Factory } from '../registry.ts';
import { thawNumber, thawObject } from './thaw.ts';

/**
 * Shadow mode: the policy proposes, the baseline acts. The model's influence is 0, so nothing it learns reaches anybody;
 * what it would have done is in every decision (`proposed`), and how often that is what was done is counted.
 *
 * `influence` (default 0): raise it to let a little of the policy through. At 0 there is no exploration either, whatever
 * floor another guard asks for.
 */
export interface ShadowState {
  decisions: number;
  agreed: number;
}

export const shadow: Factory<Guard<ShadowState>> = (options, { path }) => {
  rejectUnknown(options, ['influence'], path);
  const influence = share(options, 'influence', { default: 0 }, path);
  const soften: Verdict = Object.freeze({
    kind: 'soften',
    guard: 'shadow',
    why: influence === 0 ? 'in the shadow: the baseline acts' : 'half in the shadow',
    influence,
  });
  return {
    name: 'shadow/1',
    phase: 'narrow',
    initial: () => ({ decisions: 0, agreed: 0 }),
    check: (_state: ShadowState, _input: GuardInput): Verdict => (influence === 1 ? PASS : soften),
    chosen(state, _input, arm, proposed = -1) {
      if (proposed < 0) return;
      state.decisions++;
      if (arm === proposed) state.agreed++;
    },
    rearm: (state) => state,
    snapshot: ({ decisions, agreed }): JsonValue => ({ decisions, agreed }),
    restore(snapshot) {
      const { decisions, agreed } = thawObject(snapshot, 'shadow');
      const count = thawNumber(decisions, 'decisions', 0);
      return { decisions: count, agreed: thawNumber(agreed, 'agreed', 0, count) };
    },
  };
};
