import { describe, expect, test } from 'vitest';
import { type PlainLog, plainEstimate, synthetic } from '../../testing/logged.ts';
import { ESTIMATORS, type EstimatorName } from './estimators.ts';
import { shrunk } from './modelled.ts';
import { type LoggedColumns, sampleOf } from './sample.ts';
import { valueOfTerms } from './terms.ts';
import { chooseLambda, chooseTau, errorBound } from './tuning.ts';

function agree(columns: LoggedColumns, plain: PlainLog): void {
  const sample = sampleOf(columns);
  for (const name of Object.keys(ESTIMATORS) as EstimatorName[])
    for (const parameter of name === 'switch-dr' || name === 'dros' ? [0.5, 1.5, 40] : [0]) {
      const ours = valueOfTerms(ESTIMATORS[name].terms(sample, parameter));
      expect(Math.abs(ours - plainEstimate(name, plain, parameter)), name).toBeLessThan(1e-9);
    }
}

describe('the estimators are the published formulas, to 1e-9', () => {
  test('on synthetic logs', () => {
    for (const seed of [1, 2, 3]) {
      const log = synthetic(800, seed);
      const q = Array.from({ length: 800 }, (_, i) => log.mu[log.context[i]].map((m) => 0.8 * m + 0.05));
      const pi = Array.from({ length: 800 }, (_, i) => log.pi[log.context[i]]);
      const taken = Float64Array.from(q, (row, i) => row[log.arm[i]]);
      const expected = Float64Array.from(q, (row, i) => row.reduce((s, v, a) => s + pi[i][a] * v, 0));
      const [r, p, a] = [log.reward, log.propensity, log.arm].map((column) => [...column]);
      agree({ ...log, model: { taken, expected } }, { r, p, a, pi, q });
    }
  });
});

describe('worked by hand', () => {
  const columns = {
    reward: Float64Array.of(1, 0, 1, 0),
    propensity: Float64Array.of(0.5, 0.25, 0.25, 0.5),
    candidate: Float64Array.of(1, 0.5, 0, 0.5),
    model: { taken: Float64Array.of(0.5, 0.5, 0.5, 0.5), expected: Float64Array.of(0.5, 0.5, 0.5, 0.5) },
  };
  // Weights 2, 2, 0, 1.
  const sample = sampleOf(columns);

  test.each([
    ['ips', 0, 2 / 4],
    ['snips', 0, 2 / 5],
    ['dm', 0, 0.5],
    // 0.5 + (2·0.5 − 2·0.5 − 1·0.5) / 4
    ['dr', 0, 0.375],
    // 0.5 − 0.5 / 5
    ['sndr', 0, 0.4],
    // Only the weights up to 1 correct.
    ['switch-dr', 1, 0.375],
    ['switch-dr', 0.5, 0.5],
    // λ = 4: 2 → 1, 1 → 0.8.
    ['dros', 4, 0.5 + (0.5 - 0.5 - 0.4) / 4],
    ['dros', 0, 0.5],
    ['dros', Infinity, 0.375],
  ] as const)('%s at %d is %d', (name, parameter, value) => {
    expect(valueOfTerms(ESTIMATORS[name].terms(sample, parameter))).toBeCloseTo(value, 14);
  });

  test('a clipped weight counts as the clip, and the mass it lost is told', () => {
    const clipped = sampleOf(columns, { clip: 1 });
    expect([...clipped.weight]).toEqual([1, 1, 0, 1]);
    expect(clipped.clipped).toBeCloseTo(2 / 5, 14);
  });

  test('rows of unknown propensity are left out and counted', () => {
    const some = sampleOf({ ...columns, propensity: Float64Array.of(0.5, Number.NaN, 0.25, 0.5) });
    expect([some.n, some.unknown, [...some.weight]]).toEqual([3, 1, [2, 0, 1]]);
    expect(some.model?.taken.length).toBe(3);
  });
});

describe('bad logs', () => {
  const good = {
    reward: Float64Array.of(1, 0),
    propensity: Float64Array.of(0.5, 0.5),
    candidate: Float64Array.of(1, 0),
  };
  test.each([
    ['a propensity of zero', { propensity: Float64Array.of(0.5, 0) }, 'propensity[1]'],
    ['a propensity above one', { propensity: Float64Array.of(1.5, 0.5) }, 'propensity[0]'],
    ['a negative one', { propensity: Float64Array.of(-0.1, 0.5) }, 'propensity[0]'],
    ['a reward that is no number', { reward: Float64Array.of(1, Number.NaN) }, 'reward[1]'],
    ['a reward outside its range', { reward: Float64Array.of(1, 7) }, 'reward[1]'],
    ['a candidate above one', { candidate: Float64Array.of(2, 0) }, 'candidate[0]'],
    ['a short column', { candidate: Float64Array.of(1) }, 'candidate'],
  ])('%s is refused by row', (_, change, field) => {
    expect(() => sampleOf({ ...good, ...change }, { range: [0, 1] })).toThrow(
      expect.objectContaining({ code: 'invalid_input', field }),
    );
  });

  test('an estimator that needs a model says so', () => {
    expect(() => ESTIMATORS.dr.terms(sampleOf(good))).toThrow(/reward model/);
  });
});

describe('parameters are chosen by the least bound on the squared error', () => {
  const log = synthetic(1500, 5, 2);
  const model = {
    taken: Float64Array.from(log.arm, (a, i) => log.mu[log.context[i]][a]),
    expected: Float64Array.from(log.context, (c) => log.pi[c].reduce((s, p, a) => s + p * log.mu[c][a], 0)),
  };
  const sample = sampleOf({ ...log, model });

  test('no λ of a finer grid is much better', () => {
    const chosen = errorBound(sample, chooseLambda(sample), shrunk);
    for (let k = -60; k <= 60; k++)
      expect(chosen).toBeLessThanOrEqual(errorBound(sample, 10 ** (k / 10), shrunk) * 1.02);
  });

  test('a part of a long log chooses as well as all of it', () => {
    const long = synthetic(410_000, 6, 2);
    const part = sampleOf({
      ...long,
      model: {
        taken: Float64Array.from(long.arm, () => 0.3),
        expected: Float64Array.from(long.arm, () => 0.3),
      },
    });
    const chosen = errorBound(part, chooseLambda(part), shrunk);
    for (const lambda of [0.1, 1, 10, 100, 1000, Infinity])
      expect(chosen).toBeLessThanOrEqual(errorBound(part, lambda, shrunk) * 1.02);
  });

  test('where all weights are one there is nothing to choose', () => {
    const same = sampleOf({ ...synthetic(300, 1, 0), model: undefined });
    const flat = { ...same, model: { taken: same.reward, expected: same.reward } };
    expect(chooseTau(flat)).toBeGreaterThanOrEqual(1 - 1e-12);
  });
});
