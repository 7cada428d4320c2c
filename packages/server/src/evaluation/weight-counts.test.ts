import fc from 'fast-check';
import { expect, test } from 'vitest';
import { weightCounts } from './weight-counts.ts';

test('every row is counted once, in the bin that holds its weight', () => {
  expect(weightCounts(Float64Array.of(0, 0.5, 0.99, 1, 1, 5))).toEqual({
    zero: 1,
    bins: [
      { from: 0.5, to: 1, rows: 2 },
      { from: 1, to: 2, rows: 2 },
      { from: 2, to: 4, rows: 0 },
      { from: 4, to: 8, rows: 1 },
    ],
  });
  expect(weightCounts(new Float64Array(3))).toEqual({ zero: 3, bins: [] });
  const weights = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }));
  fc.assert(
    fc.property(weights, (list) => {
      const { zero, bins } = weightCounts(Float64Array.from(list));
      expect(bins.reduce((sum, { rows }) => sum + rows, zero)).toBe(list.length);
    }),
  );
});
