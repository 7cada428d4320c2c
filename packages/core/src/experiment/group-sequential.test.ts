import { describe, expect, it } from 'vitest';
import { normalQuantile } from '../stats/distributions.ts';
import { exitProbability, spendingBoundaries, spentAlpha } from './group-sequential.ts';

const looks = (k: number): number[] => Array.from({ length: k }, (_, i) => (i + 1) / k);
const near = (got: readonly number[], want: readonly number[], digits: number): void => {
  expect(got.length).toBe(want.length);
  want.forEach((value, i) => void expect(got[i], `look ${i + 1}`).toBeCloseTo(value, digits));
};

describe('Lan–DeMets boundaries', () => {
  // DeMets, Lan, "Interim analysis: the alpha spending function approach", Statistics in Medicine 1994, and the
  // programs of Reboussin, DeMets, Kim, Lan (2000): five equal looks, two-sided 5 %.
  it('are the published ones of O’Brien and Fleming’s type', () => {
    near(spendingBoundaries('obrien-fleming', 0.05, looks(5)).z, [4.877, 3.357, 2.68, 2.29, 2.031], 2);
  });
  it('are the published ones of Pocock’s type', () => {
    near(spendingBoundaries('pocock', 0.05, looks(5)).z, [2.438, 2.427, 2.41, 2.397, 2.386], 2);
  });
  it('spend α whole by the last look, however the looks lie', () => {
    for (const kind of ['obrien-fleming', 'pocock'] as const)
      for (const times of [looks(1), looks(7), [0.13, 0.2, 0.61, 0.62, 1]]) {
        const { z, spent } = spendingBoundaries(kind, 0.05, times);
        expect(spent.at(-1)).toBeCloseTo(0.05, 8);
        expect(exitProbability(times, z)).toBeCloseTo(0.05, 6);
        times.forEach((t, k) => void expect(spent[k]).toBeCloseTo(spentAlpha(kind, 0.05, t), 8));
      }
  });
  it('are the plain quantile where there is one look', () => {
    expect(spendingBoundaries('obrien-fleming', 0.05, [1]).z[0]).toBeCloseTo(1.959964, 5);
  });
  it('do not depend on looks that are still to come', () => {
    const three = spendingBoundaries('pocock', 0.01, [0.2, 0.5, 0.9]).z;
    near(spendingBoundaries('pocock', 0.01, [0.2, 0.5, 0.9, 1]).z.slice(0, 3), three, 10);
  });
});

describe('exit probabilities', () => {
  // Jennison, Turnbull (2000), tables 2.1 and 2.3: constants for two-sided α = 0.05.
  it('are 5 % at Pocock’s constants', () => {
    for (const [k, c] of [
      [2, 2.178],
      [5, 2.413],
      [10, 2.555],
      [20, 2.672],
    ])
      expect(exitProbability(looks(k), new Array<number>(k).fill(c))).toBeCloseTo(0.05, 3);
  });
  it('are 5 % at O’Brien and Fleming’s constants', () => {
    for (const [k, c] of [
      [2, 1.977],
      [5, 2.04],
      [10, 2.087],
    ])
      expect(
        exitProbability(
          looks(k),
          looks(k).map((t) => c / Math.sqrt(t)),
        ),
      ).toBeCloseTo(0.05, 3);
  });
  // The same, tables 2.2 and 2.4: with the sample inflated by R, power is 80 %.
  it('are the power under the published inflation of the sample', () => {
    const drift = normalQuantile(0.975) + normalQuantile(0.8);
    const pocock = exitProbability(looks(5), new Array<number>(5).fill(2.413), drift * Math.sqrt(1.228));
    expect(pocock).toBeCloseTo(0.8, 2);
    const z = looks(5).map((t) => 2.04 / Math.sqrt(t));
    expect(exitProbability(looks(5), z, drift * Math.sqrt(1.028))).toBeCloseTo(0.8, 2);
  });
});
