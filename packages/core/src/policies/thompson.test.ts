import { describe, expect, it } from 'vitest';
import { type Moments, moments } from '../learners/moments.ts';
import type { Policy, Proposal, ViewInput } from '../policy.ts';
import type { FactoryInput } from '../registry.ts';
import { studentCdf } from '../stats/distributions.ts';
import { stream } from '../stats/random.ts';
import { memo } from './confidence.ts';
import { everyArm, type ThompsonView, thompson } from './thompson.ts';

type Thompson = Policy<Moments, ThompsonView>;
type Options = Readonly<Record<string, unknown>>;

const point = (ids: readonly string[], range: readonly [number, number] = [0, 1]): FactoryInput => ({
  point: 'p',
  arms: ids.map((id) => ({ id })),
  fields: [],
  range,
  path: 'policy',
});
const make = (options: Options, input: FactoryInput) =>
  thompson({ kind: 'thompson', ...options }, input) as Thompson;
const at = (ids: readonly string[], change: Partial<ViewInput> = {}): ViewInput => ({
  arms: ids.map((id) => ({ id, key: `${id}#0` })),
  nowMs: 0,
  baseline: undefined,
  margin: 0,
  seed: 0,
  ...change,
});
/** Evidence of `n` outcomes of an arm, `wins` of them 1 and the rest 0. */
const bernoulli = (arms: Readonly<Record<string, readonly [n: number, wins: number]>>, atMs = 0) => {
  const evidence = moments({ range: [0, 1] });
  const own = evidence.zero();
  for (const [key, [n, wins]] of Object.entries(arms))
    for (let i = 0; i < n; i++) evidence.record(own, key, i < wins ? 1 : 0, 1, atMs);
  return own;
};
const propose = (
  policy: Thompson,
  view: ThompsonView,
  arms: number,
  allowed?: readonly number[],
): Proposal => {
  const out = { p: new Float64Array(arms), confidence: 0 };
  const input = everyArm(arms);
  const mask = allowed === undefined ? input.allowed : Uint8Array.from(allowed);
  policy.propose(view, { ...input, allowed: mask, allowedCount: mask.reduce((a, b) => a + b, 0) }, out);
  return out;
};

