import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stream } from '../stats/random.ts';
import { type FeatureSubject, featureLaws } from '../testing/feature-laws.ts';
import { features } from './index.ts';

const make = (kind: string, options: object) => () => features[kind]({ [kind]: 'x', ...options }, 'test');
const amount: FeatureSubject['data'] = (random) => ({ amount: Math.round(random.next() * 2000 - 500) / 8 });
const item =
  (of: number): FeatureSubject['data'] =>
  (random) => ({ item: `i${random.integer(of)}` });

/** One row a feature: a new one is held to all laws by being listed. */
const rows: Readonly<Record<string, FeatureSubject>> = {
  count: { make: make('count', {}), data: amount },
  'count of amounts': { make: make('count', { sum: 'amount' }), data: amount },
  rate: { make: make('rate', { halfLife: '10m' }), data: amount },
  'rate of amounts': { make: make('rate', { halfLife: '1h', per: '1m', sum: 'amount' }), data: amount },
  window: { make: make('window', { for: '1h' }), data: amount },
  'window of amounts': { make: make('window', { for: '20m', buckets: 7, sum: 'amount' }), data: amount },
  last: { make: make('last', { last: 'amount', of: 'x' }), data: amount },
  'mean of the last': { make: make('last', { last: 'amount', of: 'x', n: 5 }), data: amount },
  'most of the last': { make: make('last', { last: 'amount', of: 'x', n: 17, as: 'max' }), data: amount },
  latest: { make: make('latest', { latest: 'item', of: 'x' }), data: item(5) },
  'distinct, few': { make: make('distinct', { distinct: 'item', of: 'x' }), data: item(40) },
  'distinct, many': { make: make('distinct', { distinct: 'item', of: 'x', error: '10%' }), data: item(1000) },
};

it('every kind that events move is here', () => {
  const listed = new Set(Object.keys(rows).map((name) => rows[name].make().name));
  const all = Object.keys(features).filter((kind) => kind !== 'ratio');
  expect(listed).toEqual(new Set(all.map((kind) => `${kind}/1`)));
});

for (const [name, subject] of Object.entries(rows))
  describe(name, () => {
    for (const { law, run } of featureLaws(subject))
      it(law, () => {
        fc.assert(
          fc.property(fc.nat({ max: 0xffffffff }), (seed) => run(stream(seed))),
          { numRuns: 25 },
        );
      });
  });
