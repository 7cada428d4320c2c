import { type Guard, type GuardInput, PASS, type Verdict } from '../guard.ts';
import { rejectUnknown, share } from '../options.ts';
import type { Factory } from '../registry.ts';
import { percent } from './words.ts';

/**
 * Exploration floor: every allowed arm keeps at least ε / (number of allowed arms) of the probability, so that no arm
 * is ever lost from sight and off-policy estimates keep bounded weights (at most arms / ε).
 *
 * `floor` (required): ε, a share in [0, 1]. The pipeline mixes p ← (1 − ε)·p + ε·uniform(allowed) after everything
 * else; the largest floor of all guards counts. The holdout and units not rolled out are not explored on: the
 * pipeline leaves the floor out for a stratum that gets its baseline.
 */
export const exploration: Factory<Guard<null>> = (options, { path }) => {
  rejectUnknown(options, ['floor'], path);
  const floor = share(options, 'floor', {}, path);
  const soften: Verdict = Object.freeze({
    kind: 'soften',
    guard: 'exploration',
    why: `at least ${percent(floor)} % exploration`,
    floor,
  });
  const verdict = floor === 0 ? PASS : soften;
  return {
    name: 'exploration/1',
    phase: 'narrow',
    initial: () => null,
    check: (_state: null, _input: GuardInput): Verdict => verdict,
  };
};
