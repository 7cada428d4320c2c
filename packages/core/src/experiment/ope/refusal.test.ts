import { expect, test } from 'vitest';
import type { Overlap } from './overlap.ts';
import { refusalsOf } from './refusal.ts';

const fine: Overlap = {
  rows: 1000,
  unknown: 0,
  matched: 900,
  effective: 500,
  maxWeight: 2,
  maxWeightShare: 0.01,
  meanWeight: 1,
  meanWeightError: 0.01,
  unsupported: 0,
  clipped: 0,
} as Overlap;

test.each<[Partial<Overlap>, string]>([
  [{ effective: 99.97 }, 'worth 99.97 rows of the candidate’s own traffic (at least 100)'],
  [{ effective: 99.99999 }, 'worth 99.99999 rows'],
  [{ effective: 12.3456 }, 'worth 12.3 rows'],
  [{ unsupported: 0.10004 }, '10.004 % of what the candidate does was never done in this log (at most 10 %)'],
  [{ maxWeightShare: 0.0500001 }, 'one row has 5.00001 % of all weight, 2 times its own (at most 5 %)'],
  [{ unknown: 112 }, '10.1 % of the rows have no known propensity (at most 10 %)'],
])('a figure is never rounded into the bound that it misses: %o', (change, said) => {
  expect(refusalsOf(fine)).toEqual([]);
  expect(refusalsOf({ ...fine, ...change })[0].why).toContain(said);
});
