import { describe, expect, test } from 'vitest';
import { stream } from '../../stats/random.ts';
import { synthetic } from '../../testing/logged.ts';
import { evaluate } from './evaluation.ts';
import { overlapOf, unsupportedMass } from './overlap.ts';
import { refusalsOf } from './refusal.ts';
import { sampleOf } from './sample.ts';

describe('a refusal', () => {
  const rows = (weights: readonly number[], unknown = 0) =>
    overlapOf({
      n: weights.length,
      reward: new Float64Array(weights.length),
      weight: Float64Array.from(weights),
      model: undefined,
      unknown,
      clipped: 0,
    });
  const reasons = (...args: Parameters<typeof refusalsOf>) => refusalsOf(...args).map(({ reason }) => reason);
  const ones = (n: number): number[] => new Array<number>(n).fill(1);

  test.each([
    ['nothing known', rows([], 5), ['no_rows']],
    ['nothing alike', rows(new Array<number>(500).fill(0)), ['no_overlap']],
    ['a short log', rows(ones(99)), ['thin']],
    ['one heavy row', rows([...ones(1000), 60]), ['dominated']],
    ['half of the log unknown', rows(ones(500), 500), ['unknown_propensities']],
    ['weights of mean 2', rows(new Array<number>(500).fill(2)), ['weights_off']],
    ['a sound log', rows(ones(500), 20), []],
  ] as const)('%s', (_, overlap, expected) => {
    expect(reasons(overlap)).toEqual(expected);
  });

  test('meets a log worth two rows, one of which weighs 21,739: Open Bandit’s, asked of uniform traffic', () => {
    const { effective, maxWeight } = rows([...ones(9000), 21_739]);
    expect([effective.toFixed(1), maxWeight]).toEqual(['2.0', 21_739]);
    expect(reasons(rows([...ones(9000), 21_739]))).toEqual(['thin', 'dominated']);
  });

  test('tells what the candidate does and the log never did', () => {
    const mass = unsupportedMass([true, false, true], Float64Array.of(0.5, 0.2, 0.3));
    expect(mass).toBeCloseTo(0.2, 14);
    expect(reasons({ ...rows(ones(500)), unsupported: mass })).toEqual(['no_overlap']);
  });

  test('Kish’s effective size, by hand', () => {
    // (1 + 1 + 2)² / (1 + 1 + 4)
    expect(rows([1, 1, 2, 0]).effective).toBeCloseTo(16 / 6, 14);
  });
});