describe('Thompson', () => {
  it('allocates P(arm is best): Beta(2,1) against Beta(1,1) is 2/3', () => {
    const policy = make({}, point(['a', 'b']));
    const view = policy.view(bernoulli({ 'a#0': [1, 1] }), policy.evidence.zero(), at(['a', 'b']), undefined);
    expect(propose(policy, view, 2).p[0]).toBeCloseTo(2 / 3, 4);
  });

  it('own and others’ evidence count alike, others’ as weighted', () => {
    const policy = make({}, point(['a', 'b']));
    const own = bernoulli({ 'a#0': [10, 4], 'b#0': [10, 6] });
    const others = bernoulli({ 'a#0': [40, 12], 'b#0': [20, 14] });
    const { evidence } = policy;
    const both = policy.view(own, evidence.scale(others, 0.5), at(['a', 'b']), undefined);
    const whole = policy.view(
      bernoulli({ 'a#0': [30, 10], 'b#0': [20, 13] }),
      evidence.zero(),
      at(['a', 'b']),
      undefined,
    );
    expect(propose(policy, both, 2).p[0]).toBeCloseTo(propose(policy, whole, 2).p[0], 9);
  });

  it('a Gaussian arm has the Student posterior of the conjugate prior (by hand, from the definition)', () => {
    const policy = make({ reward: 'gaussian' }, point(['a', 'b'], [0, 12]));
    const xs = [7, 8, 6.5, 9];
    const evidence = moments({ range: [0, 12] });
    const own = evidence.zero();
    for (const x of xs) evidence.record(own, 'a#0', x, 1, 0);
    // κ0 = 1, m0 = 6, ν0 = 3, σ0² = 144/12; b untried: t₃(6, √12).
    const mean = 7.625;
    const squares = xs.reduce((sum, x) => sum + (x - mean) ** 2, 0);
    const location = (6 + 4 * mean) / 5;
    const scale = Math.sqrt((3 * 12 + squares + (4 / 5) * (mean - 6) ** 2) / (7 * 5));
    // P(a > b) = ∫ f_a(x) F_b(x) dx, brute force.
    let p = 0;
    let mass = 0;
    for (let x = location - 400; x < location + 400; x += 0.01) {
      const f = (1 + ((x - location) / scale) ** 2 / 7) ** -4;
      mass += f;
      p += f * studentCdf((x - 6) / Math.sqrt(12), 3);
    }
    const view = policy.view(own, evidence.zero(), at(['a', 'b']), undefined);
    expect(propose(policy, view, 2).p[0]).toBeCloseTo(p / mass, 3);
  });

  it('restricted to some arms it keeps their proportions, and without mass it is even', () => {
    const policy = make({}, point(['a', 'b', 'c']));
    const own = bernoulli({ 'a#0': [1000, 900], 'b#0': [50, 20], 'c#0': [50, 24] });
    const view = policy.view(own, policy.evidence.zero(), at(['a', 'b', 'c']), undefined);
    const all = propose(policy, view, 3).p;
    const some = propose(policy, view, 3, [0, 1, 1]).p;
    expect(some[0]).toBe(0);
    if (all[1] + all[2] > 1e-200) expect(some[1] / some[2]).toBeCloseTo(all[1] / all[2], 6);
    const hopeless = { ...view, best: Float64Array.of(1, 0, 0), last: memo(3) };
    expect([...propose(policy, hopeless, 3, [0, 1, 1]).p]).toEqual([0, 0.5, 0.5]);
  });

  it('a warm start counts as outcomes, in the options’ units', () => {
    const cold = make({}, point(['a', 'b']));
    const warm = make({ prior: { a: { mean: 0.6, n: 10 } } }, point(['a', 'b']));
    const zero = cold.evidence.zero();
    const told = cold.view(bernoulli({ 'a#0': [10, 6] }), zero, at(['a', 'b']), undefined);
    const started = warm.view(zero, zero, at(['a', 'b']), undefined);
    expect(propose(warm, started, 2).p[0]).toBeCloseTo(propose(cold, told, 2).p[0], 9);
  });

  it('an arm removed and added again starts anew; one that moved in the list does not', () => {
    const policy = make({}, point(['a', 'b']));
    const own = bernoulli({ 'a#0': [200, 180], 'b#0': [200, 20] });
    const zero = policy.evidence.zero();
    const moved = at(['b', 'a']);
    expect(propose(policy, policy.view(own, zero, moved, undefined), 2).p[1]).toBeGreaterThan(0.99);
    const anew = {
      ...at(['a', 'b']),
      arms: [
        { id: 'a', key: 'a#1' },
        { id: 'b', key: 'b#0' },
      ],
    };
    // b at about 0.1 against an untried arm: P(uniform > 0.1) is about 0.9.
    expect(propose(policy, policy.view(own, zero, anew, undefined), 2).p[0]).toBeCloseTo(0.9, 1);
  });

  it('forgets: after many half-lives it knows as little as at the start', () => {
    const policy = make({ halfLife: '1m' }, point(['a', 'b']));
    const evidence = moments({ range: [0, 1], halfLifeMs: 60_000 });
    const own = evidence.zero();
    for (let i = 0; i < 1000; i++) evidence.record(own, i % 2 === 0 ? 'a#0' : 'b#0', i % 2, 1, 1e9);
    const p = (nowMs: number) =>
      propose(policy, policy.view(own, evidence.zero(), at(['a', 'b'], { nowMs }), undefined), 2).p[0];
    expect(p(1e9)).toBeLessThan(1e-6);
    expect(p(1e9 + 5 * 60_000)).toBeGreaterThan(p(1e9));
    expect(p(1e9 + 40 * 60_000)).toBeCloseTo(0.5, 3);
  });

  it('weights beyond one outcome add no certainty: 1/π for kept outcomes is not 1/π outcomes', () => {
    const policy = make({}, point(['a', 'b']));
    const evidence = moments({ range: [0, 1] });
    const [kept, all] = [evidence.zero(), evidence.zero()];
    for (let i = 0; i < 20; i++)
      for (const key of ['a#0', 'b#0']) {
        const x = i < (key === 'a#0' ? 12 : 8) ? 1 : 0;
        evidence.record(kept, key, x, 16, 0);
        evidence.record(all, key, x, 1, 0);
      }
    const p = (own: Moments) =>
      propose(policy, policy.view(own, evidence.zero(), at(['a', 'b']), undefined), 2).p[0];
    expect(p(kept)).toBeCloseTo(p(all), 9);
  });
});

