import { describe, expect, it } from 'vitest';
import { type Stream, stream } from './random.ts';
import { differenceSequence, meanSequence, type SequenceOptions } from './sequential.ts';

const unit: SequenceOptions = { range: [0, 1] };
const charged: SequenceOptions = { range: [0, 100] };

class Tally {
  n = 0;
  sum = 0;
  squares = 0;
  add(x: number): void {
    this.n++;
    this.sum += x;
    this.squares += x * x;
  }
}

// Share of runs in which the interval ever missed the truth, looked at after every outcome.
function everMissed(draw: (s: Stream) => number, truth: number, options: SequenceOptions) {
  const runs = 150;
  let mean = 0;
  let difference = 0;
  for (let run = 0; run < runs; run++) {
    const s = stream(run, 41);
    const [a, b] = [new Tally(), new Tally()];
    let [missedMean, missedDifference] = [false, false];
    for (let i = 0; i < 3000; i++) {
      a.add(draw(s));
      if (i % 5 === 0) b.add(draw(s));
      if (i > 200 && i % 15 > 0) continue;
      const m = meanSequence(a, options);
      const d = differenceSequence(a, b, options);
      if (m !== undefined && (m.low > truth || m.high < truth)) missedMean = true;
      if (d !== undefined && (d.low > 0 || d.high < 0)) missedDifference = true;
    }
    mean += missedMean ? 1 / runs : 0;
    difference += missedDifference ? 1 / runs : 0;
  }
  return { mean, difference };
}

describe('confidence sequences', () => {
  // Nominal 5 %; 150 runs have a standard error of 1.8 %, hence 8 %. A fixed-time interval looked at as often: > 40 %.
  it.each<[string, (s: Stream) => number, number, SequenceOptions]>([
    ['half of outcomes succeed', (s) => (s.next() < 0.5 ? 1 : 0), 0.5, unit],
    ['1 in 50 fails', (s) => (s.next() < 0.02 ? 1 : 0), 0.02, unit],
    ['a narrow reward in a wide range', (s) => 0.4 + 0.2 * s.next(), 0.5, unit],
    [
      '1 in 100 is charged the deadline',
      (s) => (s.next() < 0.01 ? 100 : 1 + 0.1 * s.next()),
      2.0395,
      charged,
    ],
    ['exponential latency without a range', (s) => s.exponential(), 1, {}],
    ['normal without a range', (s) => s.normal(), 0, {}],
  ])('hold at all times at once: %s', (_name, draw, truth, options) => {
    const missed = everMissed(draw, truth, options);
    expect(missed.mean).toBeLessThanOrEqual(0.08);
    expect(missed.difference).toBeLessThanOrEqual(0.08);
  });

  it('find a difference that is there, and shrink about it', () => {
    const s = stream(3);
    const [a, b] = [new Tally(), new Tally()];
    let found = 0;
    let width = 1;
    for (let i = 1; i <= 20_000; i++) {
      a.add(s.next() < 0.6 ? 1 : 0);
      b.add(s.next() < 0.5 ? 1 : 0);
      const d = differenceSequence(a, b, unit)!;
      if (found === 0 && d.low > 0) found = i;
      width = d.high - d.low;
    }
    // A fixed-time z-test needs about 800 in all for power 0.8; always-valid ones pay about two to three times that.
    expect(found).toBeGreaterThan(50);
    expect(found).toBeLessThan(4000);
    expect(width).toBeLessThan(0.05);
  });

  it('the exact kind is the published beta-binomial bound', () => {
    // n = 10, 10 successes, α = 0.05: B(11, 1) / μ^10 = 1 / α ⇒ μ = (α · 11⁻¹)^(1/10) from ∫ p^10 dp = 1/11.
    const interval = meanSequence({ n: 10, sum: 10, squares: 10 }, unit)!;
    expect(interval.low).toBeCloseTo((0.05 / 11) ** 0.1, 9);
    expect(interval.high).toBe(1);
    const none = meanSequence({ n: 10, sum: 0, squares: 0 }, unit)!;
    expect(none.high).toBeCloseTo(1 - (0.05 / 11) ** 0.1, 9);
  });

  it('the asymptotic kind is the published boundary', () => {
    // Waudby-Smith et al. (2024), eq. 5 in their notation, with the variance of the sample (and 9/n for its skew).
    const [n, alpha, variance] = [1000, 0.05, 4];
    const seen = variance * (1 + 9 / n);
    const rho2 = (-2 * Math.log(alpha) + Math.log(-2 * Math.log(alpha) + 1)) / 1000;
    const bound = Math.sqrt(
      ((2 * (n * rho2 + 1)) / (n ** 2 * rho2)) * Math.log(Math.sqrt(n * rho2 + 1) / alpha) * seen,
    );
    const interval = meanSequence({ n, sum: 0, squares: n * variance })!;
    expect(interval.high).toBeCloseTo(bound, 12);
  });

  it('say nothing where there is nothing to say', () => {
    expect(meanSequence({ n: 0, sum: 0, squares: 0 }, unit)).toBeUndefined();
    expect(meanSequence({ n: 99, sum: 10, squares: 20 })).toBeUndefined();
    const many = { n: 500, sum: 100, squares: 100 };
    expect(differenceSequence(many, { n: 0, sum: 0, squares: 0 }, unit)).toBeUndefined();
    expect(differenceSequence(many, { n: 20, sum: 3, squares: 3 })).toBeUndefined();
    const early = differenceSequence(many, { n: 20, sum: 3, squares: 3 }, unit)!;
    expect(early.high - early.low).toBeGreaterThan(0.4);
  });
});
