import { log } from '../stats/math.ts';

/**
 * Tests, outcome by outcome, whether a learner has become worse than a simple reference that only remembers the last
 * outcomes of each arm. Both have predicted the same outcome before it was known, and squared errors are compared.
 *
 * H₀: E[(p − y)² − (q − y)² | past] ≤ 0 at every outcome; a learner whose predictions are the true expectations fulfils
 * it whatever q is, for then it is −(p − q)². Under H₀ a gambler who stakes λ of his wealth on the difference does not
 * gain (testing by betting: Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", JRSS-B
 * 2024; forecasters compared in this way: Choe & Ramdas, "Comparing sequential forecasters", Operations Research 2024).
 * Stakes are a grid, each cut to half of what it can take, by p and q alone; so low rates are found as well.
 *
 * A learner may be good for long and decay then, so a new gambler begins every `BLOCK` outcomes with a part of the
 * capital, parts of sum 1 (as in Shin, Ramdas & Rinaldo, "E-detectors", NEJSDS 2023, but with a weight for every start, so
 * that the bound holds for ever and not on average only). The total is a test supermartingale that begins at 1: the
 * probability that it ever reaches 1/α is at most α (Ville).
 */
export interface DecayState {
  /** Outcomes that have counted. */
  n: number;
  /** Capital given to gamblers so far, of 1. */
  given: number;
  /** What they have, by stake. */
  readonly wealth: number[];
}

const STAKES = [0.25, 1, 4, 16, 64] as const;
const BLOCK = 16;
// Σ over b ≥ 2 of 1 / (b ln² b), rounded up.
const SERIES = 2.11;
// A gambler never stakes more than this part of what he could lose: the wealth stays above 0.
const MOST = 0.5;

export const decayState = (): DecayState => ({ n: 0, given: 0, wealth: STAKES.map(() => 0) });

/** One outcome: what the learner and the reference had predicted, and what came; all in [0, 1]. In place. */
export function observeDecay(state: DecayState, learner: number, reference: number, outcome: number): void {
  const { wealth } = state;
  if (state.n % BLOCK === 0) {
    const b = state.n / BLOCK + 2;
    const share = 1 / (SERIES * b * log(b) * log(b));
    state.given += share;
    for (let k = 0; k < wealth.length; k++) wealth[k] += share / wealth.length;
  }
  state.n++;
  if (learner === reference) return;
  const apart = Math.abs(learner - reference);
  // What the reference can lose by at most, known before the outcome.
  const worst = apart * (learner > reference ? 2 - learner - reference : learner + reference);
  const difference = (learner - reference) * (learner + reference - 2 * outcome);
  for (let k = 0; k < wealth.length; k++) wealth[k] *= 1 + Math.min(STAKES[k], MOST / worst) * difference;
}

/** The e-value: how much more the gamblers have than they began with. At 1/α the learner is found to decay. */
export function decayEvidence(state: DecayState): number {
  return state.wealth.reduce((sum, each) => sum + each, 1 - state.given);
}
