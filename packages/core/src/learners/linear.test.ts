import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../limits.ts';
import { type Stream, stream } from '../stats/random.ts';
import { packedLength, squaredLength } from '../stats/symmetric.ts';
import { B, type Linear, type LinearEvidence, linear, mostRows, OUTCOMES, WYY } from './linear.ts';
import { drawDeviation, linearPosterior } from './linear-posterior.ts';

const HOUR = 3_600_000;
const START = 1.7e12;
const KEY = 'a#0';

interface Seen {
  readonly x: Float64Array;
  readonly y: number;
  readonly weight: number;
  readonly atMs: number;
}

function evidenceOf(dimension: number, halfLifeMs?: number): LinearEvidence {
  return linear({ dimension, bounds: new Float64Array(dimension).fill(1), halfLifeMs, range: [-1, 3] });
}

function someOutcomes(random: Stream, dimension: number, n: number): Seen[] {
  return Array.from({ length: n }, () => ({
    x: Float64Array.from({ length: dimension }, (_, i) => (i === 0 ? 1 : 2 * random.next() - 1)),
    y: random.next() - 0.5,
    weight: 1 + random.integer(3),
    atMs: START + random.next() * 80 * HOUR,
  }));
}

function recorded(evidence: LinearEvidence, seen: readonly Seen[]): Linear {
  const own = evidence.zero();
  for (const { x, y, weight, atMs } of seen) evidence.record(own, KEY, x, 1 + 4 * y, weight, atMs);
  return own;
}

/** The posterior by its textbook definition: full matrices, Gauss–Jordan, no landmark, no packing. */
function textbook(
  seen: readonly Seen[],
  dimension: number,
  nowMs: number,
  halfLifeMs: number,
  ridge: number,
) {
  const faded = seen.map((one) => one.weight * 2 ** ((one.atMs - nowMs) / halfLifeMs));
  const sum = faded.reduce((total, w) => total + w, 0);
  const squares = faded.reduce((total, w) => total + w * w, 0);
  const n = Math.min(sum, (sum * sum) / squares);
  const weights = faded.map((w) => (w * n) / sum);
  const over = (f: (one: Seen) => number): number =>
    seen.reduce((total, one, k) => total + weights[k] * f(one), 0);
  const range = Array.from({ length: dimension }, (_, i) => i);
  const precision = range.map((i) => range.map((j) => over(({ x }) => x[i] * x[j]) + (i === j ? ridge : 0)));
  const covariance = inverse(precision);
  const b = range.map((i) => over(({ x, y }) => x[i] * y));
  const theta = covariance.map((row) => row.reduce((total, value, j) => total + value * b[j], 0));
  const residual = over(({ x, y }) => (y - theta.reduce((t, value, i) => t + value * x[i], 0)) ** 2);
  const penalty = ridge * theta.reduce((total, value) => total + value * value, 0);
  return { theta, covariance, variance: (1 / 8 + (residual + penalty) / 2) / (1.5 + n / 2 - 1), n };
}

function inverse(matrix: readonly (readonly number[])[]): number[][] {
  const d = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  for (let i = 0; i < d; i++) {
    const pivot = rows
      .slice(i)
      .reduce((best, row, k) => (Math.abs(row[i]) > Math.abs(rows[best][i]) ? k + i : best), i);
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    rows[i] = rows[i].map((value) => value / rows[i][i]);
    for (let k = 0; k < d; k++)
      if (k !== i) rows[k] = rows[k].map((value, j) => value - rows[k][i] * rows[i][j]);
  }
  return rows.map((row) => row.slice(d));
}

describe('linear statistics', () => {
  it('give the posterior of the textbook, with forgetting, uneven weights and any landmark', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 60 }), (seed, d, n) => {
        const seen = someOutcomes(stream(seed), d, n);
        const evidence = evidenceOf(d, HOUR);
        const own = recorded(evidence, seen);
        const nowMs = START + 80 * HOUR;
        const posterior = linearPosterior(own.arms.get(KEY), d, evidence.decayTo(own, nowMs), 0.7);
        const exact = textbook(seen, d, nowMs, HOUR, 0.7);
        expect(posterior.n).toBeCloseTo(exact.n, 9);
        expect(posterior.variance).toBeCloseTo(exact.variance, 9);
        for (let i = 0; i < d; i++) {
          expect(posterior.theta[i]).toBeCloseTo(exact.theta[i], 9);
          const unit = new Float64Array(d);
          unit[i] = 1;
          expect(squaredLength(posterior.half, 0, unit, d)).toBeCloseTo(exact.covariance[i][i], 9);
        }
      }),
    );
  });

  it('without outcomes say what the prior says', () => {
    const posterior = linearPosterior(undefined, 3, 1, 2);
    expect([...posterior.theta]).toEqual([0, 0, 0]);
    expect(squaredLength(posterior.half, 0, Float64Array.of(0, 3, 4), 3)).toBeCloseTo(25 / 2, 12);
    // Rewards spread evenly over a range of 1 have variance 1/12; the mean of its inverse gamma is three times that.
    expect(posterior.variance).toBeCloseTo(3 / 12, 12);
  });

  it('samples of the posterior have its mean and covariance', () => {
    const d = 3;
    const evidence = evidenceOf(d);
    const own = recorded(evidence, someOutcomes(stream(5), d, 40));
    const posterior = linearPosterior(own.arms.get(KEY), d, 1, 1);
    const random = stream(6);
    const draws = 40_000;
    const x = Float64Array.of(1, -0.5, 0.8);
    const deviation = new Float64Array(d);
    let sum = 0;
    let squares = 0;
    for (let k = 0; k < draws; k++) {
      drawDeviation(posterior, random, deviation);
      const along = deviation.reduce((total, value, i) => total + value * x[i], 0);
      sum += along;
      squares += along * along;
    }
    const variance = posterior.variance * squaredLength(posterior.half, 0, x, d);
    expect(Math.abs(sum / draws)).toBeLessThan(4 * Math.sqrt(variance / draws));
    // Student-t with 43 degrees of freedom: the variance of a sample variance is a little above the normal's.
    expect(Math.abs(squares / draws / variance - 1)).toBeLessThan(5 * Math.sqrt(2.2 / draws));
  });
});

