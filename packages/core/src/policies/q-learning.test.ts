import { describe, expect, test } from 'vitest';
import { transitions, type Visit } from '../learners/transitions.ts';
import type { Policy, PolicyInput, ViewInput } from '../policy.ts';
import type { FactoryInput } from '../registry.ts';
import { type Stream, stream } from '../stats/random.ts';
import { policies } from './index.ts';
import { type Horizon, pointValues, sampledValues } from './q-values.ts';

const arms = ['a', 'b'].map((id) => ({ id, key: `${id}#0` }));
const view: ViewInput = { arms, nowMs: 0, baseline: undefined, margin: 0, seed: 3 };
const range = [-1, 1] as const;

interface Transition {
  readonly state: number;
  readonly arm: number;
  readonly reward: number;
  /** −1: the end. */
  readonly to: number;
}

/** Episodes of a random walk in a random process of three states. */
function episodes(random: Stream, count: number): Transition[][] {
  const chance = Array.from({ length: 6 }, () => [random.next(), random.next()]);
  return Array.from({ length: count }, () => {
    const path: Transition[] = [];
    for (let state = random.integer(3); state >= 0 && path.length < 30; ) {
      const arm = random.integer(2);
      const [stay, end] = chance[2 * state + arm];
      const to = random.next() < end * 0.4 ? -1 : random.next() < stay ? state : (state + 1) % 3;
      path.push({ state, arm, reward: 2 * random.next() - 1, to });
      state = to;
    }
    return path;
  });
}

const evidence = transitions({ states: 3, steps: 1, range });

function learned(paths: readonly Transition[][]) {
  const own = evidence.zero();
  paths.forEach((path, e) => {
    const before: Visit[] = [];
    path.forEach(({ state, arm, reward, to }) => {
      const visit = { state, armKey: arms[arm].key };
      const half = (e % 2) as 0 | 1;
      evidence.record(own, { ...visit, half, reward, weight: 1, atMs: 0, done: to < 0, before: [...before] });
      before.unshift(visit);
    });
  });
  return own;
}

describe('values', () => {
  test('are where Q-learning ends up that replays the same transitions until nothing moves', () => {
    const random = stream(11);
    const gamma = 0.8;
    // Paths that were cut off teach no transition there, as in the statistics.
    const paths = episodes(random, 40).filter((path) => path.at(-1)!.to < 0);
    const horizon: Horizon = { gamma, horizon: Infinity, range };
    const q = pointValues(evidence, learned(paths), view, horizon, 0.3, false);
    // Watkins' update at rate 1 / visits is the mean of the targets; what was never tried counts as one target of 0.3.
    const seen = paths.flat();
    const table = new Float64Array(6);
    for (let sweep = 0; sweep < 400; sweep++) {
      const sums = new Float64Array(6).fill(0.3);
      const visits = new Float64Array(6).fill(1);
      for (const { state, arm, reward, to } of seen) {
        const next = to < 0 ? 0 : Math.max(table[2 * to], table[2 * to + 1]);
        sums[2 * state + arm] += reward + gamma * next;
        visits[2 * state + arm]++;
      }
      for (let i = 0; i < 6; i++) table[i] = sums[i] / visits[i];
    }
    for (let i = 0; i < 6; i++) expect(q[i]).toBeCloseTo(table[i], 5);
  });

  test('of double estimates do not take luck for worth: all arms pay the same, and Q says so', () => {
    const bias = { single: 0, double: 0 };
    const horizon: Horizon = { gamma: 0.9, horizon: Infinity, range };
    for (let seed = 0; seed < 300; seed++) {
      const random = stream(seed, 1);
      // From 0 to 1 for sure; there ten lotteries of mean 0 would do, two with few tries suffice.
      const paths = Array.from({ length: 16 }, (): Transition[] => [
        { state: 0, arm: 0, reward: 0, to: 1 },
        { state: 1, arm: random.integer(2), reward: random.integer(2) * 2 - 1, to: -1 },
      ]);
      for (const kind of ['single', 'double'] as const)
        bias[kind] += pointValues(evidence, learned(paths), view, horizon, 0, kind === 'double')[0] / 300;
    }
    expect(bias.single).toBeGreaterThan(0.12);
    expect(Math.abs(bias.double)).toBeLessThan(0.03);
  });

  test('sampled from what is known close in on it, and are wide where nothing is', () => {
    const random = stream(5);
    const horizon: Horizon = { gamma: 0.5, horizon: Infinity, range };
    const own = learned(episodes(random, 4000));
    const point = pointValues(evidence, own, view, horizon, 0, false);
    const spread = (of: ReturnType<typeof learned>) => {
      const bank = sampledValues(evidence, of, view, horizon, 64);
      return Array.from({ length: 6 }, (_, i) => {
        const values = bank.map((q) => q[i]);
        const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
        return {
          mean,
          sd: Math.sqrt(values.reduce((sum, each) => sum + (each - mean) ** 2, 0) / values.length),
        };
      });
    };
    spread(own).forEach(({ mean, sd }, i) => {
      expect(Math.abs(mean - point[i])).toBeLessThan(0.05);
      expect(sd).toBeLessThan(0.1);
    });
    for (const { sd } of spread(evidence.zero())) expect(sd).toBeGreaterThan(0.5);
  });
});

