import fc from 'fast-check';
import { describe, it } from 'vitest';
import { NUMBER_LIMITS } from '../limits.ts';
import { stream } from '../stats/random.ts';
import { type EvidenceSubject, evidenceLaws } from '../testing/evidence-laws.ts';
import type { Law } from '../testing/law.ts';
import { linearSubject } from '../testing/linear-subject.ts';
import { metricsSubject } from '../testing/metrics-subject.ts';
import { momentsSubject } from '../testing/moments-subject.ts';
import { transitionsSubject } from '../testing/transitions-subject.ts';
import { type Count, count } from './count.ts';
import { OUTCOMES } from './moments.ts';
import { type Product, product } from './product.ts';

/** Two learners of the same outcomes side by side; the first counts them. */
function pair(): EvidenceSubject<Product> {
  const [first, second] = [momentsSubject(undefined, [0, 1]), momentsSubject(60_000, [-2, 1])];
  return {
    evidence: product('pair/1', [first.evidence, second.evidence]),
    arbitrary(random) {
      const [more, fewer] = [first.arbitrary(random), second.arbitrary(random)];
      const row = more.arms.get('arm-0#0');
      if (row !== undefined) row[OUTCOMES] += second.evidence.outcomes(fewer);
      return { parts: [more, row === undefined ? second.evidence.zero() : fewer] };
    },
    differ: ({ parts: a }, { parts: b }) =>
      first.differ?.(a[0] as never, b[0] as never) || second.differ?.(a[1] as never, b[1] as never) || '',
  };
}

/** The widest ranges and the narrowest that a point may declare. */
const { largest, narrowest } = NUMBER_LIMITS;
const EXTREMES: readonly (readonly [number, number])[] = [
  [-largest, largest],
  [0, narrowest],
  [largest * (1 - 1e-9), largest],
];

const extreme = (laws: (range: readonly [number, number]) => readonly Law[], name: string) =>
  EXTREMES.map((range) => [`${name} within [${range.join(', ')}]`, laws(range)] as const);

/** One row an evidence: a new one is held to all laws by being listed. */
const rows: Readonly<Record<string, readonly Law[]>> = {
  'moments/1 without forgetting': evidenceLaws(momentsSubject(undefined, [0, 1])),
  'moments/1 with a half-life': evidenceLaws(momentsSubject(60_000, [-2, 1])),
  'moments/1 far from its centre': evidenceLaws(momentsSubject(1000, [1e6, 1e6 + 1])),
  'linear/1 without forgetting': evidenceLaws(linearSubject(4, undefined, [0, 1])),
  'linear/1 with a half-life': evidenceLaws(linearSubject(3, 60_000, [-2, 1])),
  'linear/1 of a constant alone': evidenceLaws(linearSubject(1, 1000, [1e6, 1e6 + 1])),
  'metrics/1 without forgetting': evidenceLaws(metricsSubject(undefined)),
  'metrics/1 with a half-life': evidenceLaws(metricsSubject(60_000)),
  'transitions/1 without forgetting': evidenceLaws(transitionsSubject(3, 1, undefined, [0, 1])),
  'transitions/1 over three steps with a half-life': evidenceLaws(transitionsSubject(4, 3, 60_000, [-2, 1])),
  'count/1': evidenceLaws<Count>({
    evidence: count,
    arbitrary: (random) => ({ n: random.integer(50) }),
  }),
  'a product of two': evidenceLaws(pair()),
  ...Object.fromEntries([
    ...extreme((range) => evidenceLaws(momentsSubject(60_000, range)), 'moments/1'),
    ...extreme((range) => evidenceLaws(linearSubject(3, 60_000, range)), 'linear/1'),
    ...extreme((range) => evidenceLaws(transitionsSubject(3, 2, 60_000, range)), 'transitions/1'),
    ['metrics/1 within all of them', evidenceLaws(metricsSubject(60_000, EXTREMES))],
  ]),
};

for (const [name, laws] of Object.entries(rows))
  describe(name, () => {
    for (const { law, run } of laws)
      it(law, () => {
        fc.assert(
          fc.property(fc.nat({ max: 0xffffffff }), (seed) => run(stream(seed))),
          { numRuns: name.includes(' within ') ? 12 : 60 },
        );
      });
  });
