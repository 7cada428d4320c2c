import fc from 'fast-check';
import { describe, it } from 'vitest';
import { stream } from '../stats/random.ts';
import { type EvidenceSubject, evidenceLaws } from '../testing/evidence-laws.ts';
import { linearSubject } from '../testing/linear-subject.ts';
import { momentsSubject } from '../testing/moments-subject.ts';
import type { Decayed } from './decayed.ts';

/** One row an evidence: a new one is held to all laws by being listed. */
const rows: Readonly<Record<string, EvidenceSubject<Decayed>>> = {
  'moments/1 without forgetting': momentsSubject(undefined, [0, 1]),
  'moments/1 with a half-life': momentsSubject(60_000, [-2, 1]),
  'moments/1 far from its centre': momentsSubject(1000, [1e6, 1e6 + 1]),
  'linear/1 without forgetting': linearSubject(4, undefined, [0, 1]),
  'linear/1 with a half-life': linearSubject(3, 60_000, [-2, 1]),
  'linear/1 of a constant alone': linearSubject(1, 1000, [1e6, 1e6 + 1]),
};

for (const [name, subject] of Object.entries(rows))
  describe(name, () => {
    for (const { law, run } of evidenceLaws(subject))
      it(law, () => {
        fc.assert(
          fc.property(fc.nat({ max: 0xffffffff }), (seed) => run(stream(seed))),
          { numRuns: 60 },
        );
      });
  });
