import { describe, expect, it } from 'vitest';
import type { Comparison, RolloutPlan } from '../comparison.ts';
import { stream } from '../stats/random.ts';
import { judge } from './judge.ts';
import { nextStep } from './staged.ts';
import { addDecision, addValue, rowKey, tallies } from './tally.ts';

const STAGES = [0.01, 0.05, 0.25, 1];

const comparisonAt = (stage: number): Comparison => ({
  name: 'rollout',
  key: 'rollout.x',
  kind: 'rollout',
  variants: [
    { name: 'out', stratum: 'rollout:out', share: 1 - STAGES[stage] },
    { name: 'in', stratum: '', share: STAGES[stage] },
  ],
  control: 0,
  metrics: [{ metric: 'success', better: 'higher', guardrail: true, margin: 0 }],
  covariate: -1,
  perUnit: false,
  phase: stage,
  analysis: {
    kind: 'sequential',
    alpha: 0.05 / STAGES.length,
    horizon: Number.POSITIVE_INFINITY,
    looks: [],
    spending: 'obrien-fleming',
  },
});

/** One rollout over so many decisions a stage, looked at after every 200. Where it ended, and how many were rolled out. */
function simulate(seed: number, perStage: number, old: number, fresh: number) {
  const random = stream(seed, 51);
  const tally = tallies.zero();
  let exposed = 0;
  for (let stage = 0; stage < 3; stage++) {
    const plan: RolloutPlan = { stages: STAGES, stage, dwellMs: 1, minCounted: 1, reverted: undefined };
    const comparison = comparisonAt(stage);
    const keys = comparison.variants.map(({ name }) => [
      rowKey('s', comparison, name),
      rowKey('m', comparison, name, 'success'),
    ]);
    for (let i = 1; i <= perStage; i++) {
      const isIn = random.next() < STAGES[stage];
      if (isIn) exposed++;
      const [decisions, values] = keys[isIn ? 1 : 0];
      addDecision(tally, decisions, true);
      addValue(tally, values, random.next() < (isIn ? fresh : old) ? 1 : 0, 0, false);
      if (i % 200 > 0) continue;
      const report = judge(comparison, tally, () => [0, 1]);
      if (nextStep(plan, report, 0).to === 'revert') return { reverted: true, exposed };
    }
  }
  return { reverted: false, exposed };
}

describe('a rollout that is looked at all the time', () => {
  it('is taken back wrongly in at most 5 % of sound ones', () => {
    let reverted = 0;
    for (let run = 0; run < 100; run++) if (simulate(run, 10_000, 0.9, 0.9).reverted) reverted++;
    expect(reverted / 100).toBeLessThanOrEqual(0.05);
  });

  it('is taken back at under 1 % of the exposures it was to have, where a version fails one in five more', () => {
    for (let run = 0; run < 30; run++) {
      const { reverted, exposed } = simulate(run, 30_000, 0.95, 0.75);
      expect(reverted).toBe(true);
      // Budget: what the three guarded stages and a last one of the same length would have decided.
      expect(exposed / (4 * 30_000)).toBeLessThan(0.01);
    }
  });
});

describe('a guardrail of which nothing is known', () => {
  const plan: RolloutPlan = { stages: STAGES, stage: 2, dwellMs: 1, minCounted: 1000, reverted: undefined };
  const after = (change: object, heard: boolean) => {
    const [metric] = comparisonAt(2).metrics;
    const comparison = { ...comparisonAt(2), metrics: [metric, { ...metric, metric: 'bounce', ...change }] };
    const tally = tallies.zero();
    for (const { name } of comparison.variants) {
      tally.rows.set(rowKey('s', comparison, name), Float64Array.of(5000, 5000));
      for (const each of heard ? ['success', 'bounce'] : ['success'])
        tally.rows.set(rowKey('m', comparison, name, each), Float64Array.of(5000, 500, 500, 0, 0, 0, 0));
    }
    // A sample ratio that is none is not what is asked here.
    const report = judge(comparison, tally, () => [0, 1]);
    return nextStep(plan, { ...report, mismatch: { e: 1, verdict: 'sound' } }, 10);
  };

  it('holds the rollout, and says why', () => {
    expect(after({}, true).to).toBe('promote');
    expect(after({}, false)).toEqual({
      to: 'stay',
      reason: 'no value of bounce in 10,000 counted decisions: check its name',
    });
    expect(after({ assumed: 'guards[0].guardrails[1].better' }, true)).toEqual({
      to: 'stay',
      reason: 'nobody has said which way bounce should go: declare better: higher or better: lower',
    });
  });
});
