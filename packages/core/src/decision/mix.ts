import type { GuardInput, Verdict } from '../guard.ts';
import type { Proposal } from '../policy.ts';
import { NO_DISTRIBUTION, NOT_ALLOWED } from './verdicts.ts';

/** The parent's answer to an escalation: a proposal under the origin's id. */
export interface External {
  readonly p: Float64Array;
  readonly confidence: number;
}

/** An outside distribution, with no mass left outside the allowed arms. `out` may be the same. */
export function project(external: External, input: GuardInput, out: Proposal): void {
  let sum = 0;
  for (let a = 0; a < input.arms; a++) {
    out.p[a] = input.allowed[a] === 1 ? external.p[a] : 0;
    sum += out.p[a];
  }
  for (let a = 0; a < input.arms; a++)
    out.p[a] = sum > 0 ? out.p[a] / sum : input.allowed[a] / input.allowedCount;
  out.confidence = external.confidence;
}

/** The one place that draws. Rounding may leave the sum a hair below 1: the last arm with mass takes the rest. */
export function draw(p: Float64Array, arms: number, u: number): number {
  let last = 0;
  for (let a = 0; a < arms; a++) {
    if (p[a] <= 0) continue;
    last = a;
    u -= p[a];
    if (u < 0) return a;
  }
  return last;
}

/** How far rounding may leave the sum of a distribution from 1. */
const SUM_SLACK = 1e-6;

/**
 * The heaviest arm of a distribution over the allowed arms; −1 where it is none: a share is not a number or below 0, they do not
 * sum to 1, or an arm that is not allowed has any. Whoever wrote the policy, what is stopped is not drawn.
 */
export function heaviestOf(p: Float64Array, { allowed, allowedCount, arms }: GuardInput): number {
  let best = 0;
  let least = 0;
  let sum = 0;
  for (let a = 0; a < arms; a++) {
    const share = p[a];
    sum += share;
    if (share > p[best]) best = a;
    if (share < least) least = share;
  }
  // Mostly all arms are allowed: then none has to be looked at again.
  if (allowedCount < arms) for (let a = 0; a < arms; a++) if (allowed[a] === 0 && p[a] !== 0) return -1;
  // What is not a number leaves no number of the sum.
  return least === 0 && sum > 1 - SUM_SLACK && sum < 1 + SUM_SLACK ? best : -1;
}

/** Why `heaviestOf` takes it for none. */
export function faultOf(p: Float64Array, { allowed, arms }: GuardInput): Verdict {
  for (let a = 0; a < arms; a++) if (allowed[a] === 0 && p[a] > 0) return NOT_ALLOWED;
  return NO_DISTRIBUTION;
}

export function heaviest(p: Float64Array, arms: number): number {
  let best = 0;
  for (let a = 1; a < arms; a++) if (p[a] > p[best]) best = a;
  return best;
}
