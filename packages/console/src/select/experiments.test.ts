import { describe, expect, it } from 'vitest';
import { report as pointReport, spec } from '../testing.ts';
import type { ExperimentReport, PointReport } from '../wire.ts';
import {
  byAttention,
  countedWords,
  decidingMetric,
  entriesOf,
  experimentRows,
  isOpen,
  reachOf,
  rolloutHistory,
  rolloutOf,
  verdictWord,
} from './experiments.ts';

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

  it('says which way a metric should go, and what is known of it: never healthy where nothing is', () => {
    const [goal, rail] = report.metrics;
    const guarded = { ...rail, metric: 'latencyMs', better: 'lower' as const, margin: 10 };
    const rows = experimentRows({ ...report, metrics: [goal, guarded, { ...rail, assumed: true }] });
    expect(rows.filter(({ first }) => first).map(({ way }) => way)).toEqual([
      'higher is better',
      expect.stringMatching(/^guardrail: lower is better, margin 10\sms$/),
      'guardrail: nobody said which way is better',
    ]);
    const treated = rail.variants[1];
    expect(verdictWord(rail, treated)).toBe('undecided');
    expect(verdictWord(rail, { ...treated, harm: 'open' })).toBe('undecided');
    expect(verdictWord(rail, { ...treated, harm: 'excluded' })).toBe('no worse');
    expect(verdictWord(guarded, { ...treated, harm: 'excluded' })).toBe('within the margin');
    expect(verdictWord(rail, { ...treated, mean: { ...treated.mean, n: 0 }, harm: 'unknown' })).toBe(
      'no value',
    );
  });

  it('says of how many the figures are, where more have counted since the look', () => {
    expect(countedWords(report.variants[0], String)).toBe('10');
    expect(countedWords({ ...report.variants[0], judged: 10 }, String)).toBe('10');
    expect(countedWords({ ...report.variants[0], judged: 8 }, String)).toBe('8 of 10');
  });

  it('puts the variants of a metric on one scale about no difference, also where nothing is known', () => {
    expect(reachOf(report, 'success')).toBeCloseTo(0.275);
    expect(reachOf(report, 'error')).toBeGreaterThan(0);
  });
});

const rolled = (more: object): PointReport['spec'] =>
  spec({ guards: [{ kind: 'rollout', stages: ['5%', 0.5, 1], ...more }] });
const staged: ExperimentReport = {
  ...report,
  experiment: 'rollout',
  kind: 'rollout',
  decision: 'keep going',
};

describe('how experiments and rollouts stand', () => {
  const standing = (change: Partial<PointReport>) =>
    entriesOf(pointReport('cloud', change)).map((entry) => entry.standing);

  it('an experiment runs until it says ship or stop; a mismatch outweighs both', () => {
    expect(standing({ experiments: [report] })).toEqual(['running']);
    expect(standing({ experiments: [{ ...report, decision: 'ship', winner: 'treatment' }] })).toEqual([
      'ship',
    ]);
    const mismatch = { e: 400, verdict: 'mismatch' as const };
    expect(standing({ experiments: [{ ...report, decision: 'stop', mismatch }] })).toEqual(['mismatch']);
    expect(standing({ experiments: [report], mode: 'killed' })).toEqual(['held']);
  });

  it('a rollout without a comparison is complete, taken back, or moved by hand', () => {
    expect(standing({ spec: rolled({ stage: 2 }) })).toEqual(['complete']);
    expect(standing({ spec: rolled({ reverted: 'errors' }) })).toEqual(['reverted']);
    expect(standing({ spec: rolled({}) })).toEqual(['manual']);
    expect(standing({ spec: rolled({ guardrails: ['success'] }), experiments: [staged] })).toEqual([
      'running',
    ]);
  });

  it('a rollout has the defaults of its guard', () => {
    expect(rolloutOf(spec())).toBeNull();
    expect(rolloutOf(rolled({ stage: 1, guardrails: ['success'], dwell: '10m' }))).toEqual({
      stages: [0.05, 0.5, 1],
      stage: 1,
      guarded: true,
      dwellMs: 600_000,
      minCounted: 1000,
      reverted: null,
    });
    expect(rolloutOf(spec({ guards: [{ kind: 'rollout' }] }))?.stages).toEqual([0.01, 0.05, 0.25, 1]);
  });

  it('those that want a person come first, those that are over last', () => {
    const entries = [
      ...entriesOf(pointReport('cloud', { point: 'a', spec: rolled({ stage: 2 }) })),
      ...entriesOf(pointReport('cloud', { point: 'b', experiments: [report] })),
      ...entriesOf(pointReport('cloud', { point: 'c', experiments: [{ ...report, decision: 'stop' }] })),
    ];
    expect(byAttention(entries).map(({ point }) => point)).toEqual(['c', 'b', 'a']);
    expect(entries.filter(isOpen).map(({ point }) => point)).toEqual(['b', 'c']);
  });

  it('the first metric that is no guardrail decides', () => {
    expect(decidingMetric({ ...report, metrics: report.metrics.toReversed() })?.metric).toBe('success');
    expect(decidingMetric({ ...report, metrics: [report.metrics[1]] })?.metric).toBe('error');
  });

  it('the history of a rollout is its own steps and the declarations of its point', () => {
    const entry = (action: string, target: string) => ({ ...AUDIT, action, target });
    const audit = [
      entry('rollout.promote', 'a'),
      entry('kill', 'a'),
      entry('point.apply', 'a'),
      entry('rollout.revert', 'b'),
    ];
    expect(rolloutHistory(audit, 'a').map(({ action }) => action)).toEqual([
      'rollout.promote',
      'point.apply',
    ]);
  });
});

const AUDIT = { seq: 1, atMs: 0, node: 'cloud', by: 'rollout', reason: '' };
