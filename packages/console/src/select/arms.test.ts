import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arm, estimate, report, sample } from '../testing.ts';
import { heldSpans, rewardScale, shareColumns, sharesNow, tableRows } from './arms.ts';

const ARMS = ['a', 'b'];

describe('shares over time', () => {
  it('are of what was decided between two readings, not since the beginning', () => {
    const columns = shareColumns(
      [sample(0, { a: 1000, b: 0 }), sample(1000, { a: 1010, b: 30 })],
      ARMS,
      'executed',
    );
    expect(columns.shares.map((column) => column[1])).toEqual([0.25, 0.75]);
  });

  it('follow a kill within the window of five seconds', () => {
    const samples = Array.from({ length: 12 }, (_, i) =>
      sample(i * 1000, { a: 100 * Math.max(0, i - 5), b: 100 * Math.min(i, 5) }),
    );
    const shares = shareColumns(samples, ARMS, 'executed').shares[0];
    expect(shares[5]).toBe(0);
    expect(shares[10]).toBe(1);
  });

  it('of a slow point are of a longer stretch, up to a minute', () => {
    // One decision every ten seconds, two of three for a.
    const samples = Array.from({ length: 120 }, (_, i) => {
      const n = Math.floor(i / 10);
      return sample(i * 1000, { a: n - Math.floor(n / 3), b: Math.floor(n / 3) });
    });
    const { shares } = shareColumns(samples, ARMS, 'executed');
    expect(shares[0].slice(12).every((share) => share !== null)).toBe(true);
    expect(shares[0][100]).toBeCloseTo(2 / 3, 1);
    expect(sharesNow(report('d', { arms: [arm('a', 0), arm('b', 0)] }), samples)[0]).toBeCloseTo(2 / 3, 1);
  });

  it('sum to 1 wherever they are known', () => {
    const steps = fc.array(
      fc.record({ a: fc.nat({ max: 50 }), b: fc.nat({ max: 50 }), ms: fc.integer({ min: 700, max: 9000 }) }),
    );
    fc.assert(
      fc.property(steps, (list) => {
        let at = 0;
        const total = { a: 0, b: 0 };
        const samples = list.map((step) => {
          at += step.ms;
          total.a += step.a;
          total.b += step.b;
          return sample(at, { ...total });
        });
        const { seconds, shares } = shareColumns(samples, ARMS, 'executed');
        for (let i = 0; i < seconds.length; i++) {
          if (shares[0][i] === null) expect(shares[1][i]).toBeNull();
          else expect(shares[0][i]! + shares[1][i]!).toBeCloseTo(1, 12);
          if (i > 0) expect(seconds[i]).toBeGreaterThan(seconds[i - 1]);
        }
      }),
    );
  });

  it('leave a gap where nothing was heard, and none is guessed across a restart', () => {
    const samples = [
      sample(0, { a: 0, b: 0 }),
      sample(1000, { a: 5, b: 5 }),
      sample(60_000, { a: 500, b: 5 }),
      sample(61_000, { a: 1, b: 0 }),
    ];
    const { shares, rows } = shareColumns(samples, ARMS, 'executed');
    expect(rows).toEqual([0, 1, -1, 2, 3]);
    expect(shares[0]).toEqual([null, 0.5, null, null, null]);
  });

  it('of a large tree, which is heard of every ten seconds, are no row of gaps', () => {
    const every = (step: number, from: number) =>
      Array.from({ length: 10 }, (_, i) => sample(from + i * step, { a: from + i * 30, b: from + i * 10 }));
    // What the node kept stands before, every three seconds.
    const samples = [...every(3_000, 0), ...every(10_500, 37_000), sample(300_000, { a: 99_999, b: 99_999 })];
    const { shares, rows } = shareColumns(samples, ARMS, 'executed');
    expect(rows.filter((row) => row < 0)).toHaveLength(1);
    expect(shares[0].slice(1, 20).every((share) => share !== null)).toBe(true);
  });

  it('are the last minute as the node counts it until the page has two readings', () => {
    const known = report('d', { arms: [arm('a', 5, { share: 0.4 }), arm('b', 5, { share: 0.6 })] });
    expect(sharesNow(known, [])).toEqual([0.4, 0.6]);
    expect(sharesNow(known, [sample(0, { a: 0, b: 0 }), sample(1000, { a: 1, b: 3 })])).toEqual([0.25, 0.75]);
  });
});

describe('around the chart', () => {
  it('stretches without learning are joined, and kept apart by their mode', () => {
    const at = (second: number, mode: 'learning' | 'killed' | 'overridden') =>
      sample(second * 1000, {}, { mode });
    const samples = [
      at(0, 'learning'),
      at(1, 'killed'),
      at(2, 'killed'),
      at(3, 'overridden'),
      at(4, 'learning'),
      at(5, 'killed'),
    ];
    expect(heldSpans(samples)).toEqual([
      { from: 1, to: 2, mode: 'killed' },
      { from: 3, to: 3, mode: 'overridden' },
      { from: 5, to: 5, mode: 'killed' },
    ]);
  });

  it('the table thins out, newest first, without the gaps', () => {
    const columns = { seconds: [0, 5, 10, 12, 21, 30], shares: [], rows: [0, 1, 2, -1, 3, 4] };
    expect(tableRows(columns, 10, 10)).toEqual([5, 2, 0]);
    expect(tableRows(columns, 0, 2)).toEqual([5, 4]);
  });

  it('the scale of the rewards holds every interval', () => {
    const [low, high] = rewardScale([arm('a', 0, { reward: estimate(0.5, 0.2, 0.9) }), arm('b', 0)]);
    expect(low).toBeLessThan(0.2);
    expect(high).toBeGreaterThan(0.9);
    expect(rewardScale([arm('a', 0)])).toEqual([0, 1]);
  });
});
