import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Aggregator } from '../aggregator.ts';
import { stream } from '../stats/random.ts';
import { aggregatorLaws } from '../testing/aggregator-laws.ts';
import { weightedMean } from './weighted-mean.ts';

/** One row an aggregator: a new one is held to all laws by being listed. */
const rows: Readonly<Record<string, () => Aggregator>> = {
  'weighted-mean/1': () => weightedMean() as Aggregator,
};

for (const [name, make] of Object.entries(rows))
  describe(name, () => {
    for (const { law, run } of aggregatorLaws(make))
      it(law, () => {
        fc.assert(
          fc.property(fc.nat({ max: 0xffffffff }), (seed) => run(stream(seed))),
          { numRuns: 50 },
        );
      });
  });

describe('weighted mean', () => {
  it('weighs by examples: (1·1 + 3·5) / 4 = 4', () => {
    const aggregator = weightedMean();
    let state = aggregator.begin({ id: 'r', parameters: 2, minimum: 2 });
    state = aggregator.accept(state, { client: 'a', delta: Float32Array.of(1, 0), weight: 1 });
    state = aggregator.accept(state, { client: 'b', delta: Float32Array.of(5, 2), weight: 3 });
    expect(aggregator.finish(state)).toEqual({
      round: 'r',
      delta: Float32Array.of(4, 1.5),
      weight: 4,
      clients: 2,
    });
  });

  it('keeps what single precision would lose: a thousand small updates after a large one', () => {
    const aggregator = weightedMean();
    let state = aggregator.begin({ id: 'r', parameters: 1, minimum: 1 });
    state = aggregator.accept(state, { client: 'big', delta: Float32Array.of(2 ** 25), weight: 1 });
    for (let i = 0; i < 1000; i++)
      state = aggregator.accept(state, { client: `c${i}`, delta: Float32Array.of(1), weight: 1 });
    expect(aggregator.finish(state).delta[0]).toBe(Math.fround((2 ** 25 + 1000) / 1001));
  });
});
