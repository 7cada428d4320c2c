import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../limits.ts';
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

/** Experiments' counts as a subject of the laws: a few comparisons with all kinds of rows, now and then nothing. */
const subject: EvidenceSubject<Tally> = {
  evidence: tallies,
  arbitrary(random: Stream) {
    const tally = tallies.zero();
    for (let n = random.integer(4) === 0 ? 0 : random.integer(80); n > 0; n--) {
      const at = { key: `e${random.integer(3)}.x`, phase: random.integer(2) };
      const variant = `v${random.integer(2)}`;
      const p = 0.05 + 0.95 * random.next();
      addDecision(tally, rowKey('s', at, variant), random.integer(3) > 0);
      addValue(
        tally,
        rowKey('m', at, variant, 'reward'),
        random.next(),
        random.next(),
        random.integer(9) === 0,
      );
      addWeighted(tally, rowKey('a', at, variant, 'reward'), random.next(), p);
      addBets(tally, rowKey('b', at, variant), p);
      addWagered(tally, rowKey('w', at, variant, wageredOn('reward', [0, 2])), 3 * random.next(), p, [0, 2]);
      addUnit(tally, rowKey('u', at, 'units'), mix32(random.integer(200)));
    }
    return tally;
  },
};

describe('comparisons/2', () => {
  for (const { law, run } of evidenceLaws(subject))
    it(law, () => {
      fc.assert(
        fc.property(fc.nat({ max: 0xffffffff }), (seed) => run(stream(seed))),
        { numRuns: 60 },
      );
    });

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
