import { describe, expect, it } from 'vitest';
import { stream } from '../stats/random.ts';
import { differenceSequence } from '../stats/sequential.ts';
import { powerOf } from './fixed-horizon.ts';
import { logMixtureRatio, mixtureTest } from './mixture-test.ts';

interface Tally {
  n: number;
  sum: number;
  squares: number;
}
const tally = (): Tally => ({ n: 0, sum: 0, squares: 0 });
const add = (t: Tally, x: number): void => {
  t.n++;
  t.sum += x;
  t.squares += x * x;
};

/** Share of A/B runs that mSPRT ever stops, looked at every `every` outcomes up to `horizon`. */
function stopped(runs: number, horizon: number, every: number, effect: number): number {
  let found = 0;
  for (let run = 0; run < runs; run++) {
    const random = stream(run, 77);
    const [a, b] = [tally(), tally()];
    for (let i = 0; i < horizon; i++) {
      if (i % 2 === 0) add(a, random.normal() + effect);
      else add(b, random.normal());
      if ((i + 1) % every > 0) continue;
      if (mixtureTest(a, b, { tightestAt: horizon / 4 }).p <= 0.05) {
        found++;
        break;
      }
    }
  }
  return found / runs;
}

describe('the mixture ratio', () => {
  // The closed form against the integral it stands for: ∫ N(θ; 0, τ²) · N(d; θ, s²) / N(d; 0, s²) dθ.
  it('is the likelihood ratio averaged over the alternatives', () => {
    for (const [d, s2, tau2] of [
      [0.3, 0.02, 0.1],
      [-1, 0.5, 0.05],
      [0, 0.01, 1],
    ]) {
      let integral = 0;
      const width = Math.sqrt(tau2) / 500;
      for (let theta = -10 * Math.sqrt(tau2); theta < 10 * Math.sqrt(tau2); theta += width)
        integral +=
          (width / Math.sqrt(2 * Math.PI * tau2)) *
          Math.exp((-theta * theta) / (2 * tau2) + (d * theta - (theta * theta) / 2) / s2);
      expect(logMixtureRatio(d, s2, tau2)).toBeCloseTo(Math.log(integral), 6);
    }
  });

  it('reaches 1/α exactly where the confidence sequence leaves the null', () => {
    const random = stream(12);
    for (let run = 0; run < 100; run++) {
      const [a, b] = [tally(), tally()];
      const effect = 0.4 * random.next();
      for (let i = 0; i < 300 + random.integer(500); i++) {
        add(a, random.normal() + effect);
        add(b, random.normal());
      }
      const { low, high } = differenceSequence(a, b)!;
      expect(mixtureTest(a, b).p <= 0.05).toBe(low > 0 || high < 0);
    }
  });
});

describe('mSPRT', () => {
  // Looked at every 20 of 4,000 outcomes. 400 runs: a standard error of 1.1 %. (A t-test looked at as often: > 35 %.)
  it('finds nothing in A/A more often than it says, at any number of looks', () => {
    expect(stopped(400, 4000, 20, 0)).toBeLessThanOrEqual(0.05);
  });

  it('keeps its power within ten points of a fixed horizon of the same size', () => {
    const effect = 0.14;
    const fixed = powerOf({ effect, variance: 1 }, 4000);
    expect(fixed).toBeGreaterThan(0.99);
    expect(stopped(150, 4000, 20, effect)).toBeGreaterThan(fixed - 0.1);
  });

  it('says nothing while it knows too little', () => {
    expect(mixtureTest({ n: 99, sum: 99, squares: 99 }, { n: 500, sum: 0, squares: 0 })).toEqual({
      e: 1,
      p: 1,
    });
    const flat = { n: 500, sum: 500, squares: 500 };
    expect(mixtureTest(flat, flat).p).toBe(1);
  });
});
