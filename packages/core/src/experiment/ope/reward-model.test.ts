import { describe, expect, test } from 'vitest';
import { stream } from '../../stats/random.ts';
import { crossFit, foldsOf } from './reward-model.ts';
import { addOuter, solveRidge } from './ridge.ts';

describe('ridge', () => {
  test('solves by hand: one feature, (Σx² + λ) θ = Σ x (r − c)', () => {
    const sums = new Float64Array(4);
    addOuter(sums, 0, Float64Array.of(2), 5);
    addOuter(sums, 0, Float64Array.of(1), 3);
    expect([...sums]).toEqual([5, 13, 3, 2]);
    // (13 − 1 · 3) / (5 + 5)
    expect(solveRidge(sums, 1, 1, 5)[0]).toBeCloseTo(1, 14);
  });

  test('leaves no gradient: Xᵀ(r − c − Xθ) = λθ', () => {
    const draws = stream(4);
    const d = 4;
    const rows = Array.from({ length: 50 }, () => Float64Array.from({ length: d }, () => draws.normal()));
    const rewards = rows.map(() => draws.normal());
    const sums = new Float64Array(d * d + 2 * d + 1);
    rows.forEach((x, i) => {
      addOuter(sums, 0, x, rewards[i]);
    });
    const theta = solveRidge(sums, d, 0.3, 2);
    for (let j = 0; j < d; j++) {
      const gradient = rows.reduce(
        (sum, x, i) => sum + x[j] * (rewards[i] - 0.3 - x.reduce((s, v, k) => s + v * theta[k], 0)),
        0,
      );
      expect(gradient).toBeCloseTo(2 * theta[j], 10);
    }
  });
});

describe('the cross-fitted reward model', () => {
  const n = 4000;
  const draws = stream(9);
  const features = Float64Array.from({ length: n }, () => 1000 + 10 * draws.normal());
  const arm = Int32Array.from({ length: n }, () => draws.integer(3));
  const truth = (a: number, x: number): number => 1 + a + (a - 1) * ((x - 1000) / 10);
  const reward = Float64Array.from(arm, (a, i) => truth(a, features[i]) + 0.1 * draws.normal());
  const rows = { reward, arm, arms: 4, features, width: 1 };

  test('finds a linear reward, and predicts an arm never seen like the log as a whole', () => {
    const sure = (a: number) => crossFit(rows, (_, out) => out.fill(0).fill(1, a, a + 1)).expected;
    for (const a of [0, 1, 2])
      sure(a).forEach((value, i) => {
        if (i % 97 === 0) expect(Math.abs(value - truth(a, features[i]))).toBeLessThan(0.1);
      });
    const overall = reward.reduce((x, y) => x + y, 0) / n;
    expect(sure(3)[0]).toBeCloseTo(overall, 1);
  });

  test('never lets a row predict itself', () => {
    const changed = { ...rows, reward: reward.slice() };
    changed.reward[0] += 1e6;
    const before = crossFit(rows, (_, out) => out.fill(0.25));
    const after = crossFit(changed, (_, out) => out.fill(0.25));
    expect(after.taken[0]).toBe(before.taken[0]);
    const fold = foldsOf(n, 5, 1);
    const sibling = fold.indexOf(fold[0], 1);
    const other = fold.findIndex((f) => f !== fold[0]);
    expect(after.taken[sibling]).toBe(before.taken[sibling]);
    expect(after.expected[other]).not.toBe(before.expected[other]);
  });

  test('takes constant and missing features as telling nothing', () => {
    const dull = { ...rows, width: 2, features: new Float64Array(2 * n).fill(Number.NaN) };
    for (let i = 0; i < n; i++) dull.features[2 * i] = 5;
    const { taken, expected } = crossFit(dull, (_, out) => out.fill(0.25));
    expect(taken.every(Number.isFinite) && expected.every(Number.isFinite)).toBe(true);
  });

  test('folds are equal but for one row', () => {
    const counts = [0, 0, 0];
    for (const fold of foldsOf(10, 3, 1)) counts[fold]++;
    expect(counts.sort()).toEqual([3, 3, 4]);
  });

  test.each([
    [{ arm: Int32Array.from(arm, () => 9) }, 'arm[0]'],
    [{ features: Float64Array.from(features, () => Infinity) }, 'features[0]'],
    [{ width: 2 }, 'features'],
  ])('refuses rows that do not fit', (change, field) => {
    expect(() => crossFit({ ...rows, ...change }, () => {})).toThrow(expect.objectContaining({ field }));
  });
});
