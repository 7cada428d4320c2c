import type { ArmEstimate, PolicyInput, Proposal, ViewInput } from '../policy.ts';
import { normalCdf } from '../stats/distributions.ts';
import { sqrt } from '../stats/math.ts';

/** What it takes to say how sure a proposal is to be worth the baseline. */
export interface Comparison {
  /** Posterior mean and variance of each arm's reward. */
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  /** Outcomes seen of each arm, undecayed; warm starts count. */
  readonly outcomes: Float64Array;
  readonly baseline: Float64Array | undefined;
  readonly margin: number;
}

// An arm with less than this of the proposal and of the baseline cannot decide the comparison.
const NEGLIGIBLE = 0.01;

/** The comparison that `view` keeps for `propose`. */
export function comparison(
  posterior: { readonly mean: Float64Array; readonly variance: Float64Array },
  outcomes: Float64Array,
  at: ViewInput,
): Comparison {
  return {
    mean: posterior.mean,
    variance: posterior.variance,
    outcomes,
    baseline: at.baseline,
    margin: at.margin,
  };
}

/** Each arm as a report shows it: allocation, posterior mean and central 95 % interval (normal approximation). */
export function estimatesOf(compare: Comparison, allocation: Float64Array): readonly ArmEstimate[] {
  return Array.from(allocation, (share, a) => {
    const n = compare.outcomes[a];
    if (!(n > 0)) return { allocation: share, mean: null, low: null, high: null, n: 0 };
    const half = NORMAL_95 * sqrt(compare.variance[a]);
    const mean = compare.mean[a];
    return { allocation: share, mean, low: mean - half, high: mean + half, n };
  });
}

const NORMAL_95 = 1.959963984540054;

/** The last answer for fewer than all arms: a guard that withholds an arm does so for many decisions in a row. */
export interface Memo {
  readonly allowed: Uint8Array;
  readonly p: Float64Array;
  confidence: number;
  filled: boolean;
}

/** Room for one answer. */
export function memo(arms: number): Memo {
  return { allowed: new Uint8Array(arms), p: new Float64Array(arms), confidence: Number.NaN, filled: false };
}

/** Fills `out` with the remembered answer, if it was for these arms. */
export function recall(last: Memo, input: PolicyInput, out: Proposal): boolean {
  if (!last.filled) return false;
  const { arms, allowed } = input;
  for (let a = 0; a < arms; a++) if (allowed[a] !== last.allowed[a]) return false;
  for (let a = 0; a < arms; a++) out.p[a] = last.p[a];
  out.confidence = last.confidence;
  return true;
}

/** Keeps the answer in `out`. */
export function remember(last: Memo, input: PolicyInput, out: Proposal): void {
  for (let a = 0; a < input.arms; a++) {
    last.allowed[a] = input.allowed[a];
    last.p[a] = out.p[a];
  }
  last.confidence = out.confidence;
  last.filled = true;
}

/**
 * P(Σ p_a μ_a ≥ Σ b_a μ_a − margin) by the normal approximation from posterior means and variances; b is the baseline
 * scaled to the allowed arms. NaN where the baseline is unknown, or while an arm that carries at least 1 % of either
 * distribution has not one outcome (or warm start) to its name: an untried arm is no evidence of anything.
 * Allocates nothing.
 */
export function confidenceOf(compare: Comparison, p: Float64Array, input: PolicyInput): number {
  const { baseline, mean, variance, outcomes } = compare;
  if (baseline === undefined) return Number.NaN;
  const { arms, allowed } = input;
  let mass = 0;
  for (let a = 0; a < arms; a++) if (allowed[a] === 1) mass += baseline[a];
  const scale = mass > 0 ? 1 / mass : 0;
  const even = mass > 0 ? 0 : 1 / input.allowedCount;
  let gain = compare.margin;
  let spread = 0;
  for (let a = 0; a < arms; a++) {
    if (allowed[a] === 0) continue;
    const b = baseline[a] * scale + even;
    if (outcomes[a] < 1 && (p[a] >= NEGLIGIBLE || b >= NEGLIGIBLE)) return Number.NaN;
    const d = p[a] - b;
    gain += d * mean[a];
    spread += d * d * variance[a];
  }
  // The proposal is the baseline: as good as it for certain.
  if (spread === 0) return gain >= 0 ? 1 : 0;
  return normalCdf(gain / sqrt(spread));
}
