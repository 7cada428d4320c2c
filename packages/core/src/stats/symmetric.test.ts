import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stream } from './random.ts';
import {
  addOuter,
  cholesky,
  invertLower,
  packedLength,
  quadraticForm,
  solveLower,
  solveUpper,
  squaredLength,
} from './symmetric.ts';

/** A random design: how wide, how many rows, and on what scale its columns are. */
const designs = fc.record({
  dimension: fc.integer({ min: 1, max: 24 }),
  rows: fc.integer({ min: 0, max: 60 }),
  seed: fc.nat(),
  spread: fc.integer({ min: 0, max: 3 }),
});
type Design = { dimension: number; rows: number; seed: number; spread: number };

function rowsOf({ dimension, rows, seed, spread }: Design): Float64Array[] {
  const random = stream(seed);
  const scales = Array.from({ length: dimension }, () => 10 ** (spread * (random.next() - 0.5)));
  return Array.from({ length: rows }, () => Float64Array.from(scales, (scale) => scale * random.normal()));
}

/** λI + Σ x xᵀ, packed, and written out in full by its definition. */
function gram(design: Design, ridge: number): { packed: Float64Array; full: number[][] } {
  const { dimension } = design;
  const packed = new Float64Array(packedLength(dimension));
  for (let i = 0; i < dimension; i++) packed[packedLength(i) + i] = ridge;
  const xs = rowsOf(design);
  for (const x of xs) addOuter(packed, 0, x, dimension, 1);
  const full = Array.from({ length: dimension }, (_, i) =>
    Array.from({ length: dimension }, (__, j) =>
      xs.reduce((sum, x) => sum + x[i] * x[j], i === j ? ridge : 0),
    ),
  );
  return { packed, full };
}

const times = (full: readonly number[][], x: Float64Array): number[] =>
  full.map((row) => row.reduce((sum, value, j) => sum + value * x[j], 0));
const largest = (full: readonly number[][]): number => Math.max(...full.flat().map(Math.abs));

describe('packed symmetric matrices', () => {
  it('factor the textbook example exactly', () => {
    // [[4, 12, −16], [12, 37, −43], [−16, −43, 98]] = L Lᵀ with L = [[2], [6, 1], [−8, 5, 3]].
    const l = new Float64Array(6);
    expect(cholesky(Float64Array.of(4, 12, 37, -16, -43, 98), 3, l)).toBe(0);
    expect([...l]).toEqual([2, 6, 1, -8, 5, 3]);
    const inverse = new Float64Array(8);
    invertLower(l, 3, inverse, 2);
    for (const [i, value] of [0, 0, 1 / 2, -3, 1, 19 / 3, -5 / 3, 1 / 3].entries())
      expect(inverse[i]).toBeCloseTo(value, 14);
    // A (1, 2, 3) = (−20, −43, 192).
    const b = Float64Array.of(-20, -43, 192);
    solveLower(l, b, 3);
    solveUpper(l, b, 3);
    expect([...b].map((value) => Number(value.toFixed(12)))).toEqual([1, 2, 3]);
    // xᵀAx = 1·(−20) + 2·(−43) + 3·192.
    expect(quadraticForm(Float64Array.of(4, 12, 37, -16, -43, 98), Float64Array.of(1, 2, 3), 3)).toBe(470);
  });

  it('add outer products as their definition says, also taken back', () => {
    fc.assert(
      fc.property(designs, (design) => {
        const { packed, full } = gram(design, 0.5);
        for (let i = 0; i < design.dimension; i++)
          for (let j = 0; j <= i; j++)
            expect(Math.abs(packed[packedLength(i) + j] - full[i][j])).toBeLessThanOrEqual(
              1e-12 * largest(full),
            );
        for (const x of rowsOf(design)) addOuter(packed, 0, x, design.dimension, -1);
        for (let i = 0; i < design.dimension; i++)
          expect(Math.abs(packed[packedLength(i) + i] - 0.5)).toBeLessThanOrEqual(1e-11 * largest(full));
      }),
    );
  });

  it('L Lᵀ gives the matrix back, and solving gives the vector back', () => {
    fc.assert(
      fc.property(designs, (design) => {
        const { dimension } = design;
        const { packed, full } = gram(design, 1);
        const l = new Float64Array(packed.length);
        expect(cholesky(packed, dimension, l)).toBe(0);
        for (let i = 0; i < dimension; i++)
          for (let j = 0; j <= i; j++) {
            let sum = 0;
            for (let k = 0; k <= j; k++) sum += l[packedLength(i) + k] * l[packedLength(j) + k];
            expect(Math.abs(sum - full[i][j])).toBeLessThanOrEqual(1e-12 * largest(full));
          }
        const x = Float64Array.from({ length: dimension }, (_, i) => Math.sin(i + design.seed));
        const b = Float64Array.from(times(full, x));
        solveLower(l, b, dimension);
        solveUpper(l, b, dimension);
        for (let i = 0; i < dimension; i++) expect(Math.abs(b[i] - x[i])).toBeLessThan(1e-9 * largest(full));
      }),
    );
  });

  it('|L⁻¹x|² is xᵀA⁻¹x, and xᵀAx is what its definition says', () => {
    fc.assert(
      fc.property(designs, (design) => {
        const { dimension } = design;
        const { packed, full } = gram(design, 1);
        const x = Float64Array.from({ length: dimension }, (_, i) => (i % 3 === 0 ? 0 : Math.cos(i)));
        const ax = times(full, x);
        const form = ax.reduce((sum, value, i) => sum + value * x[i], 0);
        expect(Math.abs(quadraticForm(packed, x, dimension) - form)).toBeLessThanOrEqual(
          1e-11 * (Math.abs(form) + 1) * dimension,
        );
        const l = new Float64Array(packed.length);
        cholesky(packed, dimension, l);
        const inverse = new Float64Array(packed.length);
        invertLower(l, dimension, inverse, 0);
        const solved = x.slice();
        solveLower(l, solved, dimension);
        const expected = solved.reduce((sum, value) => sum + value * value, 0);
        expect(squaredLength(inverse, 0, x, dimension)).toBeCloseTo(expected, 9);
      }),
    );
  });
});

describe('a matrix that has no factor', () => {
  it('gets one by jitter, and it is as small as it can be', () => {
    // Rank 1: (1, 1)(1, 1)ᵀ.
    const l = new Float64Array(3);
    const jitter = cholesky(Float64Array.of(1, 1, 1), 2, l);
    expect(jitter).toBe(1e-12);
    expect(l.every(Number.isFinite)).toBe(true);
  });

  it('gets one whatever is wrong with it, as long as it is finite', () => {
    const entry = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(entry, { minLength: 21, maxLength: 21 }),
        (d, all) => {
          const a = Float64Array.from(all.slice(0, packedLength(d)));
          const l = new Float64Array(a.length);
          const jitter = cholesky(a, d, l);
          expect(jitter).toBeGreaterThanOrEqual(0);
          expect(l.every(Number.isFinite)).toBe(true);
          for (let i = 0; i < d; i++) expect(l[packedLength(i) + i]).toBeGreaterThan(0);
        },
      ),
    );
  });

  it('zero is a matrix too; NaN and Infinity are not', () => {
    expect(cholesky(new Float64Array(3), 2, new Float64Array(3))).toBe(1e-12);
    for (const odd of [Number.NaN, Infinity])
      expect(cholesky(Float64Array.of(1, 0, odd), 2, new Float64Array(3))).toBeNaN();
    expect(cholesky(Float64Array.of(1, Number.NaN, 1), 2, new Float64Array(3))).toBeNaN();
  });
});
