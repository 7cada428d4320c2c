import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { standard } from '../presets/standard.ts';
import {
  declareFeatures,
  type EntityStore,
  entityStore,
  findRow,
  foldEvent,
  sweepEntities,
  timeAt,
  valueAt,
} from './entities.ts';
import { decodeEntity, encodeEntity } from './entity-codec.ts';
import { compileFeatures } from './features.ts';
import { findKey } from './key-index.ts';

const EPOCH = 1_700_000_000_000;
const HOUR = 3_600_000;
const DEFINE = {
  clicks: { count: 'click' },
  paid: { count: 'buy', sum: 'amount' },
  mean: { last: 'amount', of: 'buy', n: 3 },
  per: { ratio: ['paid', 'clicks'] },
  recent: { window: 'click', for: '1h', buckets: 4 },
};

const declare = (store: EntityStore, define: object, more: object = {}): void =>
  declareFeatures(store, compileFeatures({ features: { user: { ttl: '3h', define, ...more } } }, standard));

function storeOf(more: object = {}): EntityStore {
  const store = entityStore('d', 'user');
  declare(store, DEFINE, more);
  return store;
}

/** Values and both times of all features, in the order of DEFINE; undefined where the entity is not known. */
function read(store: EntityStore, key: string, nowMs: number): unknown {
  const row = findRow(store, key, nowMs);
  if (row < 0) return undefined;
  return store.plan.columns
    .map((column) => [
      column.id,
      valueAt(store, row, column, nowMs),
      timeAt(store, row, column, 0),
      timeAt(store, row, column, 1),
    ])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}

interface Heard {
  readonly key: string;
  readonly type: string;
  readonly atMs: number;
  readonly knownMs: number;
  readonly amount: number;
}

/** The same by a list of everything, in the order it was heard. */
function oracle(all: readonly Heard[], key: string, nowMs: number) {
  let kept: Heard[] = [];
  let newest = Number.NEGATIVE_INFINITY;
  for (const event of all.filter((each) => each.key === key)) {
    if (event.knownMs - newest > 3 * HOUR) {
      kept = [];
      newest = Number.NEGATIVE_INFINITY;
    }
    kept.push(event);
    newest = Math.max(newest, event.atMs);
  }
  if (nowMs - newest > 3 * HOUR) return undefined;
  const of = (type: string): Heard[] => kept.filter((each) => each.type === type);
  const latest = (events: readonly Heard[], which: 'atMs' | 'knownMs'): number =>
    Math.max(0, ...events.map((e) => e[which]));
  const buys = of('buy').sort((a, b) => a.atMs - b.atMs || a.amount - b.amount);
  const last3 = buys.slice(-3);
  const part = (ms: number): number => Math.floor(ms / (HOUR / 4));
  const paid = buys.reduce((sum, { amount }) => sum + amount, 0);
  const times = (events: readonly Heard[]): number[] => [latest(events, 'atMs'), latest(events, 'knownMs')];
  return {
    clicks: [of('click').length, ...times(of('click'))],
    paid: [paid, ...times(buys)],
    mean: [
      last3.length === 0 ? Number.NaN : last3.reduce((sum, { amount }) => sum + amount, 0) / last3.length,
      times(buys),
    ],
    per: [
      of('click').length === 0 ? Number.NaN : paid / of('click').length,
      times([...of('click'), ...buys]),
    ],
    recent: of('click').filter(({ atMs }) => part(atMs) > part(nowMs) - 4).length,
  };
}

function asOracle(store: EntityStore, key: string, nowMs: number) {
  const row = findRow(store, key, nowMs);
  if (row < 0) return undefined;
  const [clicks, paid, mean, per, recent] = [
    '{"count":"click"}',
    '"sum":"amount"}]',
    'last/1',
    'ratio/1',
    'window/1',
  ].map((word) =>
    store.plan.columns.find(({ id }) => (id.startsWith('["ratio') ? word === 'ratio/1' : id.includes(word))),
  ) as EntityStore['plan']['columns'][number][];
  const value = (each: typeof clicks): number => valueAt(store, row, each, nowMs);
  const times = (each: typeof clicks): number[] => [timeAt(store, row, each, 0), timeAt(store, row, each, 1)];
  return {
    clicks: [value(clicks), ...times(clicks)],
    paid: [value(paid), ...times(paid)],
    mean: [value(mean), times(mean)],
    per: [value(per), times(per)],
    recent: value(recent),
  };
}

