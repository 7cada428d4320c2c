import { type Moments, type MomentsEvidence, moments } from '../learners/moments.ts';
import { choice, duration, given, rejectUnknown } from '../options.ts';
import type { Policy, ViewInput } from '../policy.ts';
import type { Factory } from '../registry.ts';
import { bestBeta, bestStudent } from '../stats/best-arm.ts';
import {
  type Comparison,
  comparison,
  confidenceOf,
  estimatesOf,
  type Memo,
  memo,
  recall,
  remember,
} from './confidence.ts';
import { fillShares, fillUniform } from './distribution.ts';
import { betaPosterior, gaussianPosterior, seenBy, warmById, warmStarts } from './posterior.ts';
import { recordReward } from './unlearned.ts';

/** The allocation that decisions draw from, and what it takes to judge it. */
export interface ThompsonView {
  /** P(arm is best), by arm. */
  readonly best: Float64Array;
  readonly compare: Comparison;
  /** Confidence while every arm is allowed; the usual case, so computed once. */
  readonly confidence: number;
  readonly last: Memo;
}

/**
 * `{ kind: thompson, reward: bernoulli | gaussian, halfLife, prior }`: Thompson sampling as randomised probability
 * matching (Scott, "A modern Bayesian look at the multi-armed bandit", 2010). An arm is proposed with the probability
 * that it is the best one. The allocation is computed off the decide path, in `view`; restricted to fewer arms, it is
 * scaled up.
 *
 * - `reward`: `bernoulli` (default where the range is [0, 1]): Beta(1, 1) prior, rewards between count in part;
 *   `gaussian`: unknown mean and variance, prior from the declared range.
 * - `halfLife`: after which an outcome weighs half, tree time; without it nothing is forgotten.
 * - `prior`: warm start, `{ arm: { mean, n } }`. It does not fade: keep `n` small beside a half-life's outcomes.
 */
export const thompson: Factory<Policy> = (options, input) => {
  rejectUnknown(options, ['reward', 'halfLife', 'prior'], input.path);
  const unit = input.range[0] === 0 && input.range[1] === 1;
  const reward = choice(
    options,
    'reward',
    ['bernoulli', 'gaussian'],
    unit ? 'bernoulli' : 'gaussian',
    input.path,
  );
  const evidence = moments({ range: input.range, halfLifeMs: halfLife(options, input.path) });
  const warm = warmById(input, warmStarts(options, input));

  const view = (own: Moments, others: Moments, at: ViewInput): ThompsonView => {
    const arms = at.arms.length;
    const best = new Float64Array(arms);
    const seen = seenBy(evidence, evidence.add(own, others), at, warm);
    let compare: Comparison;
    if (reward === 'bernoulli') {
      const posterior = betaPosterior(seen, input.range);
      bestBeta(posterior.a, posterior.b, arms, best);
      compare = comparison(posterior, seen.outcomes, at);
    } else {
      const posterior = gaussianPosterior(seen, input.range);
      bestStudent(posterior.mean, posterior.scale, posterior.df, arms, best);
      compare = comparison(posterior, seen.outcomes, at);
    }
    return { best, compare, confidence: confidenceOf(compare, best, everyArm(arms)), last: memo(arms) };
  };

  const policy: Policy<Moments, ThompsonView | undefined> = {
    name: 'thompson/1',
    evidence,
    additive: true,
    learnsReward: evidence,
    view,
    propose: (current, at, out) => {
      if (current === undefined || current.best.length !== at.arms) {
        fillUniform(at, out);
        out.confidence = Number.NaN;
        return;
      }
      if (at.allowedCount === at.arms) {
        fillShares(current.best, at, out);
        out.confidence = current.confidence;
      } else if (!recall(current.last, at, out)) {
        fillShares(current.best, at, out);
        out.confidence = confidenceOf(current.compare, out.p, at);
        remember(current.last, at, out);
      }
    },
    predict: (current, _at, arm) => current?.compare.mean[arm] ?? Number.NaN,
    describe: (current) => (current === undefined ? [] : estimatesOf(current.compare, current.best)),
    learn: recordReward(evidence as MomentsEvidence),
  };
  return policy as Policy;
};

/** `halfLife`: at least a second; undefined: nothing is forgotten. */
export function halfLife(options: Readonly<Record<string, unknown>>, path: string): number | undefined {
  return given(options, 'halfLife') ? duration(options, 'halfLife', { min: 1000 }, path) : undefined;
}

/** An input that allows every arm, for what is computed ahead of decisions. */
export function everyArm(arms: number): Parameters<typeof confidenceOf>[2] {
  return {
    arms,
    allowed: new Uint8Array(arms).fill(1),
    allowedCount: arms,
    context: new Float64Array(0),
    inflight: new Int32Array(arms),
    unitHash: 0,
    turn: 0,
    nowMs: 0,
  };
}
