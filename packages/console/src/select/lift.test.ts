import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimate, lift, report, spec, THIN } from '../testing.ts';
import { liftRows, tailOf, tailSentence, tailVerdict, verdictOf } from './lift.ts';
import { directionOf } from './metric.ts';

type Pair = readonly [number | null, number | null];

const latency = (low: number, high: number, p99: Pair, p95: Pair = [9, 30]) =>
  report('cloud', {
    lift: [
      lift('latencyMs', {
        difference: estimate((low + high) / 2, low, high),
        quantiles: {
          treated: { p50: 5, p95: p95[0], p99: p99[0] },
          holdout: { p50: 6, p95: p95[1], p99: p99[1] },
        },
      }),
    ],
  });

describe('the lift over the holdout', () => {
  it('claims nothing while the interval includes 0', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.constantFrom('up', 'down', null),
        (below, above, direction) => {
          const verdict = verdictOf(lift('x', { difference: estimate(0, -below, above) }), direction);
          expect(verdict).toBe('undistinguishable');
        },
      ),
    );
  });

  it('claims nothing without an interval', () => {
    expect(verdictOf(lift('x', { difference: estimate(3, null, null) }), 'up')).toBe('unknown');
  });

  it('calls a difference better only where the spec says which way is better', () => {
    const higher = lift('x', { difference: estimate(2, 1, 3) });
    expect(verdictOf(higher, 'up')).toBe('better');
    expect(verdictOf(higher, 'down')).toBe('worse');
    expect(verdictOf(higher, null)).toBe('higher');
  });

  it('reads the direction from the objective and its constraints', () => {
    const declared = spec({
      objective: {
        revenue: 2,
        latencyMs: -0.002,
        constraints: [{ metric: 'errorRate', max: 0.01 }],
      } as never,
    });
    const metrics = ['reward', 'revenue', 'latencyMs', 'errorRate', 'success', 'other'];
    expect(metrics.map((metric) => directionOf(declared, metric))).toEqual([
      'up',
      'up',
      'down',
      'down',
      'up',
      null,
    ]);
  });

  it('puts the reward first', () => {
    const rows = liftRows(report('cloud', { lift: [lift('latencyMs'), lift('reward'), lift('success')] }));
    expect(rows.map((row) => row.lift.metric)).toEqual(['reward', 'latencyMs', 'success']);
  });
});

describe('the latency headline', () => {
  it('says "instead of" where the mean is distinguishable and the tail agrees', () => {
    const tail = tailOf(latency(-20, -10, [12, 48]))!;
    expect(tail.claim).toBe('better');
    expect(tailSentence(tail)).toBe(`p99 12${THIN}ms instead of 48${THIN}ms (holdout)`);
  });

  it('says "not yet distinguishable" while it is not, however far apart the quantiles are', () => {
    const tail = tailOf(latency(-20, 0.1, [12, 48]))!;
    expect(tail.claim).toBe('undistinguishable');
    expect(tailSentence(tail)).toContain('not yet distinguishable');
  });

  it('admits that it is worse', () => {
    expect(tailOf(latency(10, 20, [90, 48]))!.claim).toBe('worse');
  });

  it('claims nothing where the tail and the mean disagree', () => {
    const tail = tailOf(latency(-20, -10, [90, 48]))!;
    expect(tail.claim).toBe('mixed');
    expect(tailSentence(tail)).not.toContain('instead of');
  });

  it.each([false, true])(
    'looks at the p95 where the p99 is the same on both sides (bounds: %s)',
    (bounds) => {
      const tail = tailOf({ ...latency(-20, -10, [5000, 5000]), bounds })!;
      expect(tail).toMatchObject({ claim: 'better', shown: { name: 'p95', treated: 9, holdout: 30 } });
      expect(tailSentence(tail)).toMatch(/^p95 .*9.ms instead of .*30.ms \(holdout\)$/);
      expect(tailVerdict(tail)).toBeNull();
    },
  );

  it('says that mean and p95 disagree, where they do and the p99 is the same', () => {
    const tail = tailOf(latency(-20, -10, [5000, 5000], [30, 9]))!;
    expect(tail).toMatchObject({ claim: 'mixed', shown: { name: 'p95' } });
    expect(tailVerdict(tail)).toBe('The tail and the mean disagree');
  });

  it('claims of a tail that is the same on both sides only that', () => {
    const better = tailOf(latency(-20, -10, [5000, 5000], [30, 30]))!;
    expect(better).toMatchObject({ claim: 'level', shown: { name: 'p99' } });
    expect(tailSentence(better)).toBe(`p99 5${THIN}s beside 5${THIN}s (holdout)`);
    expect(tailVerdict(better)).toBe('Better on average, the same in the tail');
    const worse = tailOf(latency(10, 20, [5000, 5000], [30, 30]))!;
    expect(tailVerdict(worse)).toBe('Worse on average, the same in the tail');
  });

  it('takes bounds that overlap for what they are: they tell nothing of the tail', () => {
    for (const p99 of [48, 90]) {
      const tail = tailOf({ ...latency(-20, -10, [p99, 48], [30, 30]), bounds: true })!;
      expect(tail.claim).toBe('level');
      expect(tailVerdict(tail)).toBe('Better on average; the bounds do not tell the tails apart');
    }
    const apart = tailOf({ ...latency(10, 20, [12, 48]), bounds: true })!;
    expect(apart.claim).toBe('mixed');
  });

  it('law: is mixed only where a quantile is strictly on the other side of the mean', () => {
    const ms = fc.constantFrom(5, 10, 5000);
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), ms, ms, ms, ms, (better, bounds, a, b, c, d) => {
        const [low, high] = better ? [-20, -10] : [10, 20];
        const { claim } = tailOf({ ...latency(low, high, [a, b], [c, d]), bounds })!;
        const against = (treated: number, holdout: number) =>
          better ? !bounds && treated > holdout : treated < holdout;
        if (claim === 'mixed') expect(against(a, b) || against(c, d)).toBe(true);
        if (against(a, b)) expect(claim).toBe('mixed');
      }),
    );
  });

  it('waits for outcomes on both sides', () => {
    expect(tailOf(latency(-20, -10, [12, null]))!.claim).toBe('waiting');
  });

  it('calls the figures of several nodes bounds', () => {
    const tail = tailOf({ ...latency(-20, -10, [12, 48]), bounds: true })!;
    expect(tailSentence(tail)).toBe(`p99 at most 12${THIN}ms instead of at least 48${THIN}ms (holdout)`);
  });

  it('is not there for a point without a latency', () => {
    expect(tailOf(report('cloud', { lift: [lift('reward')] }))).toBeNull();
  });
});
