import { describe, expect, it } from 'vitest';
import { stream } from '../stats/random.ts';
import { adjustSums, type PairSums } from './cuped.ts';
import { welchTest } from './fixed-horizon.ts';

const none: PairSums = { n: 0, sum: 0, squares: 0, x: 0, xx: 0, xy: 0 };
const withPair = (s: PairSums, x: number, y: number): PairSums => ({
  n: s.n + 1,
  sum: s.sum + y,
  squares: s.squares + y * y,
  x: s.x + x,
  xx: s.xx + x * x,
  xy: s.xy + x * y,
});

// y = effect + ρ x + √(1 − ρ²) noise: ρ is the correlation.
function trial(seed: number, n: number, effect: number, rho: number): [PairSums, PairSums] {
  const random = stream(seed, 5);
  let [a, b] = [none, none];
  for (let i = 0; i < n; i++) {
    const [x, noise] = [random.normal(), random.normal()];
    const y = rho * x + Math.sqrt(1 - rho * rho) * noise + 7;
    if (i % 2 === 0) a = withPair(a, x, y + effect);
    else b = withPair(b, x, y);
  }
  return [a, b];
}

describe('CUPED', () => {
  it('takes away ρ² of the variance, as Deng et al. (2013, eq. 4) have it', () => {
    const { reduction, theta } = adjustSums(trial(1, 20_000, 0.5, 0.8));
    expect(reduction).toBeCloseTo(0.64, 1);
    expect(theta).toBeCloseTo(0.8, 1);
  });

  it('equals a regression of the centred covariate, done outcome by outcome', () => {
    const random = stream(9);
    const rows = Array.from({ length: 60 }, (_, i) => {
      const x = 3 + random.normal();
      return { side: i % 3 === 0 ? 1 : 0, x, y: 2 * x + random.normal() };
    });
    const sides = [0, 1].map((side) =>
      rows.filter((row) => row.side === side).reduce((s, { x, y }) => withPair(s, x, y), none),
    );
    const { sums, theta } = adjustSums(sides);
    const grand = rows.reduce((s, { x }) => s + x, 0) / rows.length;
    for (const side of [0, 1]) {
      const ys = rows.filter((row) => row.side === side).map(({ x, y }) => y - theta * (x - grand));
      expect(sums[side].sum).toBeCloseTo(
        ys.reduce((s, y) => s + y, 0),
        8,
      );
      expect(sums[side].squares).toBeCloseTo(
        ys.reduce((s, y) => s + y * y, 0),
        7,
      );
    }
  });

  it('does not move the estimate on average, and keeps false finds at 5 %', () => {
    let [bias, found] = [0, 0];
    const runs = 1000;
    for (let run = 0; run < runs; run++) {
      const [a, b] = adjustSums(trial(run, 400, 0, 0.7)).sums;
      const test = welchTest(a, b)!;
      bias += test.estimate / runs;
      found += test.p <= 0.05 ? 1 / runs : 0;
    }
    expect(Math.abs(bias)).toBeLessThan(0.008); // three standard errors
    expect(found).toBeGreaterThan(0.03);
    expect(found).toBeLessThan(0.071);
  });

  it('leaves the sums alone where the covariate is constant or nothing is there', () => {
    const flat = [1, 2, 3].reduce((s, y) => withPair(s, 4, y), none);
    expect(adjustSums([flat, flat]).sums).toEqual([flat, flat]);
    expect(adjustSums([none, none])).toEqual({ sums: [none, none], theta: 0, reduction: 0 });
  });
});
