import { type Moments, moments } from '../learners/moments.ts';
import { rejectUnknown, share } from '../options.ts';
import type { Policy, PolicyInput, ViewInput } from '../policy.ts';
import type { Factory } from '../registry.ts';
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
import { gaussianPosterior, seenBy, warmById, warmStarts } from './posterior.ts';
import { everyArm, halfLife } from './thompson.ts';
import { recordReward } from './unlearned.ts';

/** Means to be greedy about. */
export interface GreedyView {
  /** Mean reward seen, by arm; +∞ for an arm never tried, so that each is tried first. */
  readonly value: Float64Array;
  readonly compare: Comparison;
  readonly confidence: number;
  readonly last: Memo;
}

/**
 * `{ kind: epsilon-greedy, epsilon, halfLife, prior }`: the best arm seen so far, and with probability ε (default 10 %)
 * any allowed arm. Arms with equal means share the greedy part evenly, so the propensity is exact:
 * ε / allowed + (1 − ε) / ties.
 */
export const epsilonGreedy: Factory<Policy> = (options, input) => {
  rejectUnknown(options, ['epsilon', 'halfLife', 'prior'], input.path);
  const epsilon = share(options, 'epsilon', { default: 0.1 }, input.path);
  const evidence = moments({ range: input.range, halfLifeMs: halfLife(options, input.path) });
  const warm = warmById(input, warmStarts(options, input));

  const fill = (value: Float64Array, at: PolicyInput, p: Float64Array): void => {
    let best = -Infinity;
    let ties = 0;
    for (let a = 0; a < at.arms; a++) {
      if (at.allowed[a] === 0 || value[a] < best) continue;
      ties = value[a] > best ? 1 : ties + 1;
      best = value[a];
    }
    const each = epsilon / at.allowedCount;
    const greedy = each + (1 - epsilon) / ties;
    for (let a = 0; a < at.arms; a++) p[a] = at.allowed[a] === 0 ? 0 : value[a] === best ? greedy : each;
  };

  const view = (own: Moments, others: Moments, at: ViewInput): GreedyView => {
    const seen = seenBy(evidence, evidence.add(own, others), at, warm);
    const value = seen.mean.map((mean, a) => (seen.n[a] > 0 ? mean : Infinity));
    const compare = comparison(gaussianPosterior(seen, input.range), seen.outcomes, at);
    const all = everyArm(at.arms.length);
    const p = new Float64Array(at.arms.length);
    fill(value, all, p);
    return { value, compare, confidence: confidenceOf(compare, p, all), last: memo(p.length) };
  };

  const policy: Policy<Moments, GreedyView | undefined> = {
    name: 'epsilon-greedy/1',
    evidence,
    additive: true,
    view,
    propose: (current, at, out) => {
      if (current === undefined || current.value.length !== at.arms) {
        fillUniform(at, out);
        out.confidence = Number.NaN;
        return;
      }
      if (at.allowedCount === at.arms) {
        fill(current.value, at, out.p);
        out.confidence = current.confidence;
      } else if (!recall(current.last, at, out)) {
        fill(current.value, at, out.p);
        out.confidence = confidenceOf(current.compare, out.p, at);
        remember(current.last, at, out);
      }
    },
    describe: (current) => {
      if (current === undefined) return [];
      const p = new Float64Array(current.value.length);
      fill(current.value, everyArm(p.length), p);
      return estimatesOf(current.compare, p);
    },
    learn: recordReward(evidence),
  };
  return policy as Policy;
};
