import { differenceSequence, mixtureTest, type Sums, spendingBoundaries, welchTest } from '@ganglion/core';
import { stream } from '@ganglion/core/testing';

/** An A/B test of two rates, looked at `LOOKS` times on its way. */
export const HORIZON = 10_000;
export const LOOKS = 200;
const BASE = 0.3;
const PLANNED = [0.2, 0.4, 0.6, 0.8, 1];

/** A way to look: whether it ever finds a difference. */
export interface Method {
  readonly name: string;
  /** Whether this look, at this part of the horizon, finds one. */
  finds(a: Sums, b: Sums, part: number): boolean;
}

const planned = (kind: 'obrien-fleming' | 'pocock'): Method => {
  const { z } = spendingBoundaries(kind, 0.05, PLANNED);
  return {
    name: `group-sequential, 5 looks, ${kind === 'pocock' ? 'Pocock' : 'O’Brien–Fleming'}`,
    finds(a, b, part) {
      const look = PLANNED.findIndex((time) => Math.abs(time - part) < 1e-9);
      const test = look < 0 ? undefined : welchTest(a, b);
      return test !== undefined && Math.abs(test.t) >= z[look];
    },
  };
};

export const METHODS: readonly Method[] = [
  { name: 't-test at every look', finds: (a, b) => (welchTest(a, b)?.p ?? 1) <= 0.05 },
  { name: 'mSPRT', finds: (a, b) => mixtureTest(a, b, { tightestAt: HORIZON / 4 }).p <= 0.05 },
  {
    name: 'confidence sequence, range known',
    finds(a, b) {
      const interval = differenceSequence(a, b, { range: [0, 1], tightestAt: HORIZON / 4 });
      return interval !== undefined && (interval.low > 0 || interval.high < 0);
    },
  },
  planned('obrien-fleming'),
  planned('pocock'),
  {
    name: 'limit: a t-test at the horizon alone',
    finds: (a, b, part) => part === 1 && (welchTest(a, b)?.p ?? 1) <= 0.05,
  },
];

interface Tally {
  n: number;
  sum: number;
  squares: number;
}

/** Share of runs in which each method ever found a difference. */
export function everFound(runs: number, effect: number, seed: number): number[] {
  const found = METHODS.map(() => 0);
  for (let run = 0; run < runs; run++) {
    const random = stream(run, seed);
    const sides: Tally[] = [
      { n: 0, sum: 0, squares: 0 },
      { n: 0, sum: 0, squares: 0 },
    ];
    const open = new Set(METHODS.keys());
    for (let i = 1; i <= HORIZON && open.size > 0; i++) {
      const side = sides[i & 1];
      const y = random.next() < BASE + ((i & 1) === 1 ? effect : 0) ? 1 : 0;
      side.n++;
      side.sum += y;
      side.squares += y;
      if (i % (HORIZON / LOOKS) > 0) continue;
      for (const m of open)
        if (METHODS[m].finds(sides[1], sides[0], i / HORIZON)) {
          found[m]++;
          open.delete(m);
        }
    }
  }
  return found.map((n) => n / runs);
}
