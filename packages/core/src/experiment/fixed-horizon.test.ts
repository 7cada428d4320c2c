import { describe, expect, it } from 'vitest';
import type { Sums } from '../stats/sequential.ts';
import { powerOf, sampleSize, welchTest } from './fixed-horizon.ts';

const sumsOf = (values: readonly number[]): Sums => ({
  n: values.length,
  sum: values.reduce((a, b) => a + b, 0),
  squares: values.reduce((a, b) => a + b * b, 0),
});

describe('Welch’s test', () => {
  // Student's sleep data (1908), as printed by R's help of t.test: t = -1.8608, df = 17.776, p-value = 0.07939,
  // 95 percent confidence interval -3.3654832 0.2054832.
  it('gives what R prints for the sleep data', () => {
    const a = sumsOf([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2]);
    const b = sumsOf([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]);
    const test = welchTest(a, b)!;
    expect(test.t).toBeCloseTo(-1.8608, 4);
    expect(test.df).toBeCloseTo(17.776, 3);
    expect(test.p).toBeCloseTo(0.07939, 5);
    expect(test.low).toBeCloseTo(-3.3654832, 6);
    expect(test.high).toBeCloseTo(0.2054832, 6);
  });
  it('says nothing of what cannot be compared', () => {
    expect(welchTest(sumsOf([1]), sumsOf([1, 2]))).toBeUndefined();
    expect(welchTest(sumsOf([1, 1]), sumsOf([2, 2]))).toBeUndefined();
  });
});

describe('the size of an experiment', () => {
  // Chow, Shao, Wang (2008), §3.2.4: δ = 5, σ = 10, 80 % power at two-sided 5 %: 63 a side.
  it('is the published one for two means', () => {
    expect(sampleSize({ effect: 5, variance: 100 })).toBe(126);
  });
  // Fleiss, Levin, Paik (2003) without continuity correction: 10 % against 15 %, 80 % power: 683 to 686 a side.
  it('is the published one for two proportions', () => {
    const half = sampleSize({ effect: 0.05, variance: 0.1 * 0.9, variance2: 0.15 * 0.85 }) / 2;
    expect(half).toBeGreaterThan(680);
    expect(half).toBeLessThan(687);
  });
  it('gives the power that was asked for, also for unequal shares', () => {
    for (const share of [0.5, 0.1, 0.8])
      for (const power of [0.8, 0.95]) {
        const plan = { effect: 0.02, variance: 0.25, share };
        expect(powerOf(plan, sampleSize(plan, power))).toBeCloseTo(power, 3);
      }
  });
  it('is the false-alarm rate where there is no effect', () => {
    expect(powerOf({ effect: 0, variance: 1, alpha: 0.05 }, 1000)).toBeCloseTo(0.05, 10);
  });
});