describe('confidence', () => {
  const policy = make({}, point(['a', 'b']));
  const zero = policy.evidence.zero();
  const toB = Float64Array.of(0, 1);
  const confidence = (own: Moments, baseline: Float64Array | undefined, margin = 0) =>
    propose(policy, policy.view(own, zero, at(['a', 'b'], { baseline, margin }), undefined), 2).confidence;

  it('is NaN while the baseline or a proposed arm is untried, or without a fixed baseline', () => {
    expect(confidence(zero, toB)).toBeNaN();
    expect(confidence(bernoulli({ 'a#0': [5, 5] }), toB)).toBeNaN();
    expect(confidence(bernoulli({ 'b#0': [5, 5] }), toB)).toBeNaN();
    expect(confidence(bernoulli({ 'a#0': [5, 5], 'b#0': [5, 1] }), undefined)).toBeNaN();
    expect(confidence(bernoulli({ 'a#0': [5, 5], 'b#0': [5, 1] }), toB)).toBeGreaterThan(0.5);
  });

  it('rises with evidence, and with the margin', () => {
    const few = confidence(bernoulli({ 'a#0': [20, 12], 'b#0': [20, 10] }), toB);
    const many = confidence(bernoulli({ 'a#0': [2000, 1200], 'b#0': [2000, 1000] }), toB);
    expect(many).toBeGreaterThan(few);
    expect(many).toBeGreaterThan(0.999);
    const worse = bernoulli({ 'a#0': [500, 240], 'b#0': [500, 250] });
    expect(confidence(worse, toB, 0.05)).toBeGreaterThan(confidence(worse, toB, 0));
  });

  it('agrees with Monte Carlo over the posteriors', () => {
    const own = bernoulli({ 'a#0': [60, 33], 'b#0': [80, 40] });
    const view = policy.view(own, zero, at(['a', 'b'], { baseline: toB, margin: 0.01 }), undefined);
    const p = propose(policy, view, 2);
    const s = stream(9);
    const n = 40_000;
    let hits = 0;
    for (let i = 0; i < n; i++) {
      const [a, b] = [s.beta(34, 28), s.beta(41, 41)];
      if (p.p[0] * a + p.p[1] * b >= b - 0.01) hits++;
    }
    expect(Math.abs(p.confidence - hits / n)).toBeLessThan(0.015);
  });
});

describe('regret', () => {
  // Lai and Robbins (1985): no consistent policy has less than Σ Δ / KL(μ, μ*) · ln n in the limit. Chapelle and Li
  // ("An empirical evaluation of Thompson sampling", NIPS 2011, fig. 1) find Bernoulli Thompson at that slope, below UCB.
  it('on a Bernoulli bandit stays near the Lai–Robbins bound, and far below even shares', () => {
    const means = [0.5, 0.4, 0.4, 0.4, 0.4];
    const horizon = 20_000;
    const kl = 0.4 * Math.log(0.4 / 0.5) + 0.6 * Math.log(0.6 / 0.5);
    const bound = ((means.length - 1) * 0.1 * Math.log(horizon)) / kl;
    const ids = ['a', 'b', 'c', 'd', 'e'];
    let total = 0;
    const runs = 6;
    for (let run = 0; run < runs; run++) {
      const bandit = make({}, point(ids));
      const s = stream(1000 + run);
      const own = bandit.evidence.zero();
      const evidence = moments({ range: [0, 1] });
      let view = bandit.view(own, bandit.evidence.zero(), at(ids), undefined);
      let since = 0;
      for (let t = 1; t <= horizon; t++) {
        let u = s.next();
        let arm = 0;
        while (arm < 4 && u >= view.best[arm]) u -= view.best[arm++];
        evidence.record(own, `${ids[arm]}#0`, s.next() < means[arm] ? 1 : 0, 1, 0);
        total += means[0] - means[arm];
        // Recomputed when evidence has grown by 2 %, as a node would, not after every outcome.
        if (++since >= t / 50) {
          view = bandit.view(own, bandit.evidence.zero(), at(ids), undefined);
          since = 0;
        }
      }
    }
    const regret = total / runs;
    expect(regret).toBeGreaterThan(0.3 * bound);
    expect(regret).toBeLessThan(1.3 * bound);
    expect(regret).toBeLessThan((0.08 * horizon) / 5);
  });
});

describe('options', () => {
  it.each<[Options, string]>([
    [{ reward: 'poisson' }, 'policy.reward'],
    [{ halfLife: '10x' }, 'policy.halfLife'],
    [{ halfLife: 10 }, 'policy.halfLife'],
    [{ halflife: '1m' }, 'policy.halflife'],
    [{ prior: { z: { mean: 0, n: 1 } } }, 'policy.prior.z'],
    [{ prior: { a: { mean: 2, n: 1 } } }, 'policy.prior.a.mean'],
    [{ prior: { a: { mean: 0.5 } } }, 'policy.prior.a.n'],
    [{ prior: { a: { mean: 0.5, n: 1, m: 2 } } }, 'policy.prior.a.m'],
    [{ prior: [1] }, 'policy.prior'],
  ])('%j is refused at %s', (options, field) => {
    expect(() => make(options, point(['a', 'b']))).toThrow(
      expect.objectContaining({ code: 'invalid_spec', field, mend: expect.stringMatching(/./) }),
    );
  });
});
