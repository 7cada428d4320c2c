import { describe, expect, it } from 'vitest';
import { stream } from '../stats/random.ts';
import { adaptiveDifference, adaptiveMean, adaptiveSums, adaptiveTest, addAdaptive } from './adaptive.ts';
import { addWager, boundedMean, wagerSums } from './wagers.ts';

const RATES = [0.005, 0.01, 0.05, 0.5];
const RANGE = [0, 1] as const;

/** Thompson sampling of two arms' rates with a floor, its shares by the normal law of both; looked at as it goes. */
function bandit(seed: number, n: number, rates: readonly [number, number], floor = 0.1) {
  const random = stream(seed, 33);
  const sides = [0, 1].map(() => ({ plain: adaptiveSums(), wagers: wagerSums(), wins: 1, tries: 2 }));
  const [a, b] = sides;
  const missed = { mean: false, difference: false, exact: false };
  let p = 0.5;
  for (let i = 1; i <= n; i++) {
    if (i % 20 === 0) {
      const [first, second] = sides.map(({ wins, tries }) => wins / tries);
      const spread = (first * (1 - first)) / a.tries + (second * (1 - second)) / b.tries;
      p = floor / 2 + (1 - floor) / (1 + Math.exp(-1.702 * ((first - second) / Math.sqrt(spread))));
    }
    const arm = random.next() < p ? 0 : 1;
    const y = random.next() < rates[arm] ? 1 : 0;
    sides[arm].wins += y;
    sides[arm].tries++;
    addAdaptive(sides[arm].plain, y, arm === 0 ? p : 1 - p);
    addWager(sides[arm].wagers, y, arm === 0 ? p : 1 - p, RANGE);
    if (i % 200 > 0) continue;
    const all = a.wagers.n + b.wagers.n;
    const bounds = sides.map(({ wagers }) => ({ range: RANGE, wagers, all }));
    sides.forEach(({ plain }, s) => {
      const mean = adaptiveMean(plain, { bounds: bounds[s] });
      if (mean !== undefined && (mean.low > rates[s] || mean.high < rates[s])) missed.mean = true;
      const exact = boundedMean(bounds[s], 0.05);
      if (exact.low > rates[s] || exact.high < rates[s]) missed.exact = true;
    });
    const apart = adaptiveDifference(a.plain, b.plain, { bounds: [bounds[0], bounds[1]] });
    const truth = rates[0] - rates[1];
    if (apart !== undefined && (apart.low > truth || apart.high < truth)) missed.difference = true;
  }
  const all = a.wagers.n + b.wagers.n;
  const bounds = [a, b].map(({ wagers }) => ({ range: RANGE, wagers, all }));
  return {
    missed,
    apart: adaptiveDifference(a.plain, b.plain, { bounds: [bounds[0], bounds[1]] }),
    test: adaptiveTest(a.plain, b.plain, { bounds: [bounds[0], bounds[1]] }),
  };
}

describe('intervals of a bandit’s arms, of outcomes within a range', () => {
  it.each(RATES)('hold at all looks in 93 % of runs and more, at a rate of %d', (rate) => {
    const runs = 120;
    let [mean, difference, exact] = [0, 0, 0];
    for (let run = 0; run < runs; run++) {
      const { missed } = bandit(run, 6000, [rate, rate]);
      // Two arms are looked at: each misses half as often.
      if (missed.mean) mean += 0.5 / runs;
      if (missed.exact) exact += 0.5 / runs;
      if (missed.difference) difference += 1 / runs;
    }
    expect(Math.max(mean, difference, exact)).toBeLessThanOrEqual(0.07);
  });

  it('find what is there', () => {
    let [rare, usual] = [0, 0];
    const runs = 30;
    for (let run = 0; run < runs; run++) {
      if ((bandit(run, 30_000, [0.02, 0.005], 0.4).apart?.low ?? 0) > 0) rare += 1 / runs;
      if ((bandit(run, 4000, [0.6, 0.5], 0.4).apart?.low ?? 0) > 0) usual += 1 / runs;
    }
    expect(rare).toBeGreaterThan(0.9);
    expect(usual).toBeGreaterThan(0.9);
  });
});

describe('wagers', () => {
  it('say something from the first outcome, and never what cannot be', () => {
    const sums = wagerSums();
    expect(boundedMean({ range: RANGE, wagers: sums, all: 0 }, 0.05)).toMatchObject({ low: 0, high: 1 });
    for (let i = 0; i < 200; i++) addWager(sums, 1, 0.5, RANGE);
    for (let i = 0; i < 200; i++) addWager(wagerSums(), 0, 0.5, RANGE);
    const { low, high } = boundedMean({ range: RANGE, wagers: sums, all: 400 }, 0.05);
    expect(low).toBeGreaterThan(0.7);
    expect(high).toBe(1);
  });

  it('are the same in any range', () => {
    const random = stream(4);
    const [unit, wide] = [wagerSums(), wagerSums()];
    for (let i = 0; i < 500; i++) {
      const [y, p] = [random.next(), 0.1 + 0.9 * random.next()];
      addWager(unit, y, p, RANGE);
      addWager(wide, 6 * y - 2, p, [-2, 4]);
    }
    const a = boundedMean({ range: RANGE, wagers: unit, all: 1200 }, 0.05);
    const b = boundedMean({ range: [-2, 4], wagers: wide, all: 1200 }, 0.05);
    expect(b.low).toBeCloseTo(6 * a.low - 2, 9);
    expect(b.high).toBeCloseTo(6 * a.high - 2, 9);
  });

  it('leave out what has no propensity, and know no bound once an outcome left the range', () => {
    const sums = wagerSums();
    for (const p of [0, Number.NaN, 2]) addWager(sums, 1, p, RANGE);
    expect(sums.n).toBe(0);
    addWager(sums, 1.5, 0.5, RANGE);
    expect(sums).toMatchObject({ n: 1, outside: 1 });
  });
});
