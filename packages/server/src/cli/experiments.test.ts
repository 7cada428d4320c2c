import type { ExperimentReport } from '@ganglion/core';
import { describe, expect, it } from 'vitest';
import { experimentsText } from './experiments.ts';
import { styleOf } from './style.ts';

type Metric = ExperimentReport['metrics'][number];
type Result = Metric['variants'][number];

const estimate = (mean: number | null, low: number | null, high: number | null, n: number) => ({
  mean,
  low,
  high,
  n,
});
const metric = (change: Partial<Metric>, treatment: Partial<Result>, n = 5000): Metric => ({
  metric: 'latencyMs',
  better: 'lower',
  guardrail: true,
  margin: 10,
  reduction: null,
  variants: [
    {
      variant: 'control',
      mean: estimate(n === 0 ? null : 100, null, null, n),
      difference: null,
      e: null,
      p: null,
      verdict: 'control',
    },
    {
      variant: 'treatment',
      mean: estimate(n === 0 ? null : 102, null, null, n),
      difference: estimate(1.76, -0.08, 3.6, 2 * n),
      e: null,
      p: null,
      verdict: 'undecided',
      ...treatment,
    },
  ],
  ...change,
});
const text = (metrics: readonly Metric[], change: Partial<ExperimentReport> = {}): string =>
  experimentsText(
    [
      {
        experiment: 'x',
        kind: 'variants',
        analysis: 'sequential',
        alpha: 0.05,
        horizon: null,
        phase: 0,
        variants: ['control', 'treatment'].map((variant, i) => ({
          variant,
          control: i === 0,
          share: 0.5,
          closed: 5000,
          counted: 5000,
        })),
        mismatch: { e: 1, verdict: 'sound' },
        metrics,
        decision: 'keep going',
        winner: null,
        reason: 'the intervals still hold zero',
        ...change,
      },
    ],
    styleOf({ isTerminal: false, env: {} }),
  ).join('\n');

describe('an experiment as the command shows it', () => {
  it('says of each metric which way it should go, and how much harm is put up with', () => {
    const shown = text([metric({}, {}), metric({ metric: 'bounce', assumed: true, margin: 0 }, {})]);
    expect(shown).toContain('latencyMs (lower is better, guardrail, margin 10)');
    expect(shown).toContain('bounce (direction not declared, guardrail)');
    expect(
      text([metric({ metric: 'success', better: 'higher', guardrail: false, margin: 0 }, {})]),
    ).toContain('success (higher is better)');
  });

  it('tells harm that is excluded from what is undecided, and both from what is unknown', () => {
    const verdictOf = (of: Metric): string | undefined =>
      text([of])
        .split('\n')
        .find((line) => line.startsWith('treatment'))
        ?.split(/ {2,}/)
        .at(-1);
    expect(verdictOf(metric({}, { harm: 'excluded' }))).toBe('within the margin');
    expect(verdictOf(metric({ margin: 0 }, { harm: 'excluded' }))).toBe('no worse');
    expect(verdictOf(metric({}, { harm: 'open' }))).toBe('undecided');
    expect(verdictOf(metric({}, { harm: 'shown', verdict: 'worse' }))).toBe('worse');
    expect(verdictOf(metric({}, { harm: 'excluded', verdict: 'better' }))).toBe('better');
    expect(verdictOf(metric({}, { harm: 'unknown' }, 0))).toBe('no value');
    // Of a node that does not tell it yet.
    expect(verdictOf(metric({}, {}))).toBe('undecided');
  });

  it('warns of metrics that have no value', () => {
    const warning = 'no value of latencyMS in 10,000 counted decisions: check its name';
    expect(text([metric({}, {})], { warnings: [warning] }).split('\n')[1]).toBe(warning);
  });

  it('says of how many the figures are, where more have counted since the look', () => {
    const variants = ['control', 'treatment'].map((variant, i) => ({
      variant,
      control: i === 0,
      share: 0.5,
      closed: 5000,
      counted: 5000,
      judged: 4500 + i * 500,
    }));
    const lines = text([metric({}, {})], { variants }).split('\n');
    expect(lines.find((line) => line.startsWith('control'))).toMatch(/ 4 500 of 5 000 /);
    expect(lines.find((line) => line.startsWith('treatment'))).toMatch(/ {2}5 000 {2}/);
  });
});
