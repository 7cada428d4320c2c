import { describe, expect, it } from 'vitest';
import type { Policy, ViewInput } from '../policy.ts';
import type { FactoryInput } from '../registry.ts';
import { exp3 } from './exp3.ts';
import { klBound, klUcb } from './kl-ucb.ts';
import { softmax } from './softmax.ts';
import { everyArm } from './thompson.ts';
import { ucb1 } from './ucb1.ts';

const IDS = ['a', 'b', 'c'];
const point: FactoryInput = {
  point: 'p',
  arms: IDS.map((id) => ({ id })),
  fields: [],
  range: [0, 1],
  path: 'policy',
};
const at: ViewInput = {
  arms: IDS.map((id) => ({ id, key: `${id}#0` })),
  nowMs: 0,
  baseline: undefined,
  margin: 0,
  seed: 1,
};

/** The proposal after outcomes `[arm, reward, propensity]`. */
function after(policy: Policy, seen: readonly (readonly [number, number, number])[], allowed?: number[]) {
  let own = policy.evidence.zero();
  for (const [arm, reward, propensity] of seen)
    own = policy.learn(own, {
      arm,
      armKey: `${IDS[arm]}#0`,
      reward,
      propensity,
      weight: 1,
      sign: 1,
      atMs: 0,
      context: new Float64Array(0),
      metrics: {},
    });
  const out = { p: new Float64Array(3), confidence: Number.NaN };
  const input = everyArm(3);
  const mask = Uint8Array.from(allowed ?? [1, 1, 1]);
  policy.propose(
    policy.view(own, policy.evidence.zero(), at, undefined),
    { ...input, allowed: mask, allowedCount: mask.reduce((sum, one) => sum + one, 0) },
    out,
  );
  return [...out.p];
}

/** `n` outcomes of an arm with this mean. */
const many = (arm: number, n: number, mean: number): [number, number, number][] =>
  Array.from({ length: n }, () => [arm, mean, 1 / 3]);

describe('UCB1', () => {
  it('tries every arm first, then adds √(2 ln N / n) to the mean', () => {
    const policy = ucb1({ kind: 'ucb1' }, point);
    expect(after(policy, [])).toEqual([1 / 3, 1 / 3, 1 / 3]);
    expect(after(policy, many(1, 5, 1))).toEqual([0.5, 0, 0.5]);
    // N = 120: bounds .5 + .3095, .45 + .5355 and .6 + .3569.
    expect(after(policy, [...many(0, 100, 0.5), ...many(1, 20, 0.45), ...many(2, 0, 0)])).toEqual([0, 0, 1]);
    expect(after(policy, [...many(0, 70, 0.5), ...many(1, 20, 0.45), ...many(2, 30, 0.3)])).toEqual([
      0, 1, 0,
    ]);
  });
});

describe('KL-UCB', () => {
  it('bounds a coin as the divergence says', () => {
    // kl(0, q) = −ln(1 − q); kl(p, q) of a fair coin is −½ ln(4 q (1 − q)).
    expect(klBound(0, 0.1)).toBeCloseTo(1 - Math.exp(-0.1), 12);
    expect(klBound(0.5, 0.1)).toBeCloseTo(0.5 + 0.5 * Math.sqrt(1 - Math.exp(-0.2)), 12);
    expect(klBound(1, 5)).toBe(1);
    expect(klBound(0.3, 0)).toBeCloseTo(0.3, 6);
  });

  it('takes the arm that could be best', () => {
    const policy = klUcb({ kind: 'kl-ucb' }, point);
    const seen = [...many(0, 50, 0.02), ...many(1, 50, 0.05), ...many(2, 50, 0.3)];
    expect(after(policy, seen)).toEqual([0, 0, 1]);
    expect(after(policy, seen, [1, 1, 0])).toEqual([0, 1, 0]);
  });
});

describe('softmax', () => {
  it('is proportional to exp(mean / temperature), over the arms that are allowed', () => {
    const policy = softmax({ kind: 'softmax', temperature: 0.5 }, point);
    const seen = [...many(0, 5, 0.2), ...many(1, 9, 0.7), ...many(2, 2, 0.4)];
    const e = [0.2, 0.7, 0.4].map((mean) => Math.exp(mean / 0.5));
    const sum = e[0] + e[1] + e[2];
    after(policy, seen).forEach((p, a) => {
      expect(p).toBeCloseTo(e[a] / sum, 12);
    });
    expect(after(policy, seen, [1, 1, 0])[0]).toBeCloseTo(e[0] / (e[0] + e[1]), 12);
  });
});

describe('EXP3-IX', () => {
  it('weighs by estimated losses over propensities, implicit exploration included', () => {
    const policy = exp3({ kind: 'exp3', rate: 0.1, gamma: 0.05 }, point);
    const seen: [number, number, number][] = [
      [0, 0.2, 0.5],
      [0, 1, 0.1],
      [1, 0, 0.25],
    ];
    const losses = [0.8 / 0.55, 1 / 0.3, 0];
    const e = losses.map((loss) => Math.exp(-0.1 * loss));
    const sum = e[0] + e[1] + e[2];
    after(policy, seen).forEach((p, a) => {
      expect(p).toBeCloseTo(e[a] / sum, 12);
    });
  });

  it('a propensity that is not known teaches nothing', () => {
    const policy = exp3({ kind: 'exp3' }, point);
    expect(after(policy, [[0, 0, Number.NaN]])).toEqual([1 / 3, 1 / 3, 1 / 3]);
  });
});
