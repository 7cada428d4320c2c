import fc from 'fast-check';
import { expect, it } from 'vitest';
import { placeOn, ticksOf } from './scale.ts';

it('ticks are round, rising, inside, and about as many as asked for', () => {
  expect(ticksOf(-0.11, 0.11, 4)).toEqual([-0.1, -0.05, 0, 0.05, 0.1].map((x) => expect.closeTo(x, 12)));
  expect(ticksOf(0, 0, 4)).toEqual([]);
  expect(ticksOf(Number.NaN, 1, 4)).toEqual([]);
  const size = fc.double({ min: 1e-9, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(size, size, fc.integer({ min: 2, max: 10 }), (low, span, count) => {
      const ticks = ticksOf(-low, span, count);
      const slack = (low + span) * 1e-6;
      expect(ticks.length).toBeLessThanOrEqual(count * 1.6 + 2);
      for (const [i, tick] of ticks.entries()) {
        expect(tick).toBeGreaterThanOrEqual(-low - slack);
        expect(tick).toBeLessThanOrEqual(span + slack);
        if (i > 0) expect(tick).toBeGreaterThan(ticks[i - 1]);
      }
      expect(ticks).toContain(0);
    }),
  );
});

it('a place is in per cent, cut at the ends', () => {
  expect(placeOn(0, [-1, 1])).toBe(50);
  expect(placeOn(9, [-1, 1])).toBe(100);
  expect(placeOn(-9, [-1, 1])).toBe(0);
});
