import { describe, expect, it } from 'vitest';
import {
  incompleteBeta,
  logGamma,
  normalCdf,
  normalQuantile,
  studentCdf,
  studentQuantile,
} from './distributions.ts';

describe('distributions agree with published values', () => {
  it('log-gamma: factorials and half-integers', () => {
    let factorial = 1;
    for (let n = 1; n < 20; n++) {
      expect(logGamma(n)).toBeCloseTo(Math.log(factorial), 12);
      factorial *= n;
    }
    expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 13);
    expect(logGamma(0.001)).toBeCloseTo(6.907178885383853, 12); // ln Γ(0.001), DLMF 5.4
    expect(logGamma(1e6) / 12815504.569147611 - 1).toBeLessThan(1e-14); // scipy.special.gammaln(1e6)
  });

  // Abramowitz & Stegun, tables 26.1 and 26.2; tails from R's pnorm.
  it.each([
    [0, 0.5],
    [0.5, 0.6914624612740131],
    [1, 0.8413447460685429],
    [1.96, 0.9750021048517795],
    [3, 0.9986501019683699],
    [-5, 2.866515718791939e-7],
    [-8, 6.22096057427178e-16],
  ])('normal cdf at %d', (x, p) => {
    expect(Math.abs(normalCdf(x) - p)).toBeLessThan(1e-14);
    expect(Math.abs(normalCdf(x) / p - 1)).toBeLessThan(1e-8);
  });

  it.each([
    [0.5, 0],
    [0.95, 1.6448536269514722],
    [0.975, 1.959963984540054],
    [0.995, 2.5758293035489004],
    [0.0001, -3.719016485455709],
    [1e-10, -6.361340902404056],
  ])('normal quantile at %d', (p, x) => {
    expect(Math.abs(normalQuantile(p) - x)).toBeLessThan(1e-13 * Math.max(1, Math.abs(x)));
  });

  // Two-sided critical values of any statistics table (e.g. NIST/SEMATECH 1.3.6.7.2).
  it.each([
    [0.975, 1, 12.706],
    [0.975, 2, 4.303],
    [0.95, 3, 2.353],
    [0.975, 10, 2.228],
    [0.995, 30, 2.75],
    [0.999, 5, 5.893],
    [0.975, 100, 1.984],
  ])('Student quantile at %d, %d degrees of freedom', (p, df, t) => {
    expect(Math.abs(studentQuantile(p, df) - t)).toBeLessThan(5.1e-4);
    expect(studentQuantile(1 - p, df)).toBeCloseTo(-studentQuantile(p, df), 9);
  });

  it('Student cdf: closed forms at 1 and 2 degrees of freedom, normal at many', () => {
    for (const t of [-30, -2, -0.3, 1e-8, 0, 0.7, 4, 1000]) {
      expect(studentCdf(t, 1)).toBeCloseTo(0.5 + Math.atan(t) / Math.PI, 12);
      expect(studentCdf(t, 2)).toBeCloseTo(0.5 + t / (2 * Math.sqrt(2 + t * t)), 12);
      expect(studentCdf(t, 1e7)).toBeCloseTo(normalCdf(t), 7);
    }
  });

  it('incomplete beta: binomial sums, symmetry and the arcsine law', () => {
    // I_x(k, n−k+1) = P(Bin(n, x) ≥ k), by exact summation.
    const n = 20;
    for (const x of [0.05, 0.3, 0.5, 0.9])
      for (let k = 1; k <= n; k++) {
        let tail = 0;
        let choose = 1;
        for (let i = 0; i <= n; i++) {
          if (i >= k) tail += choose * x ** i * (1 - x) ** (n - i);
          choose = (choose * (n - i)) / (i + 1);
        }
        expect(incompleteBeta(k, n - k + 1, x)).toBeCloseTo(tail, 12);
      }
    for (const x of [0.01, 0.4, 0.77])
      expect(incompleteBeta(0.5, 0.5, x)).toBeCloseTo((2 / Math.PI) * Math.asin(Math.sqrt(x)), 12);
    expect(incompleteBeta(2e6, 3e6, 0.4)).toBeCloseTo(0.5, 3); // median ≈ mean when both are huge
    expect([incompleteBeta(2, 3, 0), incompleteBeta(2, 3, 1)]).toEqual([0, 1]);
  });

  it('quantiles invert', () => {
    for (const p of [1e-12, 1e-5, 0.02, 0.3, 0.5, 0.77, 0.999]) {
      expect(Math.abs(normalCdf(normalQuantile(p)) / p - 1)).toBeLessThan(1e-8);
      for (const df of [1, 2.5, 7, 400])
        if (p > 1e-6) expect(studentCdf(studentQuantile(p, df), df)).toBeCloseTo(p, 9);
    }
  });
});
