import { type Moments, moments, W, WX } from '../learners/moments.ts';
import { given, number, rejectUnknown } from '../options.ts';
import type { Policy } from '../policy.ts';
import type { Factory } from '../registry.ts';
import { exp, log, sqrt } from '../stats/math.ts';
import { fillShares, fillUniform } from './distribution.ts';
import { halfLife } from './thompson.ts';

/** P of each arm while all are allowed, and the effective number of outcomes of each. */
export interface Exp3View {
  readonly p: Float64Array;
  readonly n: Float64Array;
}

/**
 * `{ kind: exp3, rate, gamma, halfLife }`: exponential weights over estimated losses, for rewards that nothing is assumed
 * of: an adversary may choose them. This is EXP3-IX (Neu, "Explore no more", NIPS 2015): the loss of the arm that was
 * drawn counts as loss / (propensity + γ), which keeps its sums bounded, additive, and honest about the true propensity,
 * guards included.
 *
 * - `rate` (default √(2 ln K / (K N)), N the effective number of outcomes): how fast losses count.
 * - `gamma` (default 0.05): implicit exploration; estimates are at most 1/γ.
 */
export const exp3: Factory<Policy> = (options, input) => {
  rejectUnknown(options, ['rate', 'gamma', 'halfLife'], input.path);
  const gamma = number(options, 'gamma', { min: 0.001, max: 1, default: 0.05 }, input.path);
  const fixedRate = given(options, 'rate')
    ? number(options, 'rate', { min: 1e-6, max: 10 }, input.path)
    : undefined;
  const [low, high] = input.range;
  const evidence = moments({ range: [0, 1 / gamma], centre: 0, halfLifeMs: halfLife(options, input.path) });

  const policy: Policy<Moments, Exp3View | undefined> = {
    name: 'exp3/1',
    evidence,
    additive: true,
    weighsPropensity: true,
    view: (own, others, at) => {
      const total = evidence.add(own, others);
      const fade = evidence.decayTo(total, at.nowMs);
      const arms = at.arms.length;
      const loss = Float64Array.from(at.arms, ({ key }) => (total.arms.get(key)?.[WX] ?? 0) * fade);
      const n = Float64Array.from(at.arms, ({ key }) => (total.arms.get(key)?.[W] ?? 0) * fade);
      const outcomes = n.reduce((sum, each) => sum + each, 0);
      const rate = fixedRate ?? sqrt((2 * log(Math.max(2, arms))) / (arms * Math.max(1, outcomes)));
      const least = loss.reduce((a, b) => Math.min(a, b), Infinity);
      const p = loss.map((each) => exp(-rate * (each - least)));
      const sum = p.reduce((a, b) => a + b, 0);
      return { p: p.map((each) => each / sum), n };
    },
    propose: (view, at, out) => {
      if (view === undefined || view.p.length !== at.arms) fillUniform(at, out);
      else fillShares(view.p, at, out);
      // Sums of losses over propensities say which arm to favour, not how sure one may be.
      out.confidence = Number.NaN;
    },
    learn: (own, outcome) => {
      const loss = Math.max(0, Math.min(1, (high - outcome.reward) / (high - low)));
      const estimate = loss / (outcome.propensity + gamma);
      if (Number.isFinite(estimate))
        evidence.record(own, outcome.armKey, estimate, outcome.sign * outcome.weight, outcome.atMs);
      return own;
    },
    describe: (view) =>
      view === undefined
        ? []
        : Array.from(view.p, (allocation, a) => ({
            allocation,
            mean: null,
            low: null,
            high: null,
            n: view.n[a],
          })),
  };
  return policy as Policy;
};
