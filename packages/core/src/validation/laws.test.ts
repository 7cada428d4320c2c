import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../limits.ts';
import { type Stream, stream } from '../stats/random.ts';
import { type EvidenceSubject, evidenceLaws } from '../testing/evidence-laws.ts';
import { addJudged, BIN, binRow, LOSS, type ValidationSums, validationSums } from './sums.ts';

/** Judged outcomes as a subject of the laws: yes-or-no ones and others, of both causes, now and then none. */
const subject: EvidenceSubject<ValidationSums> = {
  evidence: validationSums,
  arbitrary(random: Stream) {
    const sums = validationSums.zero();
    const binary = random.integer(2) === 0;
    for (let n = random.integer(4) === 0 ? 0 : random.integer(80); n > 0; n--) {
      const outcome = binary ? random.integer(2) : random.next();
      const caused = random.integer(2) === 0;
      const warm = random.integer(3) > 0;
      const learner = random.integer(5) === 0 ? random.integer(2) : random.next();
      addJudged(sums, { learner, reference: random.next(), outcome, caused, warm });
    }
    return sums;
  },
};

describe('validation/1', () => {
  for (const { law, run } of evidenceLaws(subject))
    it(law, () => {
      fc.assert(
        fc.property(fc.nat({ max: 0xffffffff }), (seed) => run(stream(seed))),
        { numRuns: 60 },
      );
    });

  it('refuses what no outcomes could have made', () => {
    const forged = (change: (sums: Float64Array) => void) => {
      const evidence = validationSums.zero();
      change(evidence.sums);
      return validationSums.validate(evidence, DEFAULT_LIMITS)?.code;
    };
    const implausible = 'implausible_evidence';
    expect(forged(() => {})).toBeUndefined();
    expect(forged((sums) => (sums[LOSS.squared] = 2))).toBe(implausible);
    expect(forged((sums) => sums.set([1, 0, -0.5]))).toBe(implausible);
    expect(forged((sums) => (sums[binRow(3) + BIN.n] = 1))).toBe(implausible);
    expect(
      forged((sums) => {
        sums[LOSS.n] = 1;
        sums.set([1, 0.995, 0, 0.99, 3, 0, 0, 0, 0, 0], binRow(15));
      }),
    ).toBe(implausible);
  });
});
