import { describe, expect, it } from 'vitest';
import type { ComparedMetric, Comparison, RolloutPlan } from '../comparison.ts';
import { type Stream, stream } from '../stats/random.ts';
import { differenceSequence } from '../stats/sequential.ts';
import { adaptiveDifference, adaptiveSums, adaptiveTest, addAdaptive } from './adaptive.ts';
import { welchTest } from './fixed-horizon.ts';
import { judge } from './judge.ts';
import { mixtureTest } from './mixture-test.ts';
import { nextStep } from './staged.ts';
import { addDecision, addValue, centredOn, centreOf, rowKey, tallies } from './tally.ts';

/** One outcome and its covariate. */
type Draw = (s: Stream) => readonly [y: number, x: number];

const METRIC: ComparedMetric = { metric: 'm', better: 'lower', guardrail: false, margin: 0 };

function compared(change: Partial<Comparison>, metric: Partial<ComparedMetric> = {}): Comparison {
  return {
    name: 'e',
    key: 'k',
    kind: 'variants',
    variants: [
      { name: 'out', stratum: 'x', share: 0.5 },
      { name: 'in', stratum: '', share: 0.5 },
    ],
    control: 0,
    metrics: [{ ...METRIC, ...metric }],
    covariate: -1,
    perUnit: true,
    phase: 0,
    analysis: {
      kind: 'sequential',
      alpha: 0.05,
      horizon: Number.POSITIVE_INFINITY,
      looks: [],
      spending: 'pocock',
    },
    ...change,
  };
}

const RUNS = 200;

/** Share of A/A runs, looked at 20 times over 2,000 outcomes, in which anything was called better or worse. */
function falseFinds(comparison: Comparison, draw: Draw): number {
  const { metrics, variants } = comparison;
  const centre = centreOf(metrics[0], undefined);
  const plan: RolloutPlan = {
    stages: [variants[1].share, 1],
    stage: 0,
    dwellMs: 0,
    minCounted: Number.POSITIVE_INFINITY,
    reverted: undefined,
  };
  const keys = variants.map(({ name }) => [
    rowKey('s', comparison, name),
    rowKey('m', comparison, name, centredOn(metrics[0].metric, centre)),
  ]);
  let found = 0;
  for (let run = 0; run < RUNS; run++) {
    const s = stream(run, 77);
    const tally = tallies.zero();
    for (let look = 0; look < 20; look++) {
      for (let i = 0; i < 100; i++) {
        const [decisions, values] = keys[s.next() < variants[1].share ? 1 : 0];
        const [y, x] = draw(s);
        addDecision(tally, decisions, true);
        addValue(tally, values, y - centre, x, false);
      }
      const report = judge(comparison, tally, () => undefined);
      const called = report.metrics[0].variants.some(
        ({ verdict }) => verdict === 'better' || verdict === 'worse',
      );
      if (!called && nextStep(plan, report, 0).to === 'stay') continue;
      found++;
      break;
    }
  }
  return found / RUNS;
}

const OFFSETS = [0, 1, 4.99, 1e4, 1e8, 1e9, 1.7e12];
const SCALES = [0, 1, 60_000];
const CASES = OFFSETS.flatMap((offset) => SCALES.map((scale) => [offset, scale] as const));

describe('what differs by rounding alone', () => {
  it.each(CASES)('ships and stops nothing beyond α in A/A: %d ± %d', (offset, scale) => {
    expect(falseFinds(compared({}), (s) => [offset + scale * s.normal(), 0])).toBeLessThanOrEqual(0.05);
  });

  it.each(CASES)('ships and stops nothing beyond α about a centre: %d ± %d', (offset, scale) => {
    const draw: Draw = (s) => [offset + scale * s.normal(), 0];
    expect(falseFinds(compared({}, { centre: offset + 0.3 }), draw)).toBeLessThanOrEqual(0.05);
  });

  it.each([0.1, 0.3, 1.1, 7.7, 9.99])('ships and stops nothing where all are %d', (y) => {
    expect(falseFinds(compared({}), () => [y, 0])).toBe(0);
  });

  it.each<[string, Draw]>([
    ['y = x', (s) => same(s.normal())],
    ['y = x, of four whole numbers', (s) => same(s.integer(4))],
    ['y = 2x + 3', (s) => onLine(10 * s.next(), 2, 3)],
    ['y = x far from 0', (s) => same(1e8 + s.normal())],
    ['y = 10⁸ + x', (s) => onLine(s.normal(), 1, 1e8)],
    ['x far from 0, y beside it', (s) => [s.normal(), 1e9 + s.normal()]],
    ['y = x and a little', (s) => withNoise(s.normal(), 1e-6 * s.normal())],
  ])('ships and stops nothing beyond α with a covariate: %s', (_name, draw) => {
    expect(falseFinds(compared({ covariate: 0 }), draw)).toBeLessThanOrEqual(0.05);
  });

  it.each([
    ['always 0.1', 0.25, 0.1, 0],
    ['always 4.99', 0.5, 4.99, 0],
    ['far from 0', 0.05, 1e8, 1],
    ['seconds of the epoch', 0.05, 1.8e9, 60],
    ['milliseconds of the epoch', 0.25, 1.7e12, 60_000],
  ])('reverts no rollout beyond α for a guardrail that is %s', (_name, share, offset, scale) => {
    const variants = [
      { name: 'out', stratum: 'rollout:out', share: 1 - share },
      { name: 'in', stratum: '', share },
    ];
    const rollout = compared({ kind: 'rollout', variants }, { guardrail: true });
    expect(falseFinds(rollout, (s) => [offset + scale * s.normal(), 0])).toBeLessThanOrEqual(0.05);
  });

  it.each(CASES)('is no difference to any test, nor between arms: %d ± %d', (offset, scale) => {
    let [fixed, mixed, ranged, between] = [0, 0, 0, 0];
    for (let run = 0; run < RUNS; run++) {
      const s = stream(run, 78);
      const arms = [adaptiveSums(), adaptiveSums()];
      const sums = [0, 1].map(() => ({ n: 0, sum: 0, squares: 0 }));
      for (let i = 0; i < 1000; i++) {
        const side = s.integer(2);
        const y = offset + scale * Math.max(-4, Math.min(4, s.normal()));
        addAdaptive(arms[side], y, 0.5);
        sums[side].n++;
        sums[side].sum += y;
        sums[side].squares += y * y;
      }
      const [a, b] = sums;
      const range = [offset - 4 * scale - 1, offset + 4 * scale + 1] as const;
      if ((welchTest(a, b)?.p ?? 1) < 0.05) fixed++;
      if (mixtureTest(a, b).p < 0.05) mixed++;
      if (excludesZero(differenceSequence(a, b, { range }))) ranged++;
      if (excludesZero(adaptiveDifference(arms[0], arms[1])) || adaptiveTest(arms[0], arms[1]).p < 0.05)
        between++;
    }
    // Welch's test errs in 5 % exactly: 200 runs have a standard error of 1.5 %.
    expect(fixed / RUNS).toBeLessThanOrEqual(0.095);
    expect(Math.max(mixed, ranged, between) / RUNS).toBeLessThanOrEqual(0.05);
  });
});