const heard = fc
  .array(
    fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      type: fc.constantFrom('click', 'buy', 'other'),
      passMs: fc.oneof(fc.integer({ min: 0, max: HOUR }), fc.integer({ min: 0, max: 5 * HOUR })),
      lateMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 * HOUR })),
      amount: fc.integer({ min: 0, max: 400 }).map((x) => x / 4),
    }),
    { maxLength: 40 },
  )
  .map((steps) => {
    let knownMs = EPOCH;
    return steps.map(({ passMs, lateMs, ...event }): Heard => {
      knownMs += passMs;
      return { ...event, knownMs, atMs: knownMs - lateMs };
    });
  });

const tell = (store: EntityStore, { key, type, atMs, knownMs, amount }: Heard): boolean =>
  foldEvent(store, key, { type, atMs, data: { amount } }, knownMs);

describe('a store of entities', () => {
  test('knows what a list of all events knows, at any time, and whatever it forgot in between', () => {
    fc.assert(
      fc.property(heard, fc.integer({ min: 0, max: 4 * HOUR }), (all, laterMs) => {
        const store = storeOf();
        const told = all.filter((event) => {
          sweepEntities(store, event.knownMs, 2);
          return tell(store, event);
        });
        const nowMs = (all.at(-1)?.knownMs ?? EPOCH) + laterMs;
        for (const key of ['a', 'b', 'c'])
          expect(asOracle(store, key, nowMs)).toEqual(oracle(told, key, nowMs));
      }),
    );
  });

  test('is the same after it was written down and read back, and goes on as before', () => {
    fc.assert(
      fc.property(heard, heard, (first, second) => {
        const store = storeOf();
        for (const event of first) tell(store, event);
        const again = storeOf();
        for (const [row, key] of store.index.keys.entries())
          if (key !== undefined) decodeEntity(again, key, encodeEntity(store, row));
        for (const each of [store, again]) for (const event of second) tell(each, event);
        for (const key of ['a', 'b', 'c'])
          expect(read(again, key, EPOCH + HOUR)).toEqual(read(store, key, EPOCH + HOUR));
      }),
    );
  });

  test('keeps what features that stay know when others come and go', () => {
    fc.assert(
      fc.property(heard, (all) => {
        const store = storeOf();
        const plain = storeOf();
        for (const event of all) tell(plain, event);
        all.forEach((event, i) => {
          const { recent, clicks, ...less } = DEFINE;
          declare(
            store,
            i % 2 === 0 ? { extra: { distinct: 'amount', of: 'buy' }, recent, ...less, clicks } : DEFINE,
          );
          tell(store, event);
        });
        declare(store, DEFINE);
        for (const key of ['a', 'b', 'c']) expect(read(store, key, EPOCH)).toEqual(read(plain, key, EPOCH));
      }),
    );
  });

  test('never holds more than it may, and counts what it lets go', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 200 }), fc.integer({ min: 1, max: 20 }), (keys, most) => {
        const store = storeOf({ maxEntities: most });
        const all = new Set<string>();
        for (const [i, n] of keys.entries()) {
          const known = findKey(store.index, `k${n}`) >= 0;
          tell(store, { key: `k${n}`, type: 'click', atMs: EPOCH + i, knownMs: EPOCH + i, amount: 0 });
          if (!known) all.add(`${i}`);
          expect(store.index.size).toBeLessThanOrEqual(most);
          expect(findKey(store.index, `k${n}`) >= 0).toBe(true);
        }
        expect(store.index.size + store.counters.evicted).toBe(all.size);
        // Rows of those that went are used again.
        expect(store.used).toBeLessThanOrEqual(most);
      }),
    );
  });
});
