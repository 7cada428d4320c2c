import type { Limits, Problem } from './limits.ts';

/**
 * What a learner has seen: additive statistics, a commutative monoid under `add` with `zero`.
 *
 * Laws (checked by `evidenceLaws` in core/testing): `add` is commutative, and associative to 1e-9 relative;
 * `add(zero(), a)` equals `a`; `scale(a, 1)` equals `a`; scaling distributes over `add`; `decode(encode(a))` equals
 * `a`; `decode` of any other bytes throws `undecodable` and never hangs. None of the functions but `learn` of the
 * policy that owns the evidence changes its arguments. `zero()` carries no prior: the prior is applied once, on reading.
 *
 * @typeParam E - plain data: numbers, strings, typed arrays, Maps of these.
 */
export interface Evidence<E> {
  /** Name and version, such as `moments/1`. Evidence under different names is never added. */
  readonly name: string;
  zero(): E;
  add(a: E, b: E): E;
  /** `weight` of this evidence, 0 ≤ weight: partial pooling, and the adoption of totals in steps. */
  scale(evidence: E, weight: number): E;
  /** `a` without `b`, where the statistics allow it. */
  subtract?(a: E, b: E): E;
  /** How many outcomes it holds, undecayed; the cap on what a child may claim is set against this. */
  outcomes(evidence: E): number;
  /** A problem if these statistics could not have come from any real outcomes (NaN, Σw² < 0, mean out of range …). */
  validate(evidence: E, limits: Limits): Problem | undefined;
  /**
   * Where outcomes fade: a problem if this weighs more than its outcomes could at `nowMs`, tree time, with `slackMs` of
   * clock error. Evidence from the future would drown everybody else's. @param heaviest - sampling weight among its
   * outcomes, 1 where none was thinned: what a heavier one may hide is that many half-lives
   */
  inFuture?(evidence: E, nowMs: number, slackMs: number, heaviest: number): Problem | undefined;
  /** The same, or without what has faded most, so that it is encoded in so many bytes where that can be. */
  fit?(evidence: E, maxBytes: number): E;
  encode(evidence: E): Uint8Array;
  /** @throws GanglionError `undecodable` */
  decode(bytes: Uint8Array, limits: Limits): E;
}