describe('an evaluation', () => {
  const log = synthetic(2000, 21);
  const sample = sampleOf(log, { range: [0, 1] });

  test('holds the truth, the log’s own value and the difference', () => {
    const { refused, estimates, logged } = evaluate(sample, { range: [0, 1] });
    expect(refused).toEqual([]);
    expect(estimates.map(({ estimator }) => estimator)).toEqual(['ips', 'snips']);
    for (const { low, high, bernstein, value, difference } of estimates) {
      expect(low).toBeLessThan(log.truth);
      expect(high).toBeGreaterThan(log.truth);
      expect(bernstein.low).toBeLessThan(low);
      expect(bernstein.high).toBeGreaterThan(high);
      expect(difference.value).toBeCloseTo(value - (logged?.value ?? 0), 12);
    }
  });

  test('of what was partly never done has room for all that this might have brought, and says how much and of what range', () => {
    let [covered, plain] = [0, 0];
    const worlds = 60;
    for (let seed = 1; seed <= worlds; seed++) {
      const draws = stream(seed, 37);
      // Arms 0 to 3 as the log takes them; of the candidate's choices 8 % are a fifth arm that always succeeds.
      const arm = Int32Array.from({ length: 2000 }, () => draws.integer(4));
      const part = sampleOf({
        reward: Float64Array.from(arm, (a) => (draws.next() < 0.2 + 0.05 * a ? 1 : 0)),
        propensity: new Float64Array(2000).fill(0.25),
        candidate: new Float64Array(2000).fill(0.23),
        model: {
          taken: Float64Array.from(arm, (a) => 0.2 + 0.05 * a),
          expected: new Float64Array(2000).fill(0.28),
        },
      });
      const truth = 0.92 * 0.275 + 0.08;
      const options = { range: [0, 1], interval: 'normal' } as const;
      const holds = ({ low, high }: { low: number; high: number }): boolean => low <= truth && truth <= high;
      const { estimates, room } = evaluate(part, { ...options, unsupported: 0.08 });
      expect(room).toEqual({ mass: 0.08, range: [0, 1], declared: true });
      if (estimates.every(holds)) covered++;
      if (evaluate(part, options).estimates.every(holds)) plain++;
      expect(
        estimates.every(({ difference: { low, high }, bernstein }) => high - low > 0.08 && holds(bernstein)),
      ).toBe(true);
    }
    expect(covered / worlds).toBeGreaterThanOrEqual(0.93);
    expect(plain / worlds).toBeLessThan(0.5);
    expect(evaluate(sample, { unsupported: 0.01 }).room).toMatchObject({ declared: false, range: [0, 1] });
    expect(evaluate(sample, { range: [0, 1], unsupported: 0 }).room).toBeNull();
  });

  test('of rare rewards covers, though the rows that count hold none of them', () => {
    let covered = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const draws = stream(seed, 31);
      // Twenty arms alike, of which the candidate takes one nine times in ten; one in two hundred is rewarded.
      const arm = Int32Array.from({ length: 3000 }, () => draws.integer(20));
      const rare = sampleOf({
        reward: Float64Array.from(arm, () => (draws.next() < 0.005 ? 1 : 0)),
        propensity: new Float64Array(3000).fill(0.05),
        candidate: Float64Array.from(arm, (a) => (a === 0 ? 0.9 : 0.1 / 19)),
      });
      const { estimates } = evaluate(rare, { range: [0, 1], resamples: 200, estimators: ['snips'] });
      if (estimates.every(({ low, high }) => low <= 0.005 && 0.005 <= high)) covered++;
    }
    expect(covered / 200).toBeGreaterThanOrEqual(0.95);
  });

  test('of the log’s own policy differs from it by nothing, not by what rounding leaves', () => {
    const reward = Float64Array.from({ length: 3000 }, (_, i) => (i % 10 < 3 ? 1 : 0));
    const third = new Float64Array(3000).fill(0.33333333);
    const same = sampleOf({ reward, propensity: third, candidate: new Float64Array(3000).fill(1 / 3) });
    const { estimates } = evaluate(same, { range: [0, 1] });
    expect(estimates.find(({ estimator }) => estimator === 'snips')?.difference).toEqual({
      value: 0,
      low: 0,
      high: 0,
      interval: 'bca',
    });
  });

  test('of what does in every row as the log did differs by nothing; a bound on few rows says that it is one', () => {
    const reward = Float64Array.from({ length: 3000 }, (_, i) => (i % 10 < 3 ? 1 : 0));
    const half = new Float64Array(3000).fill(0.5);
    const of = (candidate: Float64Array) =>
      evaluate(sampleOf({ reward, propensity: half, candidate }), { range: [0, 1] }).estimates;
    for (const { difference, low } of of(half)) {
      expect(difference).toEqual({ value: 0, low: 0, high: 0, interval: 'bca' });
      expect(low).toBeGreaterThan(0);
    }
    for (const { difference, interval } of of(half.with(0, 0.4)))
      expect([interval, difference.interval]).toEqual(['bca', 'empirical-bernstein']);
  });

  test('has finite intervals, or is refused: what squares beyond finite is no reward', () => {
    const logged = (size: number) => ({
      reward: Float64Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? size : -size)),
      propensity: new Float64Array(1000).fill(0.01),
      candidate: Float64Array.from({ length: 1000 }, (_, i) => (i % 3 === 0 ? 0.03 : 0)),
    });
    for (const size of [1e50, 1e59])
      for (const interval of ['bca', 'percentile', 'normal', 'empirical-bernstein'] as const)
        for (const { low, high, difference } of evaluate(sampleOf(logged(size)), { interval }).estimates)
          expect([low, high, difference.low, difference.high].every(Number.isFinite)).toBe(true);
    for (const size of [1e61, 1e300])
      expect(() => sampleOf(logged(size))).toThrow(expect.objectContaining({ field: 'reward[0]' }));
  });

  test('is the same twice', () => {
    expect(evaluate(sample)).toEqual(evaluate(sample));
  });

  test('of a log in which nothing varies has an interval nevertheless', () => {
    const quiet = { ...sample, reward: new Float64Array(sample.n) };
    const [{ value, low, high, interval }] = evaluate(quiet, { range: [0, 1] }).estimates;
    expect([value, interval]).toEqual([0, 'empirical-bernstein']);
    expect(high).toBeGreaterThan(1 / sample.n);
    expect(low).toBe(0);
  });

  test.each([
    [{ level: 1 }, 'level'],
    [{ resamples: 10 }, 'resamples'],
    [{ estimators: ['best' as 'ips'] }, 'estimators'],
  ])('%o is refused', (options, field) => {
    expect(() => evaluate(sample, options)).toThrow(expect.objectContaining({ field }));
  });
});
