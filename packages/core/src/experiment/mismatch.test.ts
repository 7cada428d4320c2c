import { describe, expect, it } from 'vitest';
import { stream } from '../stats/random.ts';
import { countArm, mismatch, mismatchSums, multinomialMismatch } from './mismatch.ts';

/** Two-armed Thompson sampling with exact propensities, renewed every 50 outcomes; arm 1 loses a share of exposures. */
function thompson(seed: number, n: number, lost: number, floor: number): { e: number; worst: number } {
  const random = stream(seed, 23);
  const wins = [1, 1];
  const losses = [1, 1];
  const sums = mismatchSums(2);
  let p = 0.5;
  let worst = 0;
  for (let i = 0; i < n; i++) {
    if (i % 50 === 0) {
      let first = 0;
      for (let k = 0; k < 60; k++)
        if (random.beta(wins[0], losses[0]) > random.beta(wins[1], losses[1])) first++;
      p = floor / 2 + (1 - floor) * (first / 60);
    }
    const arm = random.next() < p ? 0 : 1;
    if (arm === 1 && random.next() < lost) continue;
    if (random.next() < (arm === 0 ? 0.05 : 0.06)) wins[arm]++;
    else losses[arm]++;
    countArm(sums, arm, arm === 0 ? p : 1 - p);
    if (i % 10 === 0) worst = Math.max(worst, mismatch(sums).e);
  }
  return { e: mismatch(sums).e, worst };
}

describe('sample ratio mismatch', () => {
  // Looked at 300 times; a χ² against the average share alarms in most of such runs.
  it('false alarms stay at 1 % under Thompson allocation, at any number of looks', () => {
    let alarms = 0;
    for (let run = 0; run < 300; run++) if (thompson(run, 3000, 0, 0).worst >= 100) alarms++;
    expect(alarms / 300).toBeLessThanOrEqual(0.01);
  });

  it('lost exposures are found, under Thompson allocation too, and the other arm is named', () => {
    let found = 0;
    for (let run = 0; run < 20; run++) if (thompson(run, 20_000, 0.2, 0.1).e >= 100) found++;
    expect(found).toBeGreaterThanOrEqual(18);
    const random = stream(8);
    const sums = mismatchSums(3);
    for (let i = 0; i < 16_000; i++) {
      const arm = random.integer(3);
      if (arm !== 2 || random.next() > 0.15) countArm(sums, arm, 1 / 3);
    }
    expect(mismatch(sums).e).toBeGreaterThan(100);
    expect(mismatch(sums).most).not.toBe(2);
  });

  it('is a fair bet: its mean is 1 whatever the propensities', () => {
    // All 2^8 paths of eight decisions whose propensity depends on what came before, weighed by their probability.
    let mean = 0;
    for (let path = 0; path < 256; path++) {
      const sums = mismatchSums(2);
      let chance = 1;
      let p = 0.5;
      for (let i = 0; i < 8; i++) {
        const arm = (path >> i) & 1;
        const own = arm === 0 ? p : 1 - p;
        chance *= own;
        countArm(sums, arm, own);
        p = arm === 0 ? p * 0.5 : 0.3 + 0.5 * p;
      }
      mean += chance * mismatch(sums).e;
    }
    expect(mean).toBeCloseTo(1, 10);
  });

  it('adds up over nodes', () => {
    const random = stream(4);
    const [a, b, both] = [mismatchSums(2), mismatchSums(2), mismatchSums(2)];
    for (let i = 0; i < 500; i++) {
      const p = 0.1 + 0.8 * random.next();
      const arm = random.next() < p ? 0 : 1;
      for (const sums of [i % 3 === 0 ? a : b, both]) countArm(sums, arm, arm === 0 ? p : 1 - p);
    }
    const merged = {
      n: a.n + b.n,
      arms: a.arms.map((arm, i) => ({
        n: arm.n + b.arms[i].n,
        gains: arm.gains.map((g, j) => g + b.arms[i].gains[j]),
      })),
    };
    expect(mismatch(merged).e).toBeCloseTo(mismatch(both).e, 9);
  });
});

describe('with shares that never change', () => {
  it('the Dirichlet mixture is a fair bet', () => {
    // All counts of 12 decisions over shares 0.5, 0.3, 0.2, weighed by their multinomial probability.
    const shares = [0.5, 0.3, 0.2];
    const factorial = (k: number): number => (k <= 1 ? 1 : k * factorial(k - 1));
    let mean = 0;
    for (let a = 0; a <= 12; a++)
      for (let b = 0; a + b <= 12; b++) {
        const counts = [a, b, 12 - a - b];
        const ways = factorial(12) / counts.reduce((x, c) => x * factorial(c), 1);
        mean +=
          ways * shares.reduce((x, s, i) => x * s ** counts[i], 1) * multinomialMismatch(counts, shares);
      }
    expect(mean).toBeCloseTo(1, 10);
  });
  // Fabijan et al. (2019), "Diagnosing sample ratio mismatch": 821,588 beside 815,482 of an even split is one.
  it('finds the published mismatch, and none in an even split', () => {
    expect(multinomialMismatch([821_588, 815_482], [0.5, 0.5])).toBeGreaterThan(100);
    expect(multinomialMismatch([818_600, 818_470], [0.5, 0.5])).toBeLessThan(1);
  });
});
