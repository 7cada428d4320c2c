import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arm, estimate, lift, report } from '../testing.ts';
import { mergeReports } from './merge.ts';

const NOBODY = new Set<string>();

/** A side of a comparison from its outcomes, with a normal 95 % interval. */
function sideOf(outcomes: readonly number[]) {
  const n = outcomes.length;
  const mean = outcomes.reduce((sum, x) => sum + x, 0) / n;
  const variance = outcomes.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n;
  return { mean, half: 1.96 * Math.sqrt(variance / n), n };
}

function liftOf(treated: readonly number[], holdout: readonly number[]) {
  const t = sideOf(treated);
  const h = sideOf(holdout);
  const half = t.half + h.half;
  const mean = t.mean - h.mean;
  return lift('x', {
    treated: estimate(t.mean, t.mean - t.half, t.mean + t.half, t.n),
    holdout: estimate(h.mean, h.mean - h.half, h.mean + h.half, h.n),
    difference: estimate(mean, mean - half, mean + half, t.n + h.n),
  });
}

describe('the reports of several nodes as one', () => {
  it('adds up counters, and takes mode and versions from the node that answers', () => {
    const merged = mergeReports(
      report('cloud', { tier: 'cloud', mode: 'killed', why: 'x', viewVersion: 9 }),
      [
        report('d1', { decisions: 10, decisionsPerSecond: 1, pending: 2, arms: [arm('a', 7), arm('b', 3)] }),
        report('d2', { decisions: 30, decisionsPerSecond: 3, pending: 1, arms: [arm('a', 3), arm('b', 27)] }),
      ],
      NOBODY,
    );
    expect(merged).toMatchObject({
      node: 'cloud',
      mode: 'killed',
      viewVersion: 9,
      decisions: 40,
      pending: 3,
    });
    expect(merged.arms.map((one) => [one.decisions, one.share])).toEqual([
      [10, 0.25],
      [30, 0.75],
    ]);
  });

  it('does not count the rate of a node that has fallen silent, but keeps what it did', () => {
    const others = [
      report('d1', { decisions: 10, decisionsPerSecond: 5 }),
      report('d2', { decisions: 20, decisionsPerSecond: 7 }),
    ];
    const merged = mergeReports(report('cloud'), others, new Set(['d2']));
    expect([merged.decisions, merged.decisionsPerSecond]).toEqual([30, 5]);
  });

  it('never adds up rewards, for evidence is shared: the node that knows most speaks', () => {
    const knows = (n: number) => [arm('a', 1, { reward: estimate(n / 1000, 0, 1, n) }), arm('b', 1)];
    const merged = mergeReports(
      report('cloud', { arms: knows(500) }),
      [report('d1', { arms: knows(400) })],
      NOBODY,
    );
    expect(merged.arms[0].reward.n).toBe(500);
  });

  it('weighs allocations by the decisions made under them', () => {
    const at = (allocation: number | null) => [arm('a', 1, { allocation }), arm('b', 1)];
    const merged = mergeReports(
      report('cloud', { arms: at(null) }),
      [
        report('d1', { decisionsPerSecond: 1, arms: at(0.2) }),
        report('d2', { decisionsPerSecond: 3, arms: at(0.6) }),
      ],
      NOBODY,
    );
    expect(merged.arms[0].allocation).toBeCloseTo(0.5, 12);
  });

  it('means are those of all outcomes together, with an interval never narrower than theirs', () => {
    // Every node holds out the same share, as one spec makes them.
    const outcomes = (n: number) =>
      fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: n, maxLength: n });
    const device = fc.integer({ min: 1, max: 4 }).chain((k) => fc.tuple(outcomes(9 * k), outcomes(k * 3)));
    fc.assert(
      fc.property(fc.array(device, { minLength: 2, maxLength: 4 }), (devices) => {
        const others = devices.map(([treated, holdout], i) =>
          report(`d${i}`, { lift: [liftOf(treated, holdout)] }),
        );
        const [merged] = mergeReports(report('cloud'), others, NOBODY).lift;
        const pooled = liftOf(
          devices.flatMap(([treated]) => treated),
          devices.flatMap(([, holdout]) => holdout),
        );
        expect(merged.difference.mean).toBeCloseTo(pooled.difference.mean!, 9);
        expect(merged.treated.n).toBe(pooled.treated.n);
        // Pooling also counts the variance between nodes, which the nodes' own intervals cannot know.
        const between = devices.length > 1 ? spread(devices) : 0;
        const width = (one: { low: number | null; high: number | null }) => one.high! - one.low!;
        expect(width(merged.difference) + between).toBeGreaterThanOrEqual(width(pooled.difference) - 1e-9);
      }),
      { numRuns: 200 },
    );
  });

  it('keeps the two sides of an interval apart: those of bounded metrics are not symmetric', () => {
    const part = (n: number) =>
      lift('success', {
        treated: estimate(1, 0.99, 1, 9 * n),
        holdout: estimate(1, 0.9, 1, n),
        difference: estimate(0, -0.01, 0.1, 10 * n),
      });
    const merged = mergeReports(
      report('cloud'),
      [report('d1', { lift: [part(100)] }), report('d2', { lift: [part(300)] })],
      NOBODY,
    );
    const { mean, low, high } = merged.lift[0].difference;
    expect(mean).toBe(0);
    expect(low).toBeCloseTo(-0.01, 12);
    expect(high).toBeCloseTo(0.1, 12);
  });

  it('gives bounds for quantiles: the whole lies between the nodes', () => {
    const at = (treated: number, holdout: number) => [
      lift('latencyMs', {
        quantiles: {
          treated: { p50: treated, p95: treated, p99: treated },
          holdout: { p50: holdout, p95: holdout, p99: holdout },
        },
      }),
    ];
    const merged = mergeReports(
      report('cloud'),
      [report('d1', { lift: at(10, 50) }), report('d2', { lift: at(14, 40) })],
      NOBODY,
    );
    expect(merged.bounds).toBe(true);
    expect([merged.lift[0].quantiles!.treated.p99, merged.lift[0].quantiles!.holdout.p99]).toEqual([14, 40]);
    expect(mergeReports(report('cloud'), [report('d1', { lift: at(10, 50) })], NOBODY).bounds).toBe(false);
  });

  it('leaves a node out of the comparison that has too few outcomes for an interval', () => {
    const young = lift('x', {
      treated: estimate(9, null, null, 5),
      holdout: estimate(9, null, null, 1),
      difference: estimate(0, null, null, 6),
    });
    const old = lift('x', {
      treated: estimate(2, 1, 3, 900),
      holdout: estimate(1, 0, 2, 100),
      difference: estimate(1, 0.5, 1.5),
    });
    const merged = mergeReports(
      report('cloud'),
      [report('d1', { lift: [young] }), report('d2', { lift: [old] })],
      NOBODY,
    );
    expect(merged.lift[0].difference).toMatchObject({ mean: 1, low: 0.5, high: 1.5 });
  });

  it('names the nodes where a guard has said different things', () => {
    const guards = (why: string) => [{ guard: 'breaker/1', interventions: 2, why, state: null }];
    const merged = (a: string, b: string) =>
      mergeReports(
        report('cloud', { guards: guards('') }),
        [report('d1', { guards: guards(a) }), report('d2', { guards: guards(b) })],
        NOBODY,
      ).guards[0];
    expect(merged('open: c', 'open: c').why).toBe('open: c');
    expect(merged('open: c', 'open: b').why).toBe('d1: open: c · d2: open: b');
    expect(merged('', 'open: b')).toMatchObject({ why: 'open: b', interventions: 6 });
  });
});

/** Twice what the variance between the nodes' means can add to the pooled half-widths. */
function spread(devices: readonly (readonly [readonly number[], readonly number[]])[]): number {
  const side = (pick: 0 | 1) => {
    const all = devices.flatMap((device) => device[pick]);
    const mean = sideOf(all).mean;
    const variance =
      devices.reduce((sum, d) => sum + d[pick].length * (sideOf(d[pick]).mean - mean) ** 2, 0) / all.length;
    return 1.96 * Math.sqrt(variance / all.length);
  };
  return 2 * (side(0) + side(1));
}
