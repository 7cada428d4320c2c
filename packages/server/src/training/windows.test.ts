import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CADENCES,
  type Cadence,
  collide,
  conflict,
  freeWindow,
  nextWindow,
  placesOf,
  startIn,
  type Trained,
} from './windows.ts';

const HOUR = 3_600_000;
const cadence = fc.constantFrom(...(Object.keys(CADENCES) as Cadence[]));
const resource = fc.constantFrom(
  'orders',
  'clicks',
  'prices',
  'stock',
  'users',
  'weather',
  'traffic',
  'spend',
);
const models = fc.uniqueArray(
  fc.record({
    model: fc.stringMatching(/^[a-z]{1,6}$/),
    cadence,
    shares: fc.uniqueArray(resource, { maxLength: 3 }),
  }),
  { selector: ({ model }) => model, maxLength: 40 },
);

/** Those that a model shares with, directly or over others. */
function connected(model: Trained, all: readonly Trained[]): Set<string> {
  const seen = new Set([model.model]);
  const open = [model];
  for (let each = open.pop(); each !== undefined; each = open.pop())
    for (const other of all)
      if (!seen.has(other.model) && conflict(each, other)) {
        seen.add(other.model);
        open.push(other);
      }
  return seen;
}

describe('the windows of models', () => {
  it('are never those of another that shares data or features with it, whatever their cadences', () => {
    fc.assert(
      fc.property(models, fc.constantFrom(HOUR, HOUR / 2, HOUR / 4), (all, windowMs) => {
        const places = placesOf(all, windowMs);
        expect(places.size).toBe(all.length);
        // Over twice the longest period, window by window, as they will happen.
        const last = 2 * CADENCES.quarterly * (86_400_000 / windowMs);
        const windows = new Map<number, Trained[]>();
        for (const each of all) {
          const place = places.get(each.model)!;
          expect(place.offset).toBeLessThan(place.period);
          for (let window = place.offset; window < last; window += place.period)
            windows.set(window, [...(windows.get(window) ?? []), each]);
        }
        for (const inOne of windows.values())
          for (const a of inOne) for (const b of inOne) if (a !== b) expect(conflict(a, b)).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  it('depend on the set of models alone', () => {
    fc.assert(
      fc.property(models, (all) => {
        expect(placesOf([...all].reverse(), HOUR)).toEqual(placesOf(all, HOUR));
      }),
    );
  });

  it('stay where they are when a model comes or goes that shares nothing with them, directly or over others', () => {
    fc.assert(
      fc.property(models, (all) => {
        const [added, ...rest] = all;
        if (added === undefined) return;
        const before = placesOf(rest, HOUR);
        const after = placesOf(all, HOUR);
        const touched = connected(added, all);
        for (const { model } of rest)
          if (!touched.has(model)) expect(after.get(model)).toEqual(before.get(model));
      }),
    );
  });

  it('keep most places even among those that share with the one that came', () => {
    let moved = 0;
    let all = 0;
    for (let trial = 0; trial < 200; trial++) {
      const rest = Array.from(
        { length: 10 },
        (_, i): Trained => ({
          model: `m${trial}-${i}`,
          cadence: i % 2 === 0 ? 'daily' : 'weekly',
          shares: ['orders'],
        }),
      );
      const before = placesOf(rest, HOUR);
      const after = placesOf(
        [...rest, { model: `new${trial}`, cadence: 'weekly', shares: ['orders'] }],
        HOUR,
      );
      for (const { model } of rest) {
        all++;
        if (after.get(model)!.offset !== before.get(model)!.offset) moved++;
      }
    }
    expect(moved / all).toBeLessThan(0.02);
  });

  it('are refused where more share than there are windows, and given where just as many do', () => {
    const sharing = (n: number): Trained[] =>
      Array.from({ length: n }, (_, i) => ({ model: `m${i}`, cadence: 'daily', shares: ['orders'] }));
    expect(new Set([...placesOf(sharing(24), HOUR).values()].map(({ offset }) => offset)).size).toBe(24);
    expect(() => placesOf(sharing(25), HOUR)).toThrow(/more models than there are windows/);
    expect(placesOf(sharing(25), HOUR / 2).size).toBe(25);
  });
});

describe('a run', () => {
  it('begins and ends in its window, at a time of its own each time', () => {
    const starts = Array.from({ length: 50 }, (_, i) => startIn(i, 'm', HOUR, HOUR / 2) - i * HOUR);
    for (const each of starts) {
      expect(each).toBeGreaterThanOrEqual(0);
      expect(each + HOUR / 2).toBeLessThanOrEqual(HOUR);
    }
    expect(new Set(starts).size).toBeGreaterThan(45);
    expect(startIn(7, 'm', HOUR, HOUR / 2)).toBe(startIn(7, 'm', HOUR, HOUR / 2));
    expect(startIn(7, 'm', HOUR, HOUR)).toBe(7 * HOUR);
  });

  it('comes next in the first window of its place', () => {
    fc.assert(
      fc.property(fc.nat(2000), fc.nat(2000), fc.nat(10 ** 6), (period, offset, from) => {
        const place = { period: period + 1, offset: offset % (period + 1) };
        const window = nextWindow(place, HOUR, from * 60_000);
        expect(window * HOUR).toBeGreaterThanOrEqual(from * 60_000);
        expect(window % place.period).toBe(place.offset);
        expect((window - place.period) * HOUR).toBeLessThan(from * 60_000);
      }),
    );
  });

  it('that is asked for takes no window of those that share with it', () => {
    fc.assert(
      fc.property(models, fc.nat(5000), (all, from) => {
        const places = placesOf(all, HOUR);
        const others = all.map((each) => ({ ...each, ...places.get(each.model)! }));
        for (const each of all.slice(0, 3)) {
          const window = freeWindow(each, from, others, () => false);
          expect(window).toBeGreaterThanOrEqual(from);
          for (const other of others)
            if (other.model !== each.model && conflict(each, other))
              expect(window % other.period).not.toBe(other.offset);
        }
      }),
    );
  });
});

it('two places collide iff some window is both of theirs', () => {
  fc.assert(
    fc.property(cadence, cadence, fc.nat(10_000), fc.nat(10_000), (a, b, i, j) => {
      const [p, q] = [CADENCES[a] * 24, CADENCES[b] * 24];
      const [x, y] = [
        { period: p, offset: i % p },
        { period: q, offset: j % q },
      ];
      let met = false;
      for (let window = x.offset; window < CADENCES.quarterly * 24; window += p)
        if (window % q === y.offset) met = true;
      expect(collide(x, y)).toBe(met);
    }),
  );
});
