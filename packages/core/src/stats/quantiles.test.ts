import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGanglionError } from '../errors.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import {
  decodeQuantiles,
  encodeQuantiles,
  LARGEST,
  merge,
  observe,
  type Quantiles,
  quantile,
  quantiles,
  RELATIVE_ERROR,
} from './quantiles.ts';
import { stream } from './random.ts';

const sketchOf = (values: readonly number[]): Quantiles => {
  const sketch = quantiles();
  for (const value of values) observe(sketch, value);
  return sketch;
};
const positive = fc.array(fc.double({ min: 1e-3, max: 1e7, noNaN: true }), { minLength: 1, maxLength: 200 });
const grid = [0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1];

describe('quantiles', () => {
  it('are within 1 % of the exact order statistic, for any values', () => {
    fc.assert(
      fc.property(positive, (values) => {
        const sketch = sketchOf(values);
        const sorted = [...values].sort((a, b) => a - b);
        for (const q of grid) {
          const exact = sorted[Math.floor(q * (sorted.length - 1))];
          expect(Math.abs(quantile(sketch, q) / exact - 1)).toBeLessThanOrEqual(RELATIVE_ERROR * (1 + 1e-9));
        }
      }),
    );
  });

  it('agree with the closed form of an exponential, and stay small', () => {
    const s = stream(1);
    const sketch = quantiles();
    for (let i = 0; i < 300_000; i++) observe(sketch, 20 * s.exponential());
    for (const q of [0.5, 0.95, 0.99])
      expect(Math.abs(quantile(sketch, q) / (-20 * Math.log(1 - q)) - 1)).toBeLessThan(0.02);
    expect(sketch.counts.length).toBeLessThan(1200);
  });

  it('merge as if all had been seen in one place, in any order', () => {
    const same = (a: Quantiles, b: Quantiles) => expect(encodeQuantiles(a)).toEqual(encodeQuantiles(b));
    fc.assert(
      fc.property(positive, positive, positive, (x, y, z) => {
        const [a, b, c] = [sketchOf(x), sketchOf(y), sketchOf(z)];
        const before = encodeQuantiles(a);
        same(merge(a, b), sketchOf([...x, ...y]));
        same(merge(a, b), merge(b, a));
        same(merge(merge(a, b), c), merge(a, merge(b, c)));
        same(merge(a, quantiles()), a);
        same(merge(quantiles(), a), a);
        expect(encodeQuantiles(a)).toEqual(before);
      }),
    );
  });

  it('take zeros, huge values and weights; refuse NaN', () => {
    const sketch = sketchOf([0, -5, 1e300, Infinity]);
    expect(quantile(sketch, 0)).toBe(0);
    expect(quantile(sketch, 1) / LARGEST).toBeCloseTo(1, 1);
    expect(observe(sketch, Number.NaN)).toBe(false);
    expect(sketch.n).toBe(4);
    observe(sketch, 10, 1000);
    expect(Math.abs(quantile(sketch, 0.5) / 10 - 1)).toBeLessThanOrEqual(0.01 + 1e-9);
    expect(quantile(quantiles(), 0.5)).toBeNaN();
  });

  it('read back what was written, and refuse anything else', () => {
    fc.assert(
      fc.property(positive, fc.uint8Array({ maxLength: 60 }), (values, noise) => {
        const sketch = sketchOf([...values, 0]);
        const bytes = encodeQuantiles(sketch);
        const back = decodeQuantiles(bytes, DEFAULT_LIMITS);
        expect(encodeQuantiles(back)).toEqual(bytes);
        expect(back.n).toBe(sketch.n);
        for (const q of grid) expect(quantile(back, q)).toBe(quantile(sketch, q));
        for (const bad of [noise, bytes.slice(0, -1), Uint8Array.of(...bytes, 0)])
          try {
            const read = decodeQuantiles(bad, DEFAULT_LIMITS);
            expect(encodeQuantiles(read)).toEqual(bad);
          } catch (error) {
            expect(isGanglionError(error, 'undecodable')).toBe(true);
          }
      }),
    );
  });
});
