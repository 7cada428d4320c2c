import { type Moments, moments } from '../learners/moments.ts';
import type { Options } from '../options.ts';
import type { Policy, PolicyInput, ViewInput } from '../policy.ts';
import type { FactoryInput } from '../registry.ts';
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
import { fillUniform } from './distribution.ts';
import { gaussianPosterior, type Seen, seenBy, warmById, warmStarts } from './posterior.ts';
import { everyArm, halfLife } from './thompson.ts';
import { recordReward } from './unlearned.ts';

/** A policy that gives every arm a number, from its mean and count alone, and then goes by these numbers. */
export interface IndexRule {
  /** Name and version, such as `ucb1/1`. */
  readonly name: string;
  /** The number of each arm. Off the decide path. */
  index(seen: Seen): Float64Array;
  /** Fills `p` from the numbers. Allocates nothing. */
  fill(index: Float64Array, at: PolicyInput, p: Float64Array): void;
}

/** Its numbers, and what it takes to judge the proposal. */
export interface IndexView {
  readonly index: Float64Array;
  readonly compare: Comparison;
  /** Confidence while every arm is allowed; the usual case, so computed once. */
  readonly confidence: number;
  readonly last: Memo;
}

/** The policy of a rule, with options `halfLife` and `prior` as the others have them. */
export function indexed(options: Options, input: FactoryInput, rule: IndexRule): Policy {
  const evidence = moments({ range: input.range, halfLifeMs: halfLife(options, input.path) });
  const warm = warmById(input, warmStarts(options, input));

  const view = (own: Moments, others: Moments, at: ViewInput): IndexView => {
    const seen = seenBy(evidence, evidence.add(own, others), at, warm);
    const index = rule.index(seen);
    const compare = comparison(gaussianPosterior(seen, input.range), seen.outcomes, at);
    const all = everyArm(at.arms.length);
    const p = new Float64Array(at.arms.length);
    rule.fill(index, all, p);
    return { index, compare, confidence: confidenceOf(compare, p, all), last: memo(p.length) };
  };

  const policy: Policy<Moments, IndexView | undefined> = {
    name: rule.name,
    evidence,
    additive: true,
    learnsReward: evidence,
    view,
    propose: (current, at, out) => {
      if (current === undefined || current.index.length !== at.arms) {
        fillUniform(at, out);
        out.confidence = Number.NaN;
      } else if (at.allowedCount === at.arms) {
        rule.fill(current.index, at, out.p);
        out.confidence = current.confidence;
      } else if (!recall(current.last, at, out)) {
        rule.fill(current.index, at, out.p);
        out.confidence = confidenceOf(current.compare, out.p, at);
        remember(current.last, at, out);
      }
    },
    predict: (current, _at, arm) => current?.compare.mean[arm] ?? Number.NaN,
    describe: (current) => {
      if (current === undefined) return [];
      const p = new Float64Array(current.index.length);
      rule.fill(current.index, everyArm(p.length), p);
      return estimatesOf(current.compare, p);
    },
    learn: recordReward(evidence),
  };
  return policy as Policy;
}

/**
 * ε over all allowed arms, and the rest on the highest index; arms that tie there share it evenly, so the propensity is
 * exact: ε / allowed + (1 − ε) / ties.
 */
export function fillGreedy(index: Float64Array, epsilon: number, at: PolicyInput, p: Float64Array): void {
  let best = -Infinity;
  let ties = 0;
  for (let a = 0; a < at.arms; a++) {
    if (at.allowed[a] === 0 || index[a] < best) continue;
    ties = index[a] > best ? 1 : ties + 1;
    best = index[a];
  }
  const each = epsilon / at.allowedCount;
  const greedy = each + (1 - epsilon) / ties;
  for (let a = 0; a < at.arms; a++) p[a] = at.allowed[a] === 0 ? 0 : index[a] === best ? greedy : each;
}
