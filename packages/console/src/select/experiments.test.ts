import { describe, expect, it } from 'vitest';
import type { ExperimentReport } from '../wire.ts';
import { experimentRows, reachOf } from './experiments.ts';

const estimate = (mean: number | null, low: number | null, high: number | null) => ({
  mean,
  low,
  high,
  n: 10,
});
const none = { e: null, p: null };

const report: ExperimentReport = {
  experiment: 'copy',
  kind: 'variants',
  analysis: 'sequential',
  alpha: 0.05,
  horizon: null,
  phase: 0,
  variants: [
    { variant: 'control', control: true, share: 0.5, closed: 12, counted: 10 },
    { variant: 'treatment', control: false, share: 0.5, closed: 11, counted: 9 },
  ],
  mismatch: { e: 0.2, verdict: 'sound' },
  metrics: ['success', 'error'].map((metric, i) => ({
    metric,
    better: 'higher',
    guardrail: i === 1,
    margin: 0,
    reduction: null,
    variants: [
      { variant: 'control', mean: estimate(0.3, 0.2, 0.4), difference: null, ...none, verdict: 'control' },
      {
        variant: 'treatment',
        mean: estimate(0.4, 0.3, 0.5),
        difference: i === 0 ? estimate(0.1, -0.05, 0.25) : estimate(null, null, null),
        ...none,
        verdict: 'undecided',
      },
    ],
  })),
  decision: 'keep going',
  winner: null,
  reason: 'the intervals still hold zero',
};

describe('the forest plot of an experiment', () => {
  it('has a row for every variant of every metric; the first of a metric bears its name', () => {
    const rows = experimentRows(report);
    expect(rows.map(({ metric, variant, first }) => [metric, variant, first])).toEqual([
      ['success', 'control', true],
      ['success', 'treatment', false],
      ['error', 'control', true],
      ['error', 'treatment', false],
    ]);
    expect(rows[1]).toMatchObject({ share: 0.5, counted: 9 });
  });

  it('puts the variants of a metric on one scale about no difference, also where nothing is known', () => {
    expect(reachOf(report, 'success')).toBeCloseTo(0.275);
    expect(reachOf(report, 'error')).toBeGreaterThan(0);
  });
});
