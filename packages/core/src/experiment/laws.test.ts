import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, NUMBER_LIMITS } from '../limits.ts';
import { mix32 } from '../stats/hash.ts';
import { type Stream, stream } from '../stats/random.ts';
import { type EvidenceSubject, evidenceLaws } from '../testing/evidence-laws.ts';
import {
  addBets,
  addDecision,
  addUnit,
  addValue,
  addWagered,
  addWeighted,
  rowKey,
  type Tally,
  tallies,
  wageredOn,
} from './tally.ts';

/**
 * Experiments' counts as a subject of the laws: a few comparisons with all kinds of rows, now and then nothing.
 * @param largest - magnitude of outcomes and covariates @param least - propensity
 */
const subjectOf = (largest: number, least: number): EvidenceSubject<Tally> => ({
  evidence: tallies,
  arbitrary(random: Stream) {
    const tally = tallies.zero();
    for (let n = random.integer(4) === 0 ? 0 : random.integer(80); n > 0; n--) {
      const at = { key: `e${random.integer(3)}.x`, phase: random.integer(2) };
      const variant = `v${random.integer(2)}`;
      const p = random.integer(2) === 0 ? least : least + (1 - least) * random.next();
      const [y, x] = [0, 1].map(
        () => largest * (random.integer(3) === 0 ? random.integer(3) - 1 : random.next()),
      );
      addDecision(tally, rowKey('s', at, variant), random.integer(3) > 0);
      addValue(tally, rowKey('m', at, variant, 'reward'), y, x, random.integer(9) === 0);
      addWeighted(tally, rowKey('a', at, variant, 'reward'), y, p);
      addBets(tally, rowKey('b', at, variant), p);
      addWagered(tally, rowKey('w', at, variant, wageredOn('reward', [0, 2])), 3 * random.next(), p, [0, 2]);
      addUnit(tally, rowKey('u', at, 'units'), mix32(random.integer(200)));
    }
    return tally;
  },
});

describe.each([
  ['usual outcomes', 1, 0.05],
  ['the largest outcomes that are admitted', NUMBER_LIMITS.largest, 0.05],
  ['the largest, of arms that were next to impossible', NUMBER_LIMITS.largest, Number.MIN_VALUE],
  ['beyond what is admitted', Number.MAX_VALUE, 0.05],
])('comparisons/2 of %s', (_, largest, least) => {
  for (const { law, run } of evidenceLaws(subjectOf(largest, least)))
    it(law, () => {
      fc.assert(
        fc.property(fc.nat({ max: 0xffffffff }), (seed) => run(stream(seed))),
        { numRuns: 60 },
      );
    });
});

describe('comparisons/2', () => {
  it('refuses what no outcomes could have made', () => {
    const at = { key: 'e.x', phase: 0 };
    const forged = (key: string, row: readonly number[]) =>
      tallies.validate({ rows: new Map([[key, Float64Array.from(row)]]) }, DEFAULT_LIMITS)?.code;
    expect(forged(rowKey('s', at, 'v'), [1, 2])).toBe('implausible_evidence');
    expect(forged(rowKey('m', at, 'v', 'y'), [1, 5, 1, 0, 0, 0, 0])).toBe('implausible_evidence');
    expect(forged(rowKey('a', at, 'v', 'y'), [9, 1, 1, 1, 1, 1])).toBe('implausible_evidence');
    expect(forged(rowKey('b', at, 'v'), [1, -1, 0, 0, 0])).toBe('implausible_evidence');
    expect(forged(rowKey('u', at, 'units'), [5, 1, 5, 1, ...new Array(60).fill(0)])).toBe(
      'implausible_evidence',
    );
    expect(forged(rowKey('s', at, 'v'), [Number.NaN, 0])).toBe('implausible_evidence');
  });
});
