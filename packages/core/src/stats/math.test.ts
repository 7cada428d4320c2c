import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exp, exp2, expm1, log, log1p, log2, pow, scaleByPowerOfTwo } from './math.ts';

// Distance in units in the last place of the expected value.
function ulps(actual: number, expected: number): number {
  if (actual === expected) return 0;
  const size = Math.abs(expected);
  const ulp = Math.max(2 ** (Math.floor(Math.log2(size)) - 52), Number.MIN_VALUE);
  return Math.abs(actual - expected) / ulp;
}

describe('math', () => {
  // The engine's constants are fixed by ECMAScript, digit for digit, unlike its functions.
  it('agrees with published constants', () => {
    expect(ulps(exp(1), Math.E)).toBeLessThanOrEqual(1);
    expect(log(2)).toBe(Math.LN2);
    expect(log(10)).toBe(Math.LN10);
    expect(exp(-1)).toBe(0.36787944117144233);
    expect(ulps(exp2(0.5), Math.SQRT2)).toBeLessThanOrEqual(1);
    expect(ulps(log1p(1e-10), 9.9999999995e-11)).toBeLessThanOrEqual(4);
    expect(ulps(expm1(1e-10), 1.00000000005e-10)).toBeLessThanOrEqual(8);
  });

  it('exp and log are within an ulp or two of the engine over the whole range', () => {
    fc.assert(
      fc.property(fc.double({ min: -700, max: 700, noNaN: true }), (x) => ulps(exp(x), Math.exp(x)) <= 2),
    );
    fc.assert(
      fc.property(fc.double({ min: 5e-324, max: 1e308, noNaN: true }), (x) => {
        return ulps(log(x), Math.log(x)) <= 2;
      }),
    );
    fc.assert(
      fc.property(fc.double({ min: -0.9, max: 1, noNaN: true }), (x) => {
        return ulps(log1p(x), Math.log1p(x)) <= 4 && ulps(expm1(x), Math.expm1(x)) <= 8;
      }),
    );
  });

  it('powers of two are exact, both ways, down to the subnormals', () => {
    for (let k = -1074; k <= 1023; k++) {
      expect(exp2(k)).toBe(2 ** k);
      expect(scaleByPowerOfTwo(1, k)).toBe(2 ** k);
      if (k >= -1022) expect(log2(2 ** k)).toBe(k);
    }
    expect(scaleByPowerOfTwo(3, 5)).toBe(96);
    expect(scaleByPowerOfTwo(3, 2000)).toBe(Infinity);
    expect(scaleByPowerOfTwo(3, -3000)).toBe(0);
  });

  it('handles the edges', () => {
    expect([exp(Infinity), exp(-Infinity), exp(Number.NaN), exp(0)]).toEqual([Infinity, 0, Number.NaN, 1]);
    expect([log(0), log(-1), log(Infinity), log(1), log(Number.NaN)]).toEqual([
      -Infinity,
      Number.NaN,
      Infinity,
      0,
      Number.NaN,
    ]);
    expect([exp2(Infinity), exp2(-Infinity), exp2(Number.NaN)]).toEqual([Infinity, 0, Number.NaN]);
    expect([pow(0, 2), pow(2, 10), pow(2, -2), pow(0, 0.5), pow(7, 0)]).toEqual([0, 1024, 0.25, 0, 1]);
  });

  it('log reaches both ends of the range', () => {
    for (const x of [
      5e-324,
      1e-310,
      2 ** -1022,
      2 ** 1022,
      1.7 * 2 ** 1022,
      2 ** 1023,
      1.99 * 2 ** 1023,
      1.3 * 2 ** 1023,
    ])
      expect(ulps(log(x), Math.log(x))).toBeLessThanOrEqual(2);
  });

  it('pow keeps its stated error', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
        fc.double({ min: -30, max: 30, noNaN: true }),
        (x, y) => {
          return Math.abs(pow(x, y) / x ** y - 1) < 1e-13;
        },
      ),
    );
  });
});
