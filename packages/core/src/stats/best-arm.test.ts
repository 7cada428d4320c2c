import { describe, expect, it } from 'vitest';
import { bestBeta, bestStudent } from './best-arm.ts';
import { logBeta, normalCdf, studentCdf } from './distributions.ts';
import { type Stream, stream } from './random.ts';

const beta = (arms: readonly (readonly [number, number])[]): Float64Array => {
  const out = new Float64Array(arms.length);
  bestBeta(
    Float64Array.from(arms, (x) => x[0]),
    Float64Array.from(arms, (x) => x[1]),
    arms.length,
    out,
  );
  return out;
};
const student = (arms: readonly (readonly [number, number, number])[]): Float64Array => {
  const column = (i: 0 | 1 | 2) => Float64Array.from(arms, (x) => x[i]);
  const out = new Float64Array(arms.length);
  bestStudent(column(0), column(1), column(2), arms.length, out);
  return out;
};

// P(B > A) for whole αB, exactly: Miller, "Formulas for Bayesian A/B testing" (2015), eq. 6.
function miller(aA: number, bA: number, aB: number, bB: number): number {
  let total = 0;
  for (let i = 0; i < aB; i++)
    total += Math.exp(logBeta(aA + i, bA + bB) - Math.log(bB + i) - logBeta(1 + i, bB) - logBeta(aA, bA));
  return total;
}

const between = (s: Stream, low: number, high: number) => low * (high / low) ** s.next();

describe('P(arm is best), two Betas', () => {
  it('small cases by hand', () => {
    // Beta(2,1) against Beta(1,1): E[x] = 2/3. Beta(1,2): 1/3. Beta(2,1) against Beta(1,2): 5/6.
    expect(
      beta([
        [2, 1],
        [1, 1],
      ])[0],
    ).toBeCloseTo(2 / 3, 4);
    expect(
      beta([
        [1, 2],
        [1, 1],
      ])[0],
    ).toBeCloseTo(1 / 3, 4);
    expect(
      beta([
        [2, 1],
        [1, 2],
      ])[0],
    ).toBeCloseTo(5 / 6, 4);
  });

  it('agrees with the exact sum over random parameters, from 1 to 3000 outcomes', () => {
    const s = stream(1);
    for (let i = 0; i < 1500; i++) {
      const [aA, bA, aB, bB] = [0, 0, 0, 0].map(() => Math.ceil(between(s, 0.5, 3000)));
      const p = beta([
        [aA, bA],
        [aB, bB],
      ]);
      expect(Math.abs(p[1] - miller(aA, bA, aB, bB))).toBeLessThan(2e-4);
    }
  });

  it('resolves a million outcomes beside none', () => {
    // The wide arm is uniform: it is best with probability 1 − E[x] of the peaked one.
    expect(
      beta([
        [300_001, 700_001],
        [1, 1],
      ])[0],
    ).toBeCloseTo(0.3, 5);
    expect(
      beta([
        [1e8, 1],
        [1, 1],
      ])[0],
    ).toBeCloseTo(1, 4);
  });
});

describe('P(arm is best), two Students', () => {
  it('is Cauchy at one degree of freedom and normal at many', () => {
    // The difference of two Cauchys is Cauchy with the scales added; of two normals, normal.
    for (const [m, s1, s2] of [
      [0.5, 1, 1],
      [2, 0.1, 3],
      [-1, 5, 0.01],
    ]) {
      const cauchy = student([
        [m, s1, 1],
        [0, s2, 1],
      ])[0];
      expect(Math.abs(cauchy - (0.5 + Math.atan(m / (s1 + s2)) / Math.PI))).toBeLessThan(2e-4);
      const normal = student([
        [m, s1, 1e6],
        [0, s2, 1e6],
      ])[0];
      expect(Math.abs(normal - normalCdf(m / Math.hypot(s1, s2)))).toBeLessThan(2e-4);
    }
  });

  it('a peaked arm asks the wide one only for its CDF', () => {
    for (const df of [1.5, 3, 8])
      expect(
        student([
          [0.7, 1e-9, 50],
          [0, 1, df],
        ])[0],
      ).toBeCloseTo(studentCdf(0.7, df), 4);
  });
});

