import { describe, expect, test } from 'vitest';
import { stream } from '../../stats/random.ts';
import { synthetic } from '../../testing/logged.ts';
import { replay, replayedRewards } from './replaying.ts';
import { slateIps, slateSnips, slateWeights } from './slate.ts';
import { valueOfTerms } from './terms.ts';

describe('slates', () => {
  const columns = {
    positions: 2,
    reward: Float64Array.of(1, 0, 0, 1),
    propensity: Float64Array.of(0.5, 0.5, 0.5, 0.25),
    candidate: Float64Array.of(1, 0.25, 0.5, 0.5),
  };

  test('weights by hand', () => {
    expect([...slateWeights(columns, 'independent')]).toEqual([2, 0.5, 1, 2]);
    expect([...slateWeights(columns, 'cascade')]).toEqual([2, 1, 1, 2]);
    expect([...slateWeights(columns, 'standard')]).toEqual([1, 1, 2, 2]);
  });

  test.each([
    ['independent', (2 + 2) / 2],
    ['cascade', (2 + 2) / 2],
    ['standard', (1 + 2) / 2],
  ] as const)('%s by hand', (model, value) => {
    expect(valueOfTerms(slateIps(columns, model))).toBeCloseTo(value, 14);
  });

  test('self-normalised by position', () => {
    expect(slateSnips(columns, 'cascade').map(valueOfTerms)).toEqual([2 / 3, 2 / 3]);
  });

  test('where a click depends on the item above, cascade is right and independent is not', () => {
    const draws = stream(5);
    const slates = 60_000;
    const [reward, propensity, candidate] = [0, 0, 0].map(() => new Float64Array(2 * slates));
    for (let i = 0; i < slates; i++) {
      // Two items a position; the candidate repeats the first below it with 0.9, the log tosses a coin.
      const first = draws.integer(2);
      const second = draws.integer(2);
      propensity.fill(0.5, 2 * i, 2 * i + 2);
      candidate[2 * i] = first === 0 ? 0.8 : 0.2;
      candidate[2 * i + 1] = second === first ? 0.9 : 0.1;
      reward[2 * i + 1] = second === first && draws.next() < 0.5 ? 1 : 0;
    }
    const log = { positions: 2, reward, propensity, candidate };
    expect(valueOfTerms(slateIps(log, 'cascade'))).toBeCloseTo(0.45, 1);
    expect(valueOfTerms(slateIps(log, 'standard'))).toBeCloseTo(0.45, 1);
    // Given marginals (as it asks for): 0.5 each by symmetry of the pair (first, second) under the log's coin.
    const marginal = log.candidate.slice();
    for (let i = 0; i < slates; i++) marginal[2 * i + 1] = 0.5;
    expect(valueOfTerms(slateIps({ ...log, candidate: marginal }, 'independent'))).toBeCloseTo(0.25, 1);
  });

  test.each([
    [{ positions: 3 }, 'reward'],
    [{ propensity: Float64Array.of(0.5, 0, 0.5, 1) }, 'propensity[1]'],
    [{ candidate: Float64Array.of(0.5, 2, 0.5, 1) }, 'candidate[1]'],
  ])('bad slates are refused', (change, field) => {
    expect(() => slateIps({ ...columns, ...change }, 'standard')).toThrow(expect.objectContaining({ field }));
  });
});

describe('replay', () => {
  test('keeps what a sure candidate would have done, and nothing else', () => {
    const rewards = replayedRewards(
      {
        reward: Float64Array.of(1, 2, 3, 4),
        propensity: new Float64Array(4).fill(0.25),
        candidate: Float64Array.of(1, 0, 1, 0),
      },
      { bound: 4, seed: 1 },
    );
    expect([...rewards]).toEqual([1, 3]);
  });

  test('keeps the candidate’s own distribution from a log that is not uniform', () => {
    const log = synthetic(40_000, 3);
    const bound = Math.max(...log.candidate.map((c, i) => c / log.propensity[i]));
    const kept = replayedRewards(log, { bound, seed: 2 });
    expect(kept.reduce((a, b) => a + b, 0) / kept.length).toBeCloseTo(log.truth, 1.7);
    // One in `bound` is kept: E[π/p] = 1.
    expect(kept.length / 40_000).toBeCloseTo(1 / bound, 1.7);
  });

  test('is the same for the same seed', () => {
    const log = synthetic(500, 3);
    expect(replayedRewards(log, { bound: 20, seed: 2 })).toEqual(
      replayedRewards(log, { bound: 20, seed: 2 }),
    );
  });

  test('refuses a weight above its bound, or clips and counts it', () => {
    expect(() => replay({ bound: 2, seed: 1 }).accept(1, 0.1)).toThrow(/bound/);
    const run = replay({ bound: 2, seed: 1, above: 'clip' });
    expect([run.accept(1, 0.1), run.clipped, run.kept]).toEqual([true, 1, 1]);
  });
});
