import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MOST_ROWS,
  placeOf,
  SIDE,
  scalarKernels,
  triangleLength,
  triangleOf,
  trianglePlaceOf,
} from './kernels.ts';
import { stream } from './stats/random.ts';
import { squaredLength } from './stats/symmetric.ts';
import { kernelLaws } from './testing/kernel-laws.ts';

describe('kernels in plain TypeScript', () => {
  for (const { law, run } of kernelLaws(scalarKernels))
    it(law, () => {
      fc.assert(
        fc.property(fc.nat({ max: 0xffffffff }), (seed) => run(stream(seed))),
        { numRuns: 60 },
      );
    });
});

describe('the layout of tables', () => {
  it('gives every element of a rectangle a place of its own', () => {
    const [rows, columns] = [3 * SIDE, 5];
    const places = new Set<number>();
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) places.add(placeOf(r, c, columns));
    expect(places.size).toBe(rows * columns);
    expect(Math.max(...places)).toBe(rows * columns - 1);
  });

  it('gives every element of a triangle a place of its own, within its length', () => {
    for (const dimension of [1, 7, 8, 9, 32, 33]) {
      const places = new Set<number>();
      for (let r = 0; r < dimension; r++) for (let c = 0; c <= r; c++) places.add(trianglePlaceOf(r, c));
      expect(places.size).toBe((dimension * (dimension + 1)) / 2);
      expect(Math.max(...places)).toBeLessThan(triangleLength(dimension));
    }
  });

  it('a packed triangle laid out has the squared length it had', () => {
    const random = stream(1);
    for (const dimension of [1, 8, 21]) {
      const packed = Float64Array.from({ length: (dimension * (dimension + 1)) / 2 }, () => random.normal());
      const x = Float64Array.from({ length: dimension }, () => random.normal());
      const kernels = scalarKernels();
      kernels.take(x, dimension);
      const found = kernels.triangle(triangleOf(packed, dimension), dimension).squaredLength();
      expect(found).toBeCloseTo(squaredLength(packed, 0, x, dimension), 10);
    }
  });

  it('there is room for the sums of as many rows as may be asked for at once', () => {
    expect(scalarKernels().sums.length).toBe(MOST_ROWS);
  });
});
