import { describe, expect, it } from 'vitest';
import type { Comparison, ComparisonPlan } from '../comparison.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { type Stream, stream } from '../stats/random.ts';
import { welchTest } from './fixed-horizon.ts';
import { judge } from './judge.ts';
import { decodeLooks, encodeLooks, type Look, lookDue, takeLook } from './looks.ts';
import { addDecision, addValue, rowKey, type Tally, tallies } from './tally.ts';

const HORIZON = 2000;
const comparison = (analysis: Partial<ComparisonPlan>): Comparison => ({
  name: 'x',
  key: 'x.1',
  kind: 'variants',
  variants: ['a', 'b'].map((name) => ({ name, stratum: name, share: 0.5 })),
  control: 0,
  metrics: [{ metric: 'y', better: 'higher', guardrail: false, margin: 0 }],
  covariate: -1,
  perUnit: true,
  phase: 0,
  analysis: {
    kind: 'fixed',
    alpha: 0.05,
    horizon: HORIZON,
    looks: [1],
    spending: 'obrien-fleming',
    ...analysis,
  },
});

const FIXED = comparison({});
const five = (spending: 'obrien-fleming' | 'pocock') =>
  comparison({ kind: 'group-sequential', looks: [0.2, 0.4, 0.6, 0.8, 1], spending });

function add(tally: Tally, random: Stream, units: number, rates: readonly number[], of = FIXED): void {
  for (let i = 0; i < units; i++) {
    const side = i & 1;
    const name = of.variants[side].name;
    addDecision(tally, rowKey('s', of, name), true);
    addValue(tally, rowKey('m', of, name, 'y'), random.next() < rates[side] ? 1 : 0, 0, false);
  }
}

/** Boundaries take a while to integrate: once for each plan and the counts at its looks. */
const levels = new Map<string, number>();

function look(of: Comparison, looks: readonly Look[], tally: Tally, atMs: number): Look {
  const plain = takeLook({ ...of, analysis: FIXED.analysis }, [], tally, atMs);
  const key = [of.analysis.spending, ...looks.map(({ counted }) => counted), plain.counted].join(' ');
  const level = levels.get(key) ?? takeLook(of, looks, tally, atMs).level;
  levels.set(key, level);
  return { ...plain, level, plan: of.analysis };
}

/** An experiment as the root sees it: evidence comes in batches, and it looks after each. What is found, and what it says last. */
function run(of: Comparison, seed: number, rates: readonly number[], until = HORIZON) {
  const random = stream(seed, 5);
  const tally = tallies.zero();
  const looks: Look[] = [];
  const said = new Set<string>();
  const batch = 90 + (seed % 4) * 46;
  for (let n = 0; n < until; ) {
    add(tally, random, batch, rates);
    n += batch;
    if (lookDue(of, looks, tally) && judge(of, tally, () => undefined, looks).decision === 'keep going')
      looks.push(look(of, looks, tally, n));
    if (n >= of.analysis.horizon) said.add(judge(of, tally, () => undefined, looks).decision);
  }
  return { looks, said, report: judge(of, tally, () => undefined, looks) };
}

const shareOf = (runs: number, holds: (seed: number) => boolean): number =>
  Array.from({ length: runs }, (_, seed) => holds(seed)).filter(Boolean).length / runs;

describe('a fixed horizon', () => {
  it('errs in 5 % of A/A tests, however long and often its answer is read afterwards', () => {
    const runs = 300;
    const found = shareOf(runs, (seed) => run(FIXED, seed, [0.3, 0.3], 3 * HORIZON).said.has('ship'));
    // One side of two: a ship is a find for the treatment alone.
    expect(found).toBeLessThanOrEqual(0.025 + 3 * Math.sqrt((0.025 * 0.975) / runs));
  });

  it('answers with what was known when it was reached, and says when that was', () => {
    const random = stream(3);
    const tally = tallies.zero();
    add(tally, random, HORIZON, [0.3, 0.4]);
    const look = takeLook(FIXED, [], tally, 1234);
    const then = judge(FIXED, tally, () => undefined, [look]);
    add(tally, random, 5 * HORIZON, [0.4, 0.3]);
    const later = judge(FIXED, tally, () => undefined, [look]);
    expect(later.metrics).toEqual(then.metrics);
    expect(later).toMatchObject({
      decision: 'ship',
      winner: 'b',
      looks: { planned: [1], taken: [{ atMs: 1234, counted: HORIZON }] },
    });
    // Of each variant: how many have counted by now, and how many of them the figures are of.
    expect(later.variants[0]).toMatchObject({ counted: 3 * HORIZON, judged: HORIZON / 2 });
    expect(lookDue(FIXED, [look], tally)).toBe(false);
  });

  it('shows no interval of a difference before the root has looked', () => {
    const tally = tallies.zero();
    add(tally, stream(3), 2 * HORIZON, [0.3, 0.5]);
    const report = judge(FIXED, tally, () => undefined, []);
    expect(report).toMatchObject({ decision: 'keep going' });
    expect(report.variants[0].judged).toBeUndefined();
    expect(report.metrics[0].variants[1]).toMatchObject({ p: null, verdict: 'undecided' });
    expect(report.metrics[0].variants[1].difference?.low).toBeNull();
  });
});

