import { describe, expect, it } from 'vitest';
import { encoding } from '../learners/encoding.ts';
import { drawDeviation } from '../learners/linear-posterior.ts';
import type { Policy, PolicyInput, Proposal, ViewInput } from '../policy.ts';
import type { FactoryInput } from '../registry.ts';
import { type Stream, stream } from '../stats/random.ts';
import { byContext } from './by-context.ts';
import { epsilonGreedy } from './epsilon-greedy.ts';
import { policies } from './index.ts';
import { linUcb } from './lin-ucb.ts';
import type { RatedView } from './rated.ts';
import { squareCb } from './square-cb.ts';

const fields: FactoryInput['fields'] = ['u', 'v', 'w'].map((name) => ({
  name,
  type: 'number' as const,
  min: -1,
  max: 1,
  required: true,
}));
const IDS = ['a', 'b', 'c', 'd'];
const D = 4;
const point: FactoryInput = {
  point: 'p',
  arms: IDS.map((id) => ({ id })),
  fields,
  range: [0, 1],
  path: 'policy',
  policies,
};
const at: ViewInput = {
  arms: IDS.map((id) => ({ id, key: `${id}#0` })),
  nowMs: 0,
  baseline: Float64Array.of(0, 0, 1, 0),
  margin: 0,
  seed: 1,
};

interface Seen {
  readonly arm: number;
  readonly context: Float64Array;
  readonly reward: number;
}

const contextOf = (random: Stream): Float64Array => Float64Array.from(fields, () => 2 * random.next() - 1);

/** Arm k pays where feature k mod 3 is high, with probability by the logistic function of it. */
const chance = (arm: number, context: Float64Array): number =>
  1 / (1 + Math.exp(-2 * context[arm % 3] - arm / 4));

function world(random: Stream, n: number): Seen[] {
  return Array.from({ length: n }, () => {
    const arm = random.integer(4);
    const context = contextOf(random);
    return { arm, context, reward: random.next() < chance(arm, context) ? 1 : 0 };
  });
}

function viewOf(policy: Policy, seen: readonly Seen[]): unknown {
  let own = policy.evidence.zero();
  for (const { arm, context, reward } of seen)
    own = policy.learn(own, {
      arm,
      armKey: `${IDS[arm]}#0`,
      reward,
      propensity: 0.25,
      weight: 1,
      sign: 1,
      atMs: 0,
      context,
      metrics: {},
    });
  return policy.view(own, policy.evidence.zero(), at, undefined);
}

function proposed(policy: Policy, view: unknown, context: Float64Array, allowed = [1, 1, 1, 1]): Proposal {
  const input: PolicyInput = {
    arms: 4,
    allowed: Uint8Array.from(allowed),
    allowedCount: allowed.reduce((sum, one) => sum + one, 0),
    context,
    inflight: new Int32Array(4),
    unitHash: 0,
    turn: 0,
    nowMs: 0,
  };
  const out = { p: new Float64Array(4), confidence: Number.NaN };
  policy.propose(view, input, out);
  return out;
}

/** Gauss–Jordan on plain arrays, for matrices that need no pivoting. */
function inverted(matrix: readonly (readonly number[])[]): number[][] {
  const rows = matrix.map((row, i) => [...row, ...row.map((_, j): number => (i === j ? 1 : 0))]);
  for (let i = 0; i < rows.length; i++) {
    const pivot = rows[i][i];
    rows[i] = rows[i].map((value) => value / pivot);
    for (let k = 0; k < rows.length; k++)
      if (k !== i) rows[k] = rows[k].map((value, j) => value - rows[k][i] * rows[i][j]);
  }
  return rows.map((row) => row.slice(matrix.length));
}

/** Ridge regression of y = reward − ½ by its definition. */
function ridge(seen: readonly Seen[], arm: number): { theta: number[]; inverse: number[][] } {
  const xs = seen
    .filter((one) => one.arm === arm)
    .map(({ context, reward }) => ({ x: [1, ...context], reward }));
  const all = Array.from({ length: D }, (_, i) => i);
  const inverse = inverted(
    all.map((i) => all.map((j) => xs.reduce((sum, { x }) => sum + x[i] * x[j], i === j ? 1 : 0))),
  );
  const b = all.map((i) => xs.reduce((sum, { x, reward }) => sum + x[i] * (reward - 0.5), 0));
  return { inverse, theta: inverse.map((row) => along(row, b)) };
}

const along = (theta: readonly number[], x: readonly number[]): number =>
  theta.reduce((sum, value, i) => sum + value * x[i], 0);

