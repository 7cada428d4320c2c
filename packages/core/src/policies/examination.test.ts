import { describe, expect, test } from 'vitest';
import { type Moments, moments, W, WX } from '../learners/moments.ts';
import { stream } from '../stats/random.ts';
import { gridOf, learnExamination, looked, slotKey } from './examination.ts';

const evidence = moments({ range: [0, 1] });
const truth = { worth: [0.9, 0.5, 0.2, 0.05], looks: [1, 0.6, 0.25] };

const meanOf = (read: Moments, key: string) => {
  const row = read.arms.get(key) ?? new Float64Array(5);
  return evidence.centre + row[WX] / row[W];
};

/** Every arm shown `n` times at each position, with exactly the clicks that the model expects, or with drawn ones. */
function shown(n: number, draw?: () => number) {
  const own = evidence.zero();
  truth.worth.forEach((worth, arm) => {
    truth.looks.forEach((look, position) => {
      const expected = worth * look;
      for (let i = 0; i < n; i++) {
        const click = draw === undefined ? i < Math.round(n * expected) : draw() < expected;
        evidence.record(own, slotKey(`${arm}#0`, position), click ? 1 : 0, 1, 0);
      }
    });
  });
  return gridOf(own, evidence.centre, truth.looks.length);
}

describe('the position-based model', () => {
  test('a table that fits it exactly gives back the probabilities of looking, and what each arm is worth', () => {
    const grid = shown(40_000);
    const kappa = learnExamination(grid, 3);
    kappa.forEach((each, j) => {
      expect(each).toBeCloseTo(truth.looks[j], 3);
    });
    const read = looked(grid, kappa, 0, evidence.centre, [0, 1]);
    truth.worth.forEach((worth, arm) => {
      expect(meanOf(read, `${arm}#0`)).toBeCloseTo(worth, 3);
    });
  });

  test('drawn clicks give them back within their chance', () => {
    const random = stream(5);
    const kappa = learnExamination(
      shown(3000, () => random.next()),
      3,
    );
    expect(Math.abs(kappa[1] - 0.6)).toBeLessThan(0.03);
    expect(Math.abs(kappa[2] - 0.25)).toBeLessThan(0.03);
  });

  test('an outcome further down tells less: κ(1 − γ)/(1 − κγ) of one at the top', () => {
    const own = evidence.zero();
    for (let i = 0; i < 10; i++) evidence.record(own, slotKey('a#0', 1), i < 2 ? 1 : 0, 1, 0);
    const read = looked(gridOf(own, evidence.centre, 2), [1, 0.5], 0, evidence.centre, [0, 1]);
    // γ = 0.2 / 0.5 = 0.4: each weighs 0.5 · 0.6 / 0.8.
    expect(read.arms.get('a#0')?.[W]).toBeCloseTo(10 * 0.375, 12);
    expect(meanOf(read, 'a#0')).toBeCloseTo(0.4, 12);
  });

  test('so a 95 % interval from what it weighs holds the worth in 95 % of histories, over all positions', () => {
    const kappa = [1, 0.5, 0.2];
    let held = 0;
    for (let seed = 0; seed < 1000; seed++) {
      const random = stream(seed);
      const own = evidence.zero();
      [40, 120, 200].forEach((n, j) => {
        for (let i = 0; i < n; i++)
          evidence.record(own, slotKey('a#0', j), random.next() < kappa[j] * 0.4 ? 1 : 0, 1, 0);
      });
      const read = looked(gridOf(own, evidence.centre, 3), kappa, 0, evidence.centre, [0, 1]);
      const mean = meanOf(read, 'a#0');
      const half = 1.96 * Math.sqrt((mean * (1 - mean)) / (read.arms.get('a#0')?.[W] ?? 0));
      if (Math.abs(mean - 0.4) <= half) held++;
    }
    expect(held / 1000).toBeGreaterThan(0.935);
    expect(held / 1000).toBeLessThan(0.965);
  });

  test('with nothing seen, positions are believed to be looked at as DCG discounts them', () => {
    const kappa = learnExamination(new Map(), 3);
    expect(kappa).toEqual([1, expect.closeTo(1 / Math.log2(3), 12), 0.5]);
  });
});
