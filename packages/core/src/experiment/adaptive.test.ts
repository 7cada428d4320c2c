import { describe, expect, it } from 'vitest';
import { stream } from '../stats/random.ts';
import {
  type AdaptiveSums,
  adaptiveDifference,
  adaptiveMean,
  adaptiveSums,
  adaptiveTest,
  addAdaptive,
} from './adaptive.ts';

interface Run {
  readonly arms: [AdaptiveSums, AdaptiveSums];
  readonly plain: [number, number];
  readonly everMissed: boolean;
}

/** Gaussian Thompson sampling over two arms, propensities exact by a probit of the posterior, with a floor. */
function bandit(seed: number, n: number, means: readonly [number, number], floor: number): Run {
  const random = stream(seed, 31);
  const [count, total] = [
    [0, 0],
    [0, 0],
  ];
  const arms: [AdaptiveSums, AdaptiveSums] = [adaptiveSums(), adaptiveSums()];
  let p = 0.5;
  let everMissed = false;
  for (let i = 0; i < n; i++) {
    if (i % 20 === 0 && i >= 40) {
      const gap = total[0] / count[0] - total[1] / count[1];
      const z = gap / Math.sqrt(1 / count[0] + 1 / count[1]);
      p = floor / 2 + (1 - floor) / (1 + Math.exp(-1.702 * z)); // probit, to 1 %
    }
    const arm = i < 40 ? i % 2 : random.next() < p ? 0 : 1;
    const y = means[arm] + random.normal();
    count[arm]++;
    total[arm] += y;
    addAdaptive(arms[arm], y, i < 40 ? 0.5 : arm === 0 ? p : 1 - p);
    if (i % 50 !== 0) continue;
    const interval = adaptiveDifference(arms[0], arms[1]);
    const truth = means[0] - means[1];
    if (interval !== undefined && (interval.low > truth || interval.high < truth)) everMissed = true;
  }
  return { arms, plain: [total[0] / count[0], total[1] / count[1]], everMissed };
}

describe('inference for bandits', () => {
  it('holds at all looks under Thompson allocation, where both arms are worth the same', () => {
    let missed = 0;
    const runs = 300;
    for (let run = 0; run < runs; run++) if (bandit(run, 3000, [0, 0], 0.1).everMissed) missed++;
    expect(missed / runs).toBeLessThanOrEqual(0.06); // nominal 5 %, standard error 1.3 %
  });

  it('holds for a difference, and finds it', () => {
    let [missed, found] = [0, 0];
    const runs = 150;
    for (let run = 0; run < runs; run++) {
      const { arms, everMissed } = bandit(run, 4000, [0.3, 0], 0.2);
      if (everMissed) missed++;
      if (adaptiveTest(arms[0], arms[1]).p <= 0.05) found++;
    }
    expect(missed / runs).toBeLessThanOrEqual(0.09);
    expect(found / runs).toBeGreaterThan(0.9);
  });

  it('is less biased than the plain mean of the arm that is played less', () => {
    let [plain, weighted] = [0, 0];
    const runs = 400;
    for (let run = 0; run < runs; run++) {
      const { arms, plain: means } = bandit(run, 1000, [0, 0], 0.1);
      const less = arms[0].n < arms[1].n ? 0 : 1;
      plain += means[less] / runs;
      weighted += arms[less].rootSum / arms[less].root / runs;
    }
    expect(plain).toBeLessThan(-0.05);
    expect(Math.abs(weighted)).toBeLessThan(Math.abs(plain));
  });

  it('is the plain mean where the shares never changed', () => {
    const random = stream(2);
    const sums = adaptiveSums();
    let total = 0;
    for (let i = 0; i < 500; i++) {
      const y = random.next();
      total += y;
      addAdaptive(sums, y, 0.3);
    }
    expect(adaptiveMean(sums)!.estimate).toBeCloseTo(total / 500, 12);
  });

  it('leaves out what has no propensity', () => {
    const sums = adaptiveSums();
    for (const p of [0, Number.NaN, -1, 2]) addAdaptive(sums, 1, p);
    expect(sums.n).toBe(0);
    expect(adaptiveMean(sums)).toBeUndefined();
  });
});