const input: FactoryInput = {
  point: 'p',
  arms: [{ id: 'a' }, { id: 'b' }],
  fields: [{ name: 'at', type: 'number', min: 0, max: 2 }],
  range,
  path: 'policy',
};

const ask = (state: number): PolicyInput => ({
  arms: 2,
  allowed: Uint8Array.of(1, 1),
  allowedCount: 2,
  context: Float64Array.of(state),
  inflight: new Int32Array(2),
  unitHash: 0,
  turn: 0,
  nowMs: 0,
});

/** A policy that has seen that `b` in state 0 leads to 1 and a reward there, and `a` to a small reward at once. */
function taught(options: object): { policy: Policy; current: unknown } {
  const policy = policies['q-learning']({ kind: 'q-learning', state: ['at'], ...options }, input);
  let own = policy.evidence.zero();
  const learn = (state: number, arm: number, reward: number, noted: number[], done: boolean) => {
    own = policy.learn(own, {
      arm,
      armKey: arms[arm].key,
      armKeys: arms.map(({ key }) => key),
      reward,
      propensity: 0.5,
      weight: 1,
      sign: 1,
      atMs: 0,
      context: Float64Array.of(state),
      metrics: { done: done ? 1 : 0 },
      noted,
    });
  };
  for (let e = 0; e < 200; e++) {
    if (e % 2 === 0) learn(0, 0, 0.2, [e, 0], true);
    else {
      learn(0, 1, 0, [e, 0], false);
      learn(1, e % 4 === 1 ? 0 : 1, e % 4 === 1 ? 1 : -1, [e, 1, 0, 1], true);
    }
  }
  return { policy, current: policy.view(own, policy.evidence.zero(), view, undefined) };
}

test.each([
  [{ epsilon: 0.1 }, 0.95],
  [{ explore: 'posterior' }, 0.8],
  [{ explore: 'softmax', temperature: 0.05 }, 0.99],
])('%j looks beyond the next reward, with a true probability', (options, least) => {
  const { policy, current } = taught(options);
  const out = { p: new Float64Array(2), confidence: 0 };
  policy.propose(current, ask(0), out);
  expect(out.p[1]).toBeGreaterThanOrEqual(least);
  expect(out.p[0] + out.p[1]).toBeCloseTo(1, 12);
});

test('with gamma 0 it takes what pays at once', () => {
  const { policy, current } = taught({ gamma: 0, epsilon: 0 });
  const out = { p: new Float64Array(2), confidence: 0 };
  policy.propose(current, ask(0), out);
  expect([...out.p]).toEqual([1, 0]);
});

test('arms that are no more do not crowd out what other nodes know of those that are', () => {
  const wide = { ...input, fields: [{ name: 'at', type: 'number', min: 0, max: 99 }] } as FactoryInput;
  const policy = policies['q-learning']({ kind: 'q-learning', state: ['at'] }, wide);
  const tell = (ids: readonly string[], times: number) => {
    let own = policy.evidence.zero();
    for (let i = 0; i < times; i++)
      for (const [arm, id] of ids.entries())
        own = policy.learn(own, {
          arm,
          armKey: `${id}#0`,
          armKeys: ids.map((each) => `${each}#0`),
          reward: id === 'b' ? 1 : 0,
          propensity: 0.5,
          weight: 1,
          sign: 1,
          atMs: 0,
          context: Float64Array.of(7),
          metrics: {},
          noted: [i],
        });
    return own;
  };
  const former = tell(['u', 'v', 'w', 'x', 'y', 'z'], 50);
  const current = policy.view(tell(['a', 'b'], 9), former, view, undefined);
  const out = { p: new Float64Array(2), confidence: 0 };
  policy.propose(current, ask(7), out);
  expect(out.p[1]).toBeCloseTo(0.95, 12);
});
