import { describe, expect, test } from 'vitest';
import { stream } from '../../stats/random.ts';
import { differenceOf } from './difference.ts';
import { sampleOf } from './sample.ts';

const RANGE = [0, 1] as const;

/** Two arms drawn evenly that earn `a` and `b`; a model that knows no more than the mean of both. */
function world(n: number, a: number, b: number, seed: number) {
  const draws = stream(seed, 41);
  const arm = Int32Array.from({ length: n }, () => draws.integer(2));
  const mean = new Float64Array(n).fill((a + b) / 2);
  const reward = Float64Array.from(arm, (k) => (draws.next() < (k === 0 ? a : b) ? 1 : 0));
  const always = (share: (row: number) => number) =>
    sampleOf({
      reward,
      propensity: new Float64Array(n).fill(0.5),
      candidate: Float64Array.from(arm, (k, i) => (k === 0 ? 1 - share(i) : share(i))),
      model: { taken: mean, expected: mean },
    });
  return { always };
}

describe('the difference of two candidates on one log', () => {
  test.each([
    [2000, 0.3, 0.4],
    [3000, 0.01, 0.02],
    [500, 0.004, 0.002],
  ])('holds the truth in %i rows of arms that earn %d and %d', (n, a, b) => {
    let covered = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const { always } = world(n, a, b, seed);
      const { low, high } = differenceOf(
        always(() => 1),
        always(() => 0),
        { range: RANGE, seed, resamples: 300 },
      );
      if (low <= b - a && b - a <= high) covered++;
    }
    expect(covered).toBeGreaterThanOrEqual(90);
  });

  test('has the bound that holds at any number of rows where they differ in a few rows only', () => {
    const { always } = world(2000, 0.2, 0.2, 3);
    const few = differenceOf(
      always((i) => (i % 100 === 0 ? 1 : 0)),
      always(() => 0),
      { range: RANGE },
    );
    expect(few.interval).toBe('empirical-bernstein');
    expect(few.high - few.low).toBeGreaterThan(0.01);
  });

  test('is not known to be nothing because nothing came', () => {
    const { always } = world(500, 0, 0, 2);
    const quiet = differenceOf(
      always(() => 1),
      always(() => 0),
      { range: RANGE },
    );
    expect(quiet).toMatchObject({ value: 0, interval: 'empirical-bernstein' });
    expect(quiet.low).toBeLessThan(-0.01);
    expect(quiet.high).toBeGreaterThan(0.01);
  });

  test('of what does the same is 0, and has room for what the log never did', () => {
    const { always } = world(500, 0.3, 0.4, 1);
    const same = always(() => 0.5);
    expect(differenceOf(same, same, { range: RANGE })).toMatchObject({ value: 0, low: 0, high: 0 });
    expect(differenceOf(same, same, { range: [0, 2], unsupported: 0.02 })).toMatchObject({
      value: 0,
      low: -0.04,
      high: 0.04,
    });
  });
});
