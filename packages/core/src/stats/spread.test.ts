import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stream } from './random.ts';
import { mostOf, spreadOf } from './spread.ts';

/** Sums as evidence keeps them, and Σ(y − ȳ)² of the same outcomes in whole numbers: y = `whole[i]` / 2⁶⁰. */
function both(values: readonly number[]) {
  const [unit, n] = [2n ** 60n, BigInt(values.length)];
  let [sum, squares, whole, wholeSquares] = [0, 0, 0n, 0n];
  for (const y of values) {
    sum += y;
    squares += y * y;
    const exact = exactly(y);
    whole += exact;
    wholeSquares += exact * exact;
  }
  const deviations = Number(n * wholeSquares - whole * whole) / Number(n) / Number(unit) / Number(unit);
  return { sums: { n: values.length, sum, squares }, deviations };
}

/** y · 2⁶⁰ of a y that is a multiple of 2⁻⁶⁰. */
function exactly(y: number): bigint {
  let [value, power] = [y, 60];
  while (!Number.isInteger(value)) {
    value *= 2;
    power--;
  }
  return BigInt(value) * 2n ** BigInt(power);
}

describe('the spread of sums', () => {
  it('is off by no more than it says, of numbers large and small', () => {
    const offsets = fc.constantFrom(0, 0.1, 1, 4.99, 1e4, 1e8, 1.7e12, -1e9);
    const scales = fc.constantFrom(0, 0.001, 1, 60_000);
    fc.assert(
      fc.property(offsets, scales, fc.integer({ min: 2, max: 3000 }), fc.nat(), (offset, scale, n, seed) => {
        const s = stream(seed, 7);
        const values = Array.from(
          { length: n },
          () => Math.round((offset + scale * s.normal()) * 2 ** 40) / 2 ** 40,
        );
        const { sums, deviations } = both(values);
        const { seen, noise } = spreadOf(sums);
        expect(Math.abs(seen - deviations)).toBeLessThanOrEqual(noise);
        expect(mostOf({ seen, noise }) ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(deviations);
      }),
      { numRuns: 150, seed: 3 },
    );
  });

  it('is never known of what does not vary', () => {
    for (const y of [0, 0.1, 0.3, 1.1, 4.99, 9.99, 1e8 / 3]) {
      let [sum, squares] = [0, 0];
      for (let n = 1; n <= 20_000; n++) {
        sum += y;
        squares += y * y;
        if (mostOf(spreadOf({ n, sum, squares })) !== undefined) expect.fail(`${n} times ${y}`);
      }
    }
  });

  it('costs nothing to speak of where rounding is small', () => {
    const n = 1e6;
    const spread = spreadOf({ n, sum: 100 * n, squares: n * (100 * 100 + 1) });
    expect(mostOf(spread)! / n).toBeCloseTo(1, 4);
  });
});