describe('LinUCB', () => {
  it('takes the arm that the published rule takes, whatever bounds it did not compute', () => {
    const random = stream(1);
    for (const n of [0, 10, 300, 5000]) {
      const seen = world(random, n);
      const policy = linUcb({ kind: 'lin-ucb', alpha: 0.7 }, point);
      const view = viewOf(policy, seen);
      const models = IDS.map((_, arm) => ridge(seen, arm));
      for (let i = 0; i < 200; i++) {
        const context = contextOf(random);
        const x = [1, ...context];
        const upper = models.map(
          ({ theta, inverse }) =>
            along(theta, x) +
            0.7 *
              Math.sqrt(
                along(
                  inverse.map((row) => along(row, x)),
                  x,
                ),
              ),
        );
        const best = Math.max(...upper);
        const ties = upper.filter((value) => value > best - 1e-9).length;
        const { p } = proposed(policy, view, context);
        if (ties === 1) expect(p[upper.indexOf(best)]).toBe(1);
        else expect([...p]).toEqual(upper.map((value) => (value > best - 1e-9 ? 1 / ties : 0)));
      }
    }
  });
});

describe('SquareCB', () => {
  it('weighs by inverse gaps, as published', () => {
    const random = stream(2);
    const seen = world(random, 400);
    const policy = squareCb({ kind: 'square-cb', gamma: 3, exponent: 0.5 }, point);
    const view = viewOf(policy, seen);
    const models = IDS.map((_, arm) => ridge(seen, arm));
    for (let i = 0; i < 100; i++) {
      const context = contextOf(random);
      const value = models.map(({ theta }) => along(theta, [1, ...context]));
      const { p } = proposed(policy, view, context, [1, 1, 0, 1]);
      const best = [0, 1, 3].reduce((a, b) => (value[b] > value[a] ? b : a));
      for (const arm of [0, 1, 3])
        if (arm !== best)
          expect(p[arm]).toBeCloseTo(1 / (3 + 3 * Math.sqrt(400) * (value[best] - value[arm])), 9);
      expect(p[2]).toBe(0);
      expect(p[best]).toBeGreaterThan(1 / 3 - 1e-9);
    }
  });
});

describe('ε-greedy in context', () => {
  it('tries every arm first, then is greedy about the one that this context is for', () => {
    const policy = epsilonGreedy({ kind: 'epsilon-greedy', model: 'linear', epsilon: 0.2 }, point);
    const random = stream(3);
    const some = viewOf(
      policy,
      world(random, 200).filter(({ arm }) => arm !== 2),
    );
    const first = proposed(policy, some, Float64Array.of(0, 0, 0));
    expect([...first.p].map((p) => Number(p.toFixed(6)))).toEqual([0.05, 0.05, 0.85, 0.05]);
    expect(first.confidence).toBeNaN();
    const much = viewOf(policy, world(random, 4000));
    const { p, confidence } = proposed(policy, much, Float64Array.of(-1, 1, -1));
    expect(p[1]).toBeCloseTo(0.85, 12);
    expect(confidence).toBeGreaterThan(0.999);
    // The baseline is the best arm here: the share that explores makes the proposal worse, and it says so.
    expect(proposed(policy, much, Float64Array.of(-1, -1, 1)).confidence).toBeLessThan(0.05);
  });

  it('with a logistic model, predicts within reach of the maximum of the true likelihood, and inside the range', () => {
    const random = stream(4);
    const seen = world(random, 3000);
    const exact = IDS.map((_, arm) => newton(seen.filter((one) => one.arm === arm)));
    const policy = epsilonGreedy({ kind: 'epsilon-greedy', model: 'logistic' }, point);
    const view = viewOf(policy, seen) as { value: Float64Array };
    let ours = 0;
    let best = 0;
    for (let i = 0; i < 500; i++) {
      const context = contextOf(random);
      proposed(policy, view, context);
      for (let arm = 0; arm < 4; arm++) {
        const truth = chance(arm, context);
        expect(Math.abs(view.value[arm])).toBeLessThan(0.5);
        ours += (view.value[arm] + 0.5 - truth) ** 2 / 2000;
        best += (1 / (1 + Math.exp(-along(exact[arm], [1, ...context]))) - truth) ** 2 / 2000;
      }
    }
    expect(Math.sqrt(ours)).toBeLessThan(1.2 * Math.sqrt(best));
  });
});

/** The maximum of the true logistic likelihood with a ridge of 1, by Newton's method. */
function newton(seen: readonly Seen[]): number[] {
  let theta = new Array<number>(D).fill(0);
  for (let step = 0; step < 25; step++) {
    const gradient = theta.map((value) => -value);
    const weighted = seen.map(({ context, reward }) => {
      const x = [1, ...context];
      const p = 1 / (1 + Math.exp(-along(theta, x)));
      x.forEach((value, i) => {
        gradient[i] += (reward - p) * value;
      });
      return { x, w: p * (1 - p) };
    });
    const hessian = inverted(
      theta.map((_, i) =>
        theta.map((__, j) => weighted.reduce((sum, { x, w }) => sum + w * x[i] * x[j], i === j ? 1 : 0)),
      ),
    );
    theta = theta.map((value, i) => value + along(hessian[i], gradient));
  }
  return theta;
}

