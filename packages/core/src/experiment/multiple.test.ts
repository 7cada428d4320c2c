import { describe, expect, it } from 'vitest';
import { stream } from '../stats/random.ts';
import { benjaminiHochberg, eBenjaminiHochberg, holm } from './multiple.ts';

const P = [0.01, 0.04, 0.03, 0.005];

describe('many comparisons', () => {
  // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") and "BH".
  it('are adjusted as by R', () => {
    for (const [got, want] of [
      [holm(P), [0.03, 0.06, 0.06, 0.02]],
      [benjaminiHochberg(P), [0.02, 0.04, 0.04, 0.02]],
    ])
      want.forEach((value, i) => void expect(got[i]).toBeCloseTo(value, 12));
  });

  // Benjamini, Hochberg (1995), §3: 15 hypotheses of a trial of thrombolysis; the step-up procedure at 5 % rejects four,
  // Bonferroni's (and Holm's) three.
  it('find four of the fifteen of Benjamini and Hochberg’s example, and Holm three', () => {
    const p = [
      0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528,
      0.759, 1,
    ];
    expect(benjaminiHochberg(p).filter((q) => q <= 0.05)).toHaveLength(4);
    expect(holm(p).filter((q) => q <= 0.05)).toHaveLength(3);
  });

  it('by e-values: BH on 1/e', () => {
    const random = stream(3);
    for (let run = 0; run < 200; run++) {
      const e = Array.from({ length: 1 + random.integer(12) }, () => 1 / random.next() ** 2);
      const q = benjaminiHochberg(e.map((value) => Math.min(1, 1 / value)));
      expect(eBenjaminiHochberg(e, 0.1)).toEqual(q.map((value) => value <= 0.1));
    }
  });

  it('are none where there are none', () => {
    expect([holm([]), benjaminiHochberg([]), eBenjaminiHochberg([], 0.1)]).toEqual([[], [], []]);
  });
});