describe('planned looks', () => {
  it.each(['obrien-fleming', 'pocock'] as const)(
    'err in 5 % of A/A tests over all looks together (%s)',
    (spending) => {
      const runs = 600;
      const found = shareOf(runs, (seed) => {
        const { variants } = run(five(spending), seed, [0.3, 0.3]).report.metrics[0];
        return variants[1].verdict !== 'undecided';
      });
      expect(found).toBeLessThanOrEqual(0.05 + 3 * Math.sqrt((0.05 * 0.95) / runs));
    },
  );

  it('find nearly as much as one look at the end, and sooner', () => {
    const runs = 200;
    const rates = [0.3, 0.365];
    let read = 0;
    const planned = shareOf(runs, (seed) => {
      const { report, looks } = run(five('obrien-fleming'), seed, rates);
      read += (looks.at(-1)?.counted ?? 0) / runs / HORIZON;
      return report.winner === 'b';
    });
    const once = shareOf(runs, (seed) => {
      const random = stream(seed, 5);
      const tally = tallies.zero();
      add(tally, random, HORIZON, rates);
      const [a, b] = ['a', 'b'].map((name) => {
        const [n, sum, squares] = tally.rows.get(rowKey('m', FIXED, name, 'y')) as Float64Array;
        return { n, sum, squares };
      });
      return (welchTest(b, a)?.low ?? 0) > 0;
    });
    expect(once).toBeGreaterThan(0.8);
    expect(planned).toBeGreaterThanOrEqual(once - 0.1);
    expect(read).toBeLessThan(0.85);
  });

  it('are taken where they are passed, at most once each, and none after the end', () => {
    const of = five('pocock');
    const tally = tallies.zero();
    const looks: Look[] = [];
    const random = stream(8);
    const steps = [300, 200, 900, 10, 590, 10, 3000];
    const due = steps.map((units, i) => {
      add(tally, random, units, [0.3, 0.3]);
      const now = lookDue(of, looks, tally);
      if (now) looks.push(takeLook(of, looks, tally, i));
      return now;
    });
    expect(due).toEqual([false, true, true, false, true, false, false]);
    expect(looks.map(({ counted }) => counted)).toEqual([500, 1400, 2000]);
    // The last one spends what is left, though two were passed over.
    expect(looks[2].level).toBeGreaterThan(0.02);
  });

  it('say how many have counted by now, and of how many their figures are', () => {
    const of = five('obrien-fleming');
    const tally = tallies.zero();
    const random = stream(8);
    add(tally, random, 400, [0.3, 0.3]);
    const look = takeLook(of, [], tally, 1);
    add(tally, random, 300, [0.3, 0.3]);
    expect(judge(of, tally, () => undefined, [look])).toMatchObject({
      variants: [
        { counted: 350, judged: 200 },
        { counted: 350, judged: 200 },
      ],
      reason: '700 of 2000 have been counted; it is judged at 800, the next look',
    });
  });

  it('come back from the disk as they were', () => {
    const tally = tallies.zero();
    add(tally, stream(8), 400, [0.3, 0.3]);
    const of = five('pocock');
    const looks = [takeLook(of, [], tally, 77)];
    expect(decodeLooks(encodeLooks(looks), DEFAULT_LIMITS)).toEqual(looks);
    expect(() => decodeLooks(encodeLooks(looks).subarray(1), DEFAULT_LIMITS)).toThrow();
  });
});
