import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cell, EventValue, Feature } from '../feature.ts';
import { features } from './index.ts';

const EPOCH = 1_700_000_000_000;
const HOUR = 3_600_000;

interface Sample {
  readonly atMs: number;
  readonly data: Readonly<Record<string, EventValue>>;
}

function after(feature: Feature, samples: readonly Sample[]): Cell {
  const cell: Cell = { numbers: new Float64Array(feature.numbers), at: 0, others: [undefined], other: 0 };
  for (const sample of samples) feature.fold(cell, { type: 'x', ...sample });
  return cell;
}

const samples = fc.array(
  fc.record({
    atMs: fc.integer({ min: EPOCH, max: EPOCH + 3 * HOUR }),
    data: fc.record({ amount: fc.integer({ min: -1000, max: 1000 }).map((x) => x / 4) }),
  }),
  { maxLength: 80 },
);
const laterMs = fc.integer({ min: EPOCH + 3 * HOUR, max: EPOCH + 9 * HOUR });
const sum = (values: readonly number[]): number => values.reduce((total, x) => total + x, 0);
const amounts = (all: readonly Sample[]): number[] => all.map(({ data }) => Number(data.amount));

describe('a rate', () => {
  it('is the sum of what every event weighs now, by its closed form', () => {
    fc.assert(
      fc.property(samples, laterMs, fc.integer({ min: 60_000, max: 4 * HOUR }), (all, nowMs, halfLife) => {
        const feature = features.rate({ rate: 'x', halfLife, per: '1h', sum: 'amount' }, 'test');
        const terms = all.map(({ atMs, data }) => Number(data.amount) * 2 ** ((atMs - nowMs) / halfLife));
        const scale = (HOUR * Math.LN2) / halfLife;
        const value = feature.read(after(feature, all), nowMs);
        expect(Math.abs(value - sum(terms) * scale)).toBeLessThanOrEqual(
          1e-12 * scale * (1 + sum(terms.map(Math.abs))),
        );
      }),
    );
  });

  it('of events at an even pace is that pace', () => {
    const feature = features.rate({ rate: 'x', halfLife: '10m', per: '1m' }, 'test');
    const every2s = Array.from({ length: 6000 }, (_, i) => ({ atMs: EPOCH + 2000 * i, data: {} }));
    // Between two events, so that none is counted more than it has yet to fade.
    expect(feature.read(after(feature, every2s), EPOCH + 2000 * 5999 + 1000)).toBeCloseTo(30, 3);
  });
});

describe('a window', () => {
  it('counts what a list of all events has of the part under way and those before it', () => {
    fc.assert(
      fc.property(samples, laterMs, fc.integer({ min: 2, max: 60 }), (all, nowMs, buckets) => {
        const spanMs = buckets * 97_000;
        const part = (ms: number): number => Math.floor(ms / 97_000);
        const inside = all.filter(({ atMs }) => part(atMs) > part(nowMs) - buckets);
        const feature = features.window({ window: 'x', for: spanMs, buckets }, 'test');
        expect(feature.read(after(feature, all), nowMs)).toBe(inside.length);
        const total = features.window({ window: 'x', for: spanMs, buckets, sum: 'amount' }, 'test');
        expect(total.read(after(total, all), nowMs)).toBeCloseTo(sum(amounts(inside)), 8);
      }),
    );
  });

  it('spans no more than was declared, and less by one part at most', () => {
    const feature = features.window({ window: 'x', for: '1h', buckets: 12 }, 'test');
    const cell = after(feature, [{ atMs: EPOCH, data: {} }]);
    expect(feature.read(cell, EPOCH + HOUR * (11 / 12) - 1)).toBe(1);
    expect(feature.read(cell, EPOCH + HOUR)).toBe(0);
  });
});

describe('the last', () => {
  it('are the newest by their time, whenever they arrived', () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 20 }), (all, n) => {
        const newest = [...all]
          .sort((a, b) => a.atMs - b.atMs || Number(a.data.amount) - Number(b.data.amount))
          .slice(-n);
        const read = (as: string): number => {
          const feature = features.last({ last: 'amount', of: 'x', n, as }, 'test');
          return feature.read(after(feature, all), 0);
        };
        const values = amounts(newest);
        if (values.length === 0) return void expect(read('sum')).toBeNaN();
        expect(read('mean')).toBeCloseTo(sum(values) / values.length, 9);
        expect([read('min'), read('max'), read('latest')]).toEqual([
          Math.min(...values),
          Math.max(...values),
          values.at(-1),
        ]);
      }),
    );
  });
});

describe('distinct', () => {
  const counted = (values: readonly EventValue[], error: number): { value: number; stated: number } => {
    const feature = features.distinct({ distinct: 'item', of: 'x', error }, 'test');
    const cell = after(
      feature,
      values.map((item) => ({ atMs: EPOCH, data: { item } })),
    );
    return { value: feature.read(cell, 0), stated: feature.error?.(cell) ?? Number.NaN };
  };

  it('is exact while there are few', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ max: 60 }), fc.boolean(), fc.stringMatching(/^[0-9]{1,2}$/)), {
          maxLength: 300,
        }),
        (values) => {
          const different = new Set(values.map((value) => `${typeof value} ${value}`)).size;
          if (different <= 511) expect(counted(values, 0.02).value).toBe(different);
        },
      ),
    );
    expect(
      counted(
        Array.from({ length: 63 }, (_, i) => `v${i}`),
        0.05,
      ).value,
    ).toBe(63);
  });

  it.each([0.1, 0.05, 0.02])('is off by no more than its standard error allows: %d', (error) => {
    const sizes = [600, 2000, 8000];
    const errors = sizes.flatMap((n) =>
      Array.from({ length: 12 }, (_, k) => {
        const { value } = counted(
          Array.from({ length: n }, (_, i) => `${k}/${i}`),
          error,
        );
        return value / n - 1;
      }),
    );
    expect(counted(['one'], error).stated).toBe(0);
    const { stated } = counted(
      Array.from({ length: 600 }, (_, i) => i),
      error,
    );
    expect(stated).toBeGreaterThan(0);
    expect(stated).toBeLessThanOrEqual(error);
    // 36 estimates: their root mean square is within a third of the standard error, and none is beyond four of them.
    expect(Math.sqrt(sum(errors.map((e) => e * e)) / errors.length)).toBeLessThan(1.33 * stated);
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(4 * stated);
  });
});
