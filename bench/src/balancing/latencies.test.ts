import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { count, latencies, quantile } from './latencies.ts';

describe('the count of latencies', () => {
  it('finds any quantile of a sorted list to within its bucket of a quarter of a millisecond', () => {
    const list = fc.array(fc.double({ min: 0, max: 4999, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(list, fc.double({ min: 0.001, max: 1, noNaN: true }), (values, q) => {
        const seen = latencies(5000);
        for (const value of values) count(seen, value, true);
        const exact = [...values].sort((a, b) => a - b)[Math.ceil(q * values.length) - 1];
        expect(quantile(seen, q)).toBeGreaterThanOrEqual(exact);
        expect(quantile(seen, q)).toBeLessThanOrEqual(exact + 0.25);
      }),
    );
  });

  it('charges an error the deadline, however fast it was', () => {
    const seen = latencies(5000);
    count(seen, 1, false);
    expect(quantile(seen, 0.5)).toBe(5000);
    expect(seen.errors).toBe(1);
  });
});