describe('what is unknown', () => {
  const at = (out: readonly number[], inside: readonly number[]) => {
    const rollout = compared({ kind: 'rollout' }, { guardrail: true });
    const tally = tallies.zero();
    for (const [name, [n, sum, squares]] of [
      ['out', out],
      ['in', inside],
    ] as const) {
      tally.rows.set(rowKey('s', rollout, name), Float64Array.of(n, n));
      tally.rows.set(rowKey('m', rollout, name, 'm'), Float64Array.of(n, sum, squares, 0, 0, 0, 0));
    }
    return judge(rollout, tally, () => undefined);
  };
  const plan: RolloutPlan = { stages: [0.5, 1], stage: 0, dwellMs: 0, minCounted: 100, reverted: undefined };
  const all = (n: number, y: number): number[] => {
    let [sum, squares] = [0, 0];
    for (let i = 0; i < n; i++) {
      sum += y;
      squares += y * y;
    }
    return [n, sum, squares];
  };

  it('neither takes a rollout back nor lets it go on', () => {
    const report = at(all(1000, 0.1), all(1000, 0.2));
    expect(report).toMatchObject({ decision: 'keep going', reason: expect.stringContaining('rounding') });
    expect(report.metrics[0].variants[1]).toMatchObject({ verdict: 'undecided', e: 1 });
    expect(report.metrics[0].variants[1].difference).toMatchObject({ low: null, high: null });
    expect(nextStep(plan, report, 0)).toMatchObject({
      to: 'stay',
      reason: expect.stringContaining('rounding'),
    });
  });

  it('ships nothing past a guardrail', () => {
    const names = { primary: [all(1000, 0), [1000, 500, 500]], cost: [all(1000, 0.1), all(1000, 0.2)] };
    const both = compared({
      metrics: [
        { ...METRIC, metric: 'primary', better: 'higher' },
        { ...METRIC, metric: 'cost', guardrail: true },
      ],
    });
    const tally = tallies.zero();
    both.variants.forEach(({ name }, i) => {
      tally.rows.set(rowKey('s', both, name), Float64Array.of(1000, 1000));
      for (const [metric, sides] of Object.entries(names))
        tally.rows.set(rowKey('m', both, name, metric), Float64Array.of(...sides[i], 0, 0, 0, 0));
    });
    const { decision, reason } = judge(both, tally, () => undefined);
    expect([decision, reason]).toEqual(['keep going', expect.stringContaining('cost varies too little')]);
  });

  it('is not what never varied on either side: such a guardrail is a tie', () => {
    for (const y of [0, 0.1, 4.99])
      expect(nextStep(plan, at(all(1000, y), all(1060, y)), 0).to).toBe('promote');
  });

  it('is not what varies on one side only: the first failures are seen', () => {
    const failures = [1000, 40, 40];
    expect(nextStep(plan, at(all(1000, 0), failures), 0).to).toBe('revert');
  });
});

const same = (x: number): readonly [number, number] => [x, x];
const onLine = (x: number, slope: number, offset: number): readonly [number, number] => [
  slope * x + offset,
  x,
];
const withNoise = (x: number, noise: number): readonly [number, number] => [x + noise, x];
const excludesZero = (interval: { readonly low: number; readonly high: number } | undefined): boolean =>
  interval !== undefined && (interval.low > 0 || interval.high < 0);