describe('confidence', () => {
  it.each([
    ['a model for each arm', {}],
    [
      'one model for all',
      {
        armFeatures: { tall: { type: 'number', min: 0, max: 1 } },
        interactions: [
          ['tall', 'u'],
          ['tall', 'v'],
        ],
      },
    ],
  ])('is the probability, under the posterior, that the proposal is worth the baseline: %s', (_, model) => {
    const random = stream(6);
    const arms = IDS.map((id, i) => ({ id, features: { tall: i / 3 } }));
    const policy = squareCb({ kind: 'square-cb', ...model }, { ...point, arms });
    const seen = { arms: arms.map((arm) => ({ ...arm, key: `${arm.id}#0` })), margin: 0.03 };
    let own = policy.evidence.zero();
    for (const { arm, context, reward } of world(random, 150))
      own = policy.learn(own, {
        arm,
        armKey: `${IDS[arm]}#0`,
        reward,
        propensity: 0.25,
        weight: 1,
        sign: 1,
        atMs: 0,
        context,
        metrics: {},
      });
    const view = policy.view(own, policy.evidence.zero(), { ...at, ...seen }, undefined) as RatedView;
    const { posteriors, shared, columns, dimension } = view.reading;
    const encoded = encoding(model, { ...point, arms });
    for (let i = 0; i < 20; i++) {
      const context = contextOf(random);
      const { p, confidence } = proposed(policy, view, context);
      const x = new Float64Array(dimension);
      encoded.context(context, x);
      let wins = 0;
      const draws = 4000;
      const delta = new Float64Array(dimension);
      for (let k = 0; k < draws; k++) {
        let gain = 0.03;
        if (shared) drawDeviation(posteriors[0], random, delta);
        for (let a = 0; a < 4; a++) {
          if (!shared) drawDeviation(posteriors[a], random, delta);
          encoded.joint(columns[a], x);
          const value = x.reduce((sum, each, j) => sum + each * (posteriors[a].theta[j] + delta[j]), 0);
          gain += (p[a] - (a === 2 ? 1 : 0)) * value;
        }
        if (gain >= 0) wins++;
      }
      // The normal stands for Student's t of some forty outcomes; arms within 5 % of the baseline's share add no variance.
      expect(Math.abs(confidence - wins / draws)).toBeLessThan(0.05);
    }
  });
});

describe('a policy for each context', () => {
  const rules = [
    { when: { u: { min: 0 } }, policy: { kind: 'epsilon-greedy', epsilon: 0.4 } },
    { policy: { kind: 'epsilon-greedy', epsilon: 0.04 } },
  ];
  const evening = Float64Array.of(0.5, 0, 0);
  const morning = Float64Array.of(-0.5, 0, 0);
  const outcome = (arm: number, context: Float64Array): Seen => ({ arm, context, reward: arm === 1 ? 1 : 0 });

  it('explores where its rule says so, and learns from its own contexts', () => {
    const policy = byContext({ kind: 'by-context', rules }, point);
    const view = viewOf(
      policy,
      IDS.map((_, arm) => outcome(arm, evening)),
    );
    expect([...proposed(policy, view, evening).p].map((p) => Number(p.toFixed(6)))).toEqual([
      0.1, 0.7, 0.1, 0.1,
    ]);
    // In the morning nothing was tried yet.
    expect([...proposed(policy, view, morning).p]).toEqual([0.25, 0.25, 0.25, 0.25]);
  });

  it('or from all of them', () => {
    const policy = byContext({ kind: 'by-context', rules, learn: 'all' }, point);
    const view = viewOf(
      policy,
      IDS.map((_, arm) => outcome(arm, evening)),
    );
    expect([...proposed(policy, view, morning).p].map((p) => Number(p.toFixed(6)))).toEqual([
      0.01, 0.97, 0.01, 0.01,
    ]);
    expect(policy.describe!(view, 4)[1]).toMatchObject({ allocation: null, n: 1 });
  });

  it.each([
    ['policy.rules', { rules: rules.slice(0, 1) }],
    ['policy.rules[0].policy.kind', { rules: [{ policy: { kind: 'by-context', rules } }] }],
    ['policy.rules[0].policy.kind', { rules: [{ policy: { kind: 'nonsense' } }] }],
    ['policy.rules[0].policy.epsilon', { rules: [{ policy: { kind: 'epsilon-greedy', epsilon: 3 } }] }],
    [
      'policy.rules[0].when.nowhere',
      { rules: [{ when: { nowhere: 1 }, policy: rules[0].policy }, rules[1]] },
    ],
  ])('%s that is wrong is refused', (field, options) => {
    expect(() => byContext({ kind: 'by-context', ...options }, point)).toThrow(
      expect.objectContaining({ field }),
    );
  });
});
