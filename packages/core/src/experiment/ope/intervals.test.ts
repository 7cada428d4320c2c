import { describe, expect, test } from 'vitest';
import { stream } from '../../stats/random.ts';
import { synthetic } from '../../testing/logged.ts';
import { ESTIMATORS } from './estimators.ts';
import { evaluate } from './evaluation.ts';
import {
  type Bounds,
  bcaInterval,
  empiricalBernstein,
  normalInterval,
  percentileInterval,
  standardErrorOf,
} from './intervals.ts';
import { crossFit } from './reward-model.ts';
import { sampleOf } from './sample.ts';
import { column, influenceOf, influenceSums, meanTerms, sumOf, valueOfTerms } from './terms.ts';

const OPTIONS = { level: 0.95, seed: 3, resamples: 300 };

describe('intervals cover', () => {
  test('of the truth, in at least 93 % of 400 worlds of 300 rows', () => {
    const worlds = 400;
    const covered: Record<string, number> = {};
    for (let seed = 1; seed <= worlds; seed++) {
      const log = synthetic(300, seed);
      const model = crossFit(
        { ...log, features: Float64Array.from(log.context), width: 1 },
        (row, out) => out.set(log.pi[log.context[row]]),
        { seed },
      );
      const sample = sampleOf({ ...log, model });
      const holds = (key: string, { low, high }: Bounds): void => {
        covered[key] = (covered[key] ?? 0) + (low <= log.truth && log.truth <= high ? 1 : 0);
      };
      const asked = { seed, resamples: 300, rule: { minEffective: 20, maxWeightShare: 1 } };
      for (const estimate of evaluate(sample, asked).estimates) holds(estimate.estimator, estimate);
      for (const name of ['snips', 'dr'] as const) {
        const terms = ESTIMATORS[name].terms(sample);
        holds(`${name} normal`, normalInterval(terms, 0.95));
        holds(`${name} percentile`, percentileInterval(terms, { ...OPTIONS, seed }));
      }
    }
    expect(Object.keys(covered)).toHaveLength(11);
    expect(Object.entries(covered).filter(([, hits]) => hits / worlds < 0.93)).toEqual([]);
  });

  test('empirical Bernstein at least as often as it says, at any size', () => {
    for (const n of [5, 50, 500]) {
      let hits = 0;
      for (let seed = 1; seed <= 300; seed++) {
        const draws = stream(seed, n);
        const { low, high } = empiricalBernstein(
          column(n, () => (draws.next() < 0.1 ? 1 : 0)),
          [0, 1],
          0.95,
        );
        if (low <= 0.1 && 0.1 <= high) hits++;
      }
      expect(hits / 300).toBeGreaterThanOrEqual(0.95);
    }
  });
});

describe('intervals', () => {
  const sample = sampleOf(synthetic(400, 11));

  test('are the same for the same seed, and others for another', () => {
    const terms = ESTIMATORS.snips.terms(sample);
    expect(bcaInterval(terms, OPTIONS)).toEqual(bcaInterval(terms, OPTIONS));
    expect(bcaInterval(terms, OPTIONS)).not.toEqual(bcaInterval(terms, { ...OPTIONS, seed: 4 }));
  });

  test('are the percentiles of resamples drawn the plain way', () => {
    const terms = ESTIMATORS.snips.terms(sample);
    const draws = stream(OPTIONS.seed, 0x626f6f74);
    const values = Array.from({ length: OPTIONS.resamples }, () => {
      let top = 0;
      let bottom = 0;
      for (let i = 0; i < sample.n; i++) {
        const pick = Math.floor(draws.next() * sample.n);
        top += sample.weight[pick] * sample.reward[pick];
        bottom += sample.weight[pick];
      }
      return top / bottom;
    }).sort((a, b) => a - b);
    const { low, high } = percentileInterval(terms, OPTIONS);
    // 0.025 · 299 = 7.475
    expect(low).toBeCloseTo(values[7] + 0.475 * (values[8] - values[7]), 12);
    expect(high).toBeCloseTo(values[291] + 0.525 * (values[292] - values[291]), 12);
  });

  test('of long logs are resampled by blocks, to the same width', () => {
    const long = sampleOf(synthetic(20_000, 12));
    const terms = ESTIMATORS.ips.terms(long);
    const blocks = percentileInterval(terms, OPTIONS);
    const normal = normalInterval(terms, 0.95);
    expect((blocks.high - blocks.low) / (normal.high - normal.low)).toBeCloseTo(1, 0);
  });

  test('the influence function has mean 0 and gives a mean’s standard error', () => {
    expect(
      Math.abs(sumOf(influenceOf(ESTIMATORS.sndr.terms({ ...sample, model: modelled() })))),
    ).toBeLessThan(1e-9);
    expect(standardErrorOf(meanTerms(Float64Array.of(1, 2, 3, 4)))).toBeCloseTo(Math.sqrt(5 / 3 / 4), 14);
  });

  test('its sums are those of its column', () => {
    const terms = ESTIMATORS.sndr.terms({ ...sample, model: modelled() });
    const [squares, cubes, fourths] = [2, 3, 4].map((power) =>
      influenceOf(terms).reduce((sum, psi) => sum + psi ** power, 0),
    );
    const sums = influenceSums(terms);
    expect(sums.squares).toBeCloseTo(squares, 9);
    expect(sums.cubes).toBeCloseTo(cubes, 9);
    expect(sums.fourths).toBeCloseTo(fourths, 9);
  });

  test('the influence function is the derivative by a row’s weight', () => {
    const terms = ESTIMATORS.snips.terms(sample);
    const influence = influenceOf(terms);
    const step = 1e-6;
    for (const i of [0, 17, 399]) {
      const { top, bottom } = terms.ratio!;
      const moved = { top: top.slice(), bottom: bottom.slice() };
      moved.top[i] += step * top[i];
      moved.bottom[i] += step * bottom[i];
      const slope = ((valueOfTerms({ ...terms, ratio: moved }) - valueOfTerms(terms)) / step) * sample.n;
      expect(slope).toBeCloseTo(influence[i], 3);
    }
  });

  test('empirical Bernstein is Maurer and Pontil’s, by hand', () => {
    const values = column(400, (i) => i % 2);
    const half = Math.sqrt((2 * (100 / 399) * Math.log(80)) / 400) + (7 * Math.log(80)) / (3 * 399);
    const { low, high } = empiricalBernstein(values, [0, 1], 0.95);
    expect([low, high]).toEqual([expect.closeTo(0.5 - half, 12), expect.closeTo(0.5 + half, 12)]);
  });

  function modelled() {
    return { taken: column(sample.n, () => 0.3), expected: column(sample.n, (i) => 0.3 + (i % 7) / 100) };
  }
});
