import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../limits.ts';
import { moments, OUTCOMES, W, WW, WX, WXX } from './moments.ts';

const HOUR = 3_600_000;
const START = 1.7e12;

describe('moments', () => {
  it('weigh every outcome by 2^(−age / half-life), whatever the order and the landmark', () => {
    const outcome = fc.record({
      x: fc.double({ min: 0, max: 1, noNaN: true }),
      atMs: fc.nat({ max: 300 * HOUR }),
      weight: fc.integer({ min: 1, max: 8 }),
    });
    fc.assert(
      fc.property(fc.array(outcome, { minLength: 1, maxLength: 30 }), (outcomes) => {
        const evidence = moments({ halfLifeMs: HOUR, range: [0, 1], centre: 0.25 });
        const own = evidence.zero();
        for (const { x, atMs, weight } of outcomes) evidence.record(own, 'a#0', x, weight, START + atMs);
        const nowMs = START + Math.max(...outcomes.map(({ atMs }) => atMs));
        const fade = evidence.decayTo(own, nowMs);
        const row = own.arms.get('a#0')!;
        // The definition, straight: no landmark.
        const sum = (f: (w: number, d: number) => number) =>
          outcomes.reduce(
            (total, o) => total + f(o.weight * 2 ** ((START + o.atMs - nowMs) / HOUR), o.x - 0.25),
            0,
          );
        expect(row[OUTCOMES]).toBe(outcomes.length);
        expect(row[W] * fade).toBeCloseTo(
          sum((w) => w),
          10,
        );
        expect(row[WW] * fade * fade).toBeCloseTo(
          sum((w) => w * w),
          9,
        );
        expect(row[WX] * fade).toBeCloseTo(
          sum((w, d) => w * d),
          10,
        );
        expect(row[WXX] * fade).toBeCloseTo(
          sum((w, d) => w * d * d),
          10,
        );
      }),
    );
  });

  it('keep the landmark a multiple of the half-life and never far behind', () => {
    const evidence = moments({ halfLifeMs: 7000, range: [0, 1] });
    const own = evidence.zero();
    for (let t = 0; t < 2e6; t += 12_345) {
      evidence.record(own, 'a#0', 0.5, 1, START + t);
      expect(own.landmarkMs % 7000).toBe(0);
      expect(START + t - own.landmarkMs).toBeLessThanOrEqual(33 * 7000);
      expect(Number.isFinite(own.arms.get('a#0')![W])).toBe(true);
    }
    // Years later, what was is nothing, and nothing is broken.
    evidence.record(own, 'b#0', 0.5, 1, START + 1e11);
    expect(own.arms.get('a#0')![W]).toBe(0);
    expect(own.arms.get('a#0')![OUTCOMES]).toBeGreaterThan(100);
    expect(evidence.validate(own, DEFAULT_LIMITS)).toBeUndefined();
  });

  it('a correction finds the original weight, and the last one taken back leaves exactly nothing', () => {
    const evidence = moments({ halfLifeMs: HOUR, range: [0, 1] });
    const own = evidence.zero();
    evidence.record(own, 'a#0', 0.9, 3, START);
    evidence.record(own, 'b#0', 0.2, 1, START + 50 * HOUR); // moves the landmark
    evidence.record(own, 'a#0', 0.9, -3, START);
    expect([...own.arms.keys()]).toEqual(['b#0']);
  });

  it('without a half-life nothing is forgotten', () => {
    const evidence = moments({ range: [0, 10] });
    const own = evidence.zero();
    evidence.record(own, 'a#0', 4, 1, 0);
    evidence.record(own, 'a#0', 8, 1, START);
    expect([...own.arms.get('a#0')!]).toEqual([2, 2, 2, 2, 10]);
    expect(evidence.decayTo(own, START * 2)).toBe(1);
  });

  it('hold at most the arms of the limit: the most faded goes first', () => {
    const evidence = moments({ halfLifeMs: HOUR, range: [0, 1] });
    const own = evidence.zero();
    for (let i = 0; i <= DEFAULT_LIMITS.arms; i++)
      evidence.record(own, `arm#${i}`, 0.5, 1, START + (i === 3 ? -HOUR : i));
    expect(own.arms.size).toBe(DEFAULT_LIMITS.arms);
    expect(own.arms.has('arm#3')).toBe(false);
    expect(own.arms.has(`arm#${DEFAULT_LIMITS.arms}`)).toBe(true);
  });

  it('evidence from the future is told from evidence of now', () => {
    const evidence = moments({ halfLifeMs: 1000, range: [0, 1] });
    const honest = evidence.zero();
    for (let i = 0; i < 100; i++) evidence.record(honest, 'a#0', 0.5, 1, START + i);
    expect(evidence.inFuture(honest, START + 100, 0, 1)).toBeUndefined();
    const early = evidence.zero();
    evidence.record(early, 'a#0', 0.5, 1, START + 60_000);
    expect(evidence.inFuture(early, START, 1000, 1)?.field).toBe('arms[a#0]');
    expect(evidence.inFuture(early, START, 60_000, 1)).toBeUndefined();
  });

  it.each<[string, (row: Float64Array) => void]>([
    ['outcomes below 0', (row) => row.set([-1], OUTCOMES)],
    ['Σw below 0', (row) => row.set([-1], W)],
    ['Σw² above (Σw)²', (row) => row.set([row[W] ** 2 * 1.1], WW)],
    ['a mean above the range', (row) => row.set([row[W] * 0.6], WX)],
    ['a mean below the range', (row) => row.set([-row[W] * 0.6], WX)],
    ['less spread than its mean allows', (row) => row.set([row[W] * 0.3, row[W] * 0.05], WX)],
    ['more spread than its range allows', (row) => row.set([row[W] * 0.26], WXX)],
    ['weight without outcomes', (row) => row.set([0], OUTCOMES)],
  ])('%s could not have come from outcomes', (_what, spoil) => {
    const evidence = moments({ range: [0, 1] });
    const own = evidence.zero();
    for (let i = 0; i < 10; i++) evidence.record(own, 'a#0', i / 10, 1, 0);
    expect(evidence.validate(own, DEFAULT_LIMITS)).toBeUndefined();
    spoil(own.arms.get('a#0')!);
    expect(evidence.validate(own, DEFAULT_LIMITS)?.code).toBe('implausible_evidence');
  });

  it('a landmark that is no multiple of the half-life, and too many arms, are implausible', () => {
    const evidence = moments({ halfLifeMs: 1000, range: [0, 1] });
    expect(evidence.validate({ landmarkMs: 1500, arms: new Map() }, DEFAULT_LIMITS)?.field).toBe(
      'landmarkMs',
    );
    const own = evidence.zero();
    for (let i = 0; i < 5; i++) evidence.record(own, `a#${i}`, 0.5, 1, START);
    expect(evidence.validate(own, { ...DEFAULT_LIMITS, arms: 4 })?.field).toBe('arms');
  });

  it('light outcomes beside heavy ones that are taken back stay plausible', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }), (xs) => {
        const evidence = moments({ halfLifeMs: 1000, range: [0, 1] });
        const own = evidence.zero();
        evidence.record(own, 'a#0', 1, 1, START);
        for (const x of xs) evidence.record(own, 'a#0', x, 7, START + 31_999);
        for (const x of xs) evidence.record(own, 'a#0', x, -7, START + 31_999);
        expect(evidence.validate(own, DEFAULT_LIMITS)).toBeUndefined();
        expect(own.arms.get('a#0')![OUTCOMES]).toBe(1);
      }),
    );
  });
});
