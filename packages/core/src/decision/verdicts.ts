import type { Verdict } from '../guard.ts';

/** What the pipeline itself says in a trail, made once. */
export const PLACEMENT: Verdict = Object.freeze({
  guard: 'placement',
  kind: 'block',
  why: 'a higher tier decides this point',
});
export const NO_ANSWER: Verdict = Object.freeze({
  guard: 'parent',
  kind: 'pass',
  why: 'asked, and it had nothing to say',
});
export const UNKNOWN_ARM: Verdict = Object.freeze({
  guard: 'caller',
  kind: 'block',
  why: 'took an arm that the point does not have',
});
export const LEASE: Verdict = Object.freeze({
  guard: 'lease',
  kind: 'block',
  why: 'no word from the root within the lease',
});
export const NO_DISTRIBUTION: Verdict = Object.freeze({
  guard: 'policy',
  kind: 'block',
  why: 'what it proposed are no probabilities that sum to 1',
});
export const NOT_ALLOWED: Verdict = Object.freeze({
  guard: 'policy',
  kind: 'block',
  why: 'it proposed an arm that is not allowed',
});