describe('bad input leaves no mark that a later reading could not live with', () => {
  it('what is not finite is not folded in', () => {
    const evidence = evidenceOf(2);
    const own = evidence.zero();
    for (const odd of [Number.NaN, Infinity, -Infinity]) {
      evidence.record(own, KEY, Float64Array.of(1, odd), 0, 1, 0);
      evidence.record(own, KEY, Float64Array.of(1, 1), odd, 1, 0);
      evidence.record(own, KEY, Float64Array.of(1, 1), 0, odd, 0);
    }
    expect(own.arms.size).toBe(0);
  });

  it('a reward beyond the range counts as its nearer end, and can be taken back', () => {
    const evidence = evidenceOf(1);
    const own = evidence.zero();
    evidence.record(own, KEY, Float64Array.of(1), 1e9, 1, 0);
    expect(own.arms.get(KEY)![B]).toBe(0.5);
    evidence.record(own, KEY, Float64Array.of(1), 1e9, -1, 0);
    expect(own.arms.size).toBe(0);
  });

  it('constant features, one outcome, or all of it forgotten: the posterior is finite and the ridge holds', () => {
    const d = 5;
    const evidence = evidenceOf(d, 1000);
    const own = evidence.zero();
    for (let i = 0; i < 1000; i++) evidence.record(own, KEY, new Float64Array(d).fill(1), 3, 1, START + i);
    for (const laterMs of [1000, 60_000, 1e9]) {
      const posterior = linearPosterior(own.arms.get(KEY), d, evidence.decayTo(own, START + laterMs), 1);
      expect([...posterior.theta, ...posterior.half, posterior.variance].every(Number.isFinite)).toBe(true);
      // The reward is y = ½ at x = (1, 1, 1, 1, 1): shrunk by the prior, the more the more is forgotten.
      const value = posterior.theta.reduce((sum, each) => sum + each, 0);
      expect(value).toBeCloseTo((0.5 * d * posterior.n) / (1 + d * posterior.n), 6);
    }
  });

  it('a thousand outcomes learned and taken back leave exactly nothing', () => {
    const evidence = evidenceOf(4, HOUR);
    const seen = someOutcomes(stream(9), 4, 1000);
    const own = recorded(evidence, seen);
    for (const { x, y, weight, atMs } of seen) evidence.record(own, KEY, x, 1 + 4 * y, -weight, atMs);
    expect(own.arms.size).toBe(0);
  });

  it.each<[string, (row: Float64Array, gram: number) => void]>([
    ['outcomes below 0', (row) => row.set([-1], OUTCOMES)],
    ['Σw below 0', (row, gram) => row.set([-1], gram)],
    ['more spread than the range allows', (row, gram) => row.set([row[gram] * 0.26], WYY)],
    ['features beyond their bounds', (row, gram) => row.set([row[gram] * 1.1], gram + 2)],
    ['correlation above 1', (row, gram) => row.set([row[gram] * 1.1], gram + 1)],
    ['rewards beyond their range', (row, gram) => row.set([row[gram] * 0.6], B)],
    ['weight without outcomes', (row) => row.set([0], OUTCOMES)],
  ])('%s could not have come from outcomes', (_what, spoil) => {
    const evidence = evidenceOf(2);
    const own = recorded(evidence, someOutcomes(stream(3), 2, 10));
    expect(evidence.validate(own, DEFAULT_LIMITS)).toBeUndefined();
    spoil(own.arms.get(KEY)!, evidence.gram);
    expect(evidence.validate(own, DEFAULT_LIMITS)?.code).toBe('implausible_evidence');
  });

  it('a poisoned A that is not positive semidefinite still reads as finite', () => {
    const evidence = evidenceOf(3);
    const own = recorded(evidence, someOutcomes(stream(4), 3, 50));
    const row = own.arms.get(KEY)!;
    // Each pair is possible, all three together are not.
    for (let i = 0; i < 3; i++) row[evidence.gram + packedLength(i) + i] = row[evidence.gram];
    row[evidence.gram + 1] = 0.9 * row[evidence.gram];
    row[evidence.gram + 3] = 0.9 * row[evidence.gram];
    row[evidence.gram + 4] = -0.9 * row[evidence.gram];
    const posterior = linearPosterior(row, 3, 1, 1);
    expect([...posterior.theta, ...posterior.half, posterior.variance].every(Number.isFinite)).toBe(true);
  });

  it('as many rows are kept as can be sent', () => {
    for (const dimension of [1, 32, 256]) {
      const most = mostRows(dimension);
      const evidence = evidenceOf(dimension);
      const own = evidence.zero();
      const x = new Float64Array(dimension).fill(1);
      for (let i = 0; i < most + 3; i++) evidence.record(own, `${'n'.repeat(120)}${i}#0`, x, 0, 1, 0);
      expect(own.arms.size).toBe(most);
      expect(evidence.encode(own).length).toBeLessThanOrEqual(DEFAULT_LIMITS.evidenceBytes);
    }
  });
});