describe('P(arm is best), many arms', () => {
  it('agrees with brute force on a fine grid', () => {
    const s = stream(2);
    for (let trial = 0; trial < 12; trial++) {
      const k = 3 + s.integer(8);
      const arms = Array.from({ length: k }, () => {
        return [Math.ceil(between(s, 1, 300)), Math.ceil(between(s, 1, 300))] as const;
      });
      const exact = bruteForce(arms);
      const p = beta(arms);
      for (let i = 0; i < k; i++) expect(Math.abs(p[i] - exact[i])).toBeLessThan(2e-4);
    }
  });

  it('agrees with Monte Carlo for peaked and wide Students together', () => {
    const s = stream(3);
    const arms = [
      [0, 1, 3],
      [0.9, 0.01, 100],
      [0.88, 0.02, 30],
      [0.5, 0.3, 5],
      [0.9, 1e-4, 1000],
      [-5, 4, 3],
    ] as const;
    const n = 200_000;
    const wins = new Float64Array(arms.length);
    for (let draw = 0; draw < n; draw++) {
      let best = 0;
      let highest = -Infinity;
      arms.forEach(([m, scale, df], i) => {
        const x = m + (scale * s.normal()) / Math.sqrt((2 * s.gamma(df / 2)) / df);
        if (x > highest) {
          highest = x;
          best = i;
        }
      });
      wins[best]++;
    }
    const p = student(arms);
    arms.forEach((_, i) => {
      expect(Math.abs(p[i] - wins[i] / n)).toBeLessThan(2e-4 + 4.5 * Math.sqrt(0.25 / n));
    });
  });

  it('gives equal arms equal shares, from 1 to 1000 of them', () => {
    for (const k of [1, 2, 3, 50, 1000])
      for (const p of [
        beta(Array.from({ length: k }, () => [3, 9])),
        student(Array.from({ length: k }, () => [0.2, 0.5, 4])),
      ])
        for (const share of p) expect(Math.abs(share * k - 1)).toBeLessThan(1e-9);
  });

  it('always returns a distribution, whatever the mix', () => {
    const s = stream(4);
    for (let trial = 0; trial < 60; trial++) {
      const k = 1 + s.integer(40);
      const p = student(
        Array.from({ length: k }, () => [s.normal() * 10, between(s, 1e-8, 1e3), between(s, 1, 1e5)]),
      );
      const q = beta(Array.from({ length: k }, () => [between(s, 0.05, 1e7), between(s, 0.05, 1e7)]));
      for (const shares of [p, q]) {
        expect(shares.every((x) => x >= 0 && x <= 1)).toBe(true);
        expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
      }
    }
  });

  it('is the same for any order of the arms', () => {
    const arms = [
      [5, 9],
      [80, 120],
      [2, 2],
      [300, 500],
      [1, 1],
    ] as const;
    const p = beta(arms);
    const reversed = beta([...arms].reverse()).reverse();
    for (let i = 0; i < arms.length; i++) expect(Math.abs(p[i] - reversed[i])).toBeLessThan(1e-12);
  });
});

// Trapezoids on 40,000 even cells of (0, 1): exact to far below the tolerance for parameters in [1, 300].
function bruteForce(arms: readonly (readonly [number, number])[]): number[] {
  const cells = 40_000;
  const cdf = new Float64Array(arms.length);
  const last = new Float64Array(arms.length);
  const out = new Array<number>(arms.length).fill(0);
  const norm = arms.map(([a, b]) => logBeta(a, b));
  for (let c = 0; c < cells; c++) {
    const x = (c + 0.5) / cells;
    const f = arms.map(([a, b], i) => Math.exp((a - 1) * Math.log(x) + (b - 1) * Math.log1p(-x) - norm[i]));
    arms.forEach((_, i) => {
      cdf[i] += (last[i] + f[i]) / 2 / cells;
      last[i] = f[i];
    });
    arms.forEach((_, i) => {
      let others = 1;
      arms.forEach((_unused, j) => {
        if (j !== i) others *= cdf[j];
      });
      out[i] += (f[i] * others) / cells;
    });
  }
  const sum = out.reduce((a, b) => a + b, 0);
  return out.map((x) => x / sum);
}
