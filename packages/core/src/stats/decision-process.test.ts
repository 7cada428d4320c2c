import { expect, test } from 'vitest';
import { bestValues, type DecisionProcess, greedy, processBuilder, valuesOf } from './decision-process.ts';

const exact = { most: 5000, tolerance: 0 };

/** A corridor of n cells: right earns 1 at the last cell and ends, left goes back; discounted. */
function corridor(n: number, gamma: number): DecisionProcess {
  const build = processBuilder(n, 2);
  for (let s = 0; s < n; s++) {
    build.row(0);
    build.leads(Math.max(0, s - 1), gamma);
    build.row(s === n - 1 ? 1 : 0);
    if (s < n - 1) build.leads(s + 1, gamma);
  }
  return build.finish();
}

test('the best values of a corridor are powers of the discount', () => {
  const gamma = 0.9;
  const q = bestValues(corridor(6, gamma), exact);
  for (let s = 0; s < 6; s++) {
    expect(q[2 * s + 1]).toBeCloseTo(gamma ** (5 - s), 12);
    expect(q[2 * s]).toBeCloseTo(gamma * gamma ** (5 - Math.max(0, s - 1)), 12);
  }
});

test('the value of a policy solves its linear equations: Sutton & Barto, example 4.1, the random policy on the grid', () => {
  // Cells 1 to 14 of a 4 × 4 grid whose corners end; −1 a step. Published values: −14, −20, −22, −18 …
  const build = processBuilder(14, 4);
  for (let cell = 1; cell <= 14; cell++)
    for (const [dx, dy] of [
      [0, -1],
      [0, 1],
      [-1, 0],
      [1, 0],
    ]) {
      const x = Math.min(3, Math.max(0, (cell % 4) + dx));
      const y = Math.min(3, Math.max(0, Math.floor(cell / 4) + dy));
      build.row(-1);
      const to = 4 * y + x;
      if (to !== 0 && to !== 15) build.leads(to - 1, 1);
    }
  const q = valuesOf(build.finish(), new Float64Array(14 * 4).fill(0.25), { most: 5000, tolerance: 1e-13 });
  const v = Array.from({ length: 14 }, (_, s) => (q[4 * s] + q[4 * s + 1] + q[4 * s + 2] + q[4 * s + 3]) / 4);
  expect(v.map((value) => Math.round(value * 1e6) / 1e6)).toEqual([
    -14, -20, -22, -14, -18, -20, -20, -20, -20, -18, -14, -22, -20, -14,
  ]);
});

test('so many sweeps are so many steps: without a discount and without an end nothing diverges', () => {
  const build = processBuilder(1, 1);
  build.row(1);
  build.leads(0, 1);
  expect(bestValues(build.finish(), { most: 37, tolerance: 0 })[0]).toBe(37);
});

test('the greedy policy shares ties evenly', () => {
  expect([...greedy(Float64Array.of(1, 2, 2, 3, 0, 1), 3)]).toEqual([0, 0.5, 0.5, 1, 0, 0]);
});
