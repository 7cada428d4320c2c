import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Evidence } from '../evidence.ts';
import { advance, aim, mixture, onGrid, phaseOf } from './mixture.ts';

/** Evidence that is one number. */
const number = {
  add: (a: number, b: number) => a + b,
  scale: (a: number, by: number) => a * by,
} as unknown as Evidence<unknown>;

/** Times of the steps, and what was in use after each. */
function steps(node: string, learner: string, toldMs: number, everyMs = 250, count = 4): [number, unknown][] {
  const mix = mixture(0);
  const out: [number, unknown][] = [];
  aim(mix, 100, count, 1);
  for (let ms = toldMs; ms < toldMs + (count + 1) * everyMs; ms += 5)
    if (advance(mix, number, everyMs, ms, phaseOf(node, learner))) out.push([ms, mix.current]);
  return out;
}

describe('a new total', () => {
  test('is adopted in equal steps, one each period', () => {
    const taken = steps('d1', 'p|thompson/1', 10_000);
    expect(taken.map(([, value]) => value)).toEqual([25, 50, 75, 100]);
    for (let i = 1; i < taken.length; i++) expect(taken[i][0] - taken[i - 1][0]).toBe(250);
  });

  test('is adopted at the same times after a restart', () => {
    expect(steps('d1', 'p', 10_000)).toEqual(steps('d1', 'p', 10_000));
  });

  test('comes no sooner for being followed by another, however often', () => {
    const mix = mixture(0);
    let taken = 0;
    for (let ms = 0; ms < 2500; ms += 10) {
      aim(mix, 100 + ms, 4, ms);
      if (advance(mix, number, 250, ms, 0.3)) taken++;
    }
    expect(taken).toBe(10);
  });

  test('goes on within a period after the clock was set back', () => {
    const mix = mixture(0);
    aim(mix, 100, 4, 1);
    advance(mix, number, 250, 1_000_000, 0);
    for (let ms = 500_000; ms <= 501_000; ms += 10) advance(mix, number, 250, ms, 0);
    expect(mix.current).toBe(100);
  });
});

describe('siblings that are told in one moment', () => {
  const tenths = (phases: readonly number[]): number[] => {
    const counts = new Array<number>(10).fill(0);
    for (const phase of phases) counts[Math.floor(phase * 10)]++;
    return counts;
  };

  test('adopt it spread over the period: no tenth of it has more than twice its part', () => {
    const first = Array.from(
      { length: 500 },
      (_, i) => (steps(`device-${i}`, 'p', 10_000, 1000)[0][0] % 1000) / 1000,
    );
    for (const count of tenths(first)) expect(count).toBeLessThan(100);
  });

  test('and so do the learners of one node', () => {
    const phases = Array.from({ length: 500 }, (_, i) => phaseOf('device-1', `point-${i}|thompson/1`));
    for (const count of tenths(phases)) expect(count).toBeLessThan(100);
  });
});

test('a place on the grid is the first at or after, and on it', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 41 }),
      fc.integer({ min: 1, max: 86_400_000 }),
      fc.double({ min: 0, max: 0.999999, noNaN: true }),
      (ms, every, phase) => {
        const at = onGrid(ms, every, phase);
        expect(at).toBeGreaterThanOrEqual(ms);
        expect(at - ms).toBeLessThan(every);
        expect((((at - Math.floor(phase * every)) % every) + every) % every).toBe(0);
      },
    ),
  );
});
