import { describe, expect, it } from 'vitest';
import { stream, uniform } from './random.ts';

// χ² statistic of counts against equal expectation, as a standard normal (Wilson–Hilferty).
function chiSquareZ(counts: Int32Array): number {
  const total = counts.reduce((sum, c) => sum + c, 0);
  const expected = total / counts.length;
  let chi = 0;
  for (const c of counts) chi += (c - expected) ** 2 / expected;
  const df = counts.length - 1;
  return ((chi / df) ** (1 / 3) - (1 - 2 / (9 * df))) / Math.sqrt(2 / (9 * df));
}

const SEEDS: readonly [number, number][] = [
  [0, 0],
  [0, 1],
  [1, 0],
  [0xdeadbeef, 0x12345678],
  [0xffffffff, 0xffffffff],
];
// Every seed below is fixed, so these bounds either always hold or never do.
const Z = 4.5;

describe('uniform', () => {
  it('is in [0, 1) and the same for the same seed and counter', () => {
    for (const [hi, lo] of SEEDS)
      for (const counter of [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 3, 2 ** 53 - 1]) {
        const u = uniform(hi, lo, counter);
        expect(u >= 0 && u < 1).toBe(true);
        expect(uniform(hi, lo, counter)).toBe(u);
      }
    expect(uniform(1, 2, 2 ** 32 + 5)).not.toBe(uniform(1, 2, 5));
  });

  it('fills cells, pairs and triples of successive draws evenly', () => {
    for (const [hi, lo] of SEEDS) {
      const cells = new Int32Array(1024);
      const pairs = new Int32Array(1024);
      const triples = new Int32Array(512);
      for (let i = 0; i < 300_000; i++) {
        const u = uniform(hi, lo, i);
        const v = uniform(hi, lo, i + 1);
        cells[Math.floor(u * 1024)]++;
        if (i % 2 === 0) pairs[Math.floor(u * 32) * 32 + Math.floor(v * 32)]++;
        if (i % 3 === 0)
          triples[Math.floor(u * 8) * 64 + Math.floor(v * 8) * 8 + Math.floor(uniform(hi, lo, i + 2) * 8)]++;
      }
      for (const counts of [cells, pairs, triples]) expect(Math.abs(chiSquareZ(counts))).toBeLessThan(Z);
    }
  });

  it('sets every one of its 53 bits half of the time, whatever the bit beside it', () => {
    const n = 40_000;
    const ones = new Float64Array(53);
    const agree = new Float64Array(53);
    for (let i = 0; i < n; i++) {
      const u = uniform(7, 9, i);
      const bit = (k: number) => Math.floor(u * 2 ** (k + 1)) % 2;
      for (let k = 0; k < 53; k++) {
        ones[k] += bit(k);
        if (bit(k) === bit((k + 1) % 53)) agree[k]++;
      }
    }
    for (const count of [...ones, ...agree])
      expect(Math.abs(count - n / 2)).toBeLessThan(Z * Math.sqrt(n / 4));
  });

  it('gives unrelated streams to neighbouring seeds, at any lag', () => {
    const n = 20_000;
    for (const [dHi, dLo] of [
      [0, 1],
      [1, 0],
      [1, 1],
      [0, 2 ** 31],
      [2 ** 31, 0],
      [0x10000, 0],
    ])
      for (const lag of [0, 1, 2]) {
        let sum = 0;
        const pairs = new Int32Array(256);
        for (let i = 0; i < n; i++) {
          const u = uniform(123, 456, i);
          const v = uniform((123 ^ dHi) >>> 0, (456 ^ dLo) >>> 0, i + lag);
          sum += (u - 0.5) * (v - 0.5) * 12;
          pairs[Math.floor(u * 16) * 16 + Math.floor(v * 16)]++;
        }
        expect(Math.abs(sum / Math.sqrt(n))).toBeLessThan(Z);
        expect(Math.abs(chiSquareZ(pairs))).toBeLessThan(Z);
      }
  });

  it('is as good across seeds at one counter as along one stream', () => {
    const counts = new Int32Array(1024);
    for (let seed = 0; seed < 300_000; seed++) counts[Math.floor(uniform(seed, 5, 0) * 1024)]++;
    expect(Math.abs(chiSquareZ(counts))).toBeLessThan(Z);
    counts.fill(0);
    for (let seed = 0; seed < 300_000; seed++) counts[Math.floor(uniform(5, seed, 0) * 1024)]++;
    expect(Math.abs(chiSquareZ(counts))).toBeLessThan(Z);
  });

  it('withstands an e-process betting on any arm of a categorical draw', () => {
    // Mixture martingale: bets of ±λ on each arm's indicator, averaged; under true propensities it exceeds 1/α with
    // probability at most α (Ville 1939). α = 1e-9, as the simulator's.
    const p = [0.05, 0.15, 0.3, 0.5];
    const bets = [-0.4, -0.1, 0.1, 0.4].flatMap((size) => p.map((_, arm) => ({ size, arm, logWealth: 0 })));
    let worst = 0;
    for (let i = 0; i < 200_000; i++) {
      let u = uniform(77, 88, i);
      const arm = p.findIndex((share) => {
        u -= share;
        return u < 0;
      });
      for (const bet of bets)
        bet.logWealth += Math.log1p(bet.size * ((arm === bet.arm ? 1 : 0) - p[bet.arm]));
      const mixture = bets.reduce((sum, bet) => sum + Math.exp(bet.logWealth), 0) / bets.length;
      worst = Math.max(worst, mixture);
    }
    expect(worst).toBeLessThan(1e9);
  });
});

describe('stream', () => {
  const n = 60_000;
  const moments = (draw: () => number): { mean: number; variance: number } => {
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < n; i++) {
      const x = draw();
      sum += x;
      squares += x * x;
    }
    return { mean: sum / n, variance: squares / n - (sum / n) ** 2 };
  };

  it.each<[string, (s: ReturnType<typeof stream>) => number, number, number]>([
    ['uniform', (s) => s.next(), 0.5, 1 / 12],
    ['normal', (s) => s.normal(), 0, 1],
    ['exponential', (s) => s.exponential(), 1, 1],
    ['gamma(0.3)', (s) => s.gamma(0.3), 0.3, 0.3],
    ['gamma(4)', (s) => s.gamma(4), 4, 4],
    ['beta(2, 5)', (s) => s.beta(2, 5), 2 / 7, 10 / (49 * 8)],
    ['beta(0.5, 0.5)', (s) => s.beta(0.5, 0.5), 0.5, 1 / 8],
    ['integer(7)', (s) => s.integer(7), 3, 4],
  ])('%s has its mean and variance', (_name, draw, mean, variance) => {
    const s = stream(11, 22);
    const seen = moments(() => draw(s));
    expect(Math.abs(seen.mean - mean)).toBeLessThan(4.5 * Math.sqrt(variance / n));
    expect(Math.abs(seen.variance / variance - 1)).toBeLessThan(0.06);
  });
});
