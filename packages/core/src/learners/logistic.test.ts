import { describe, expect, it } from 'vitest';
import { logisticCurvature, logisticMean, logisticPosterior } from './logistic.ts';

describe('the logistic reading', () => {
  it('has the curvature of Taylor for a small reach, and of the quadrature for a large one', () => {
    expect(logisticCurvature(1e-3)).toBeCloseTo(1 / 4, 6);
    for (const reach of [1, 3, 8]) {
      // The coefficient of T₂ in ln(2 cosh(u/2)) by plain summation, a thousand points.
      let second = 0;
      for (let k = 0; k < 1000; k++) {
        const angle = (Math.PI * (k + 0.5)) / 1000;
        second += (2 / 1000) * Math.log(2 * Math.cosh((reach * Math.cos(angle)) / 2)) * Math.cos(2 * angle);
      }
      expect(logisticCurvature(reach)).toBeCloseTo((4 * second) / reach ** 2, 9);
    }
  });

  it('is finite whatever it is asked', () => {
    expect([-1e9, -1, 0, 1, 1e9].map(logisticMean)).toEqual([
      -0.5,
      expect.closeTo(1 / (1 + Math.E) - 0.5, 14),
      0,
      expect.closeTo(0.5 - 1 / (1 + Math.E), 14),
      0.5,
    ]);
    const { theta, half, variance } = logisticPosterior(undefined, 3, 1, 1, 0.2);
    expect([...theta, ...half, variance].every(Number.isFinite)).toBe(true);
  });
});
