import { describe, expect, it } from 'vitest';
import type { ComparedMetric, Comparison, ComparisonPlan } from '../comparison.ts';
import { type Stream, stream } from '../stats/random.ts';
import type { ExperimentReport } from '../status.ts';
import { judge } from './judge.ts';
import { takeLook } from './looks.ts';
import { rowKey, type Tally, tallies } from './tally.ts';

const SEQUENTIAL: ComparisonPlan = {
  kind: 'sequential',
  alpha: 0.05,
  horizon: Number.POSITIVE_INFINITY,
  looks: [],
  spending: 'obrien-fleming',
};
const goal = (metric = 'success'): ComparedMetric => ({
  metric,
  better: 'higher',
  guardrail: false,
  margin: 0,
});
const rail = (metric: string, margin: number, more: Partial<ComparedMetric> = {}): ComparedMetric => ({
  metric,
  better: 'lower',
  guardrail: true,
  margin,
  ...more,
});
const experiment = (metrics: readonly ComparedMetric[], analysis = SEQUENTIAL): Comparison => ({
  name: 'x',
  key: 'x.1',
  kind: 'variants',
  variants: ['control', 'treatment'].map((name) => ({ name, stratum: name, share: 0.5 })),
  control: 0,
  metrics,
  covariate: -1,
  perUnit: true,
  phase: 0,
  analysis,
});

/** What comes of a unit of a side, by the metric's name: the truth. */
type World = Readonly<Record<string, (s: Stream, side: number) => number>>;
const rates =
  (...by: readonly [number, number]) =>
  (s: Stream, side: number): number =>
    s.next() < by[side] ? 1 : 0;
const times =
  (...by: readonly [number, number]) =>
  (s: Stream, side: number): number =>
    by[side] + 30 * s.normal();
const WORLD: World = {
  success: rates(0.2, 0.26),
  error: rates(0.01, 0.01),
  latencyMs: times(100, 100),
};

/** An experiment that grows; its rows are the sums of what came. */
function growing(comparison: Comparison, world: World, seed: number) {
  const random = stream(seed, 91);
  const tally: Tally = tallies.zero();
  return {
    tally,
    add(units: number): void {
      for (const [side, { name }] of comparison.variants.entries()) {
        const n = units / 2;
        bump(tally, rowKey('s', comparison, name), [n, n]);
        for (const [metric, draw] of Object.entries(world)) {
          let [sum, squares] = [0, 0];
          for (let i = 0; i < n; i++) {
            const y = draw(random, side);
            sum += y;
            squares += y * y;
          }
          bump(tally, rowKey('m', comparison, name, metric), [n, sum, squares, 0, 0, 0, 0]);
        }
      }
    },
  };
}

function bump(tally: Tally, key: string, by: readonly number[]): void {
  const row = tally.rows.get(key) ?? new Float64Array(by.length);
  for (let i = 0; i < by.length; i++) row[i] += by[i];
  tally.rows.set(key, row);
}

const RANGES = (metric: string) =>
  metric === 'success' || metric.startsWith('error') ? ZERO_TO_ONE : undefined;
const ZERO_TO_ONE = [0, 1] as const;

/** Looked at after every 250 units: each advice, once for as long as it stood. */
function advice(metrics: readonly ComparedMetric[], world: World, seed: number, units: number): string[] {
  const comparison = experiment(metrics);
  const { tally, add } = growing(comparison, world, seed);
  const said: string[] = [];
  for (let n = 0; n < units; n += 250) {
    add(250);
    const { decision } = judge(comparison, tally, RANGES);
    if (said.at(-1) !== decision) said.push(decision);
  }
  return said;
}

function told(metrics: readonly ComparedMetric[], world = WORLD, units = 10_000): ExperimentReport {
  const comparison = experiment(metrics);
  const { tally, add } = growing(comparison, world, 7);
  add(units);
  return judge(comparison, tally, RANGES);
}

/** Share of so many experiments of which it holds. */
function share(runs: number, holds: (seed: number) => boolean): number {
  return Array.from({ length: runs }, (_, seed) => holds(seed)).filter(Boolean).length / runs;
}
const atMost = (rate: number, runs: number): number => rate + 3 * Math.sqrt((rate * (1 - rate)) / runs);
const flips = (said: readonly string[]): boolean => said.includes('ship') && said.includes('stop');
const treated = (report: ExperimentReport, metric: string) =>
  report.metrics.find((each) => each.metric === metric)?.variants[1];

describe('a metric of which no value has come', () => {
  it('as a guardrail lets nothing ship, and says what is missing of how many', () => {
    const report = told([goal(), rail('latencyMS', 10)]);
    expect(report).toMatchObject({
      decision: 'keep going',
      winner: null,
      reason:
        'treatment is better in success, but no value of latencyMS in 10,000 counted decisions: check its name',
      warnings: ['no value of latencyMS in 10,000 counted decisions: check its name'],
    });
    expect(treated(report, 'latencyMS')).toMatchObject({ verdict: 'undecided', harm: 'unknown' });
  });

  it('as what decides is said, and no interval is that is not there', () => {
    const report = told([goal('succes')]);
    expect(report).toMatchObject({
      decision: 'keep going',
      reason: 'no value of succes in 10,000 counted decisions: check its name',
    });
    expect(told([goal('succes'), rail('error', 0.02)]).reason).toBe(report.reason);
  });

  it('of one variant alone is as little known', () => {
    const comparison = experiment([goal(), rail('error', 0.01)]);
    const { tally, add } = growing(comparison, WORLD, 7);
    add(20_000);
    tally.rows.delete(rowKey('m', comparison, 'treatment', 'error'));
    expect(judge(comparison, tally, RANGES)).toMatchObject({
      decision: 'keep going',
      warnings: ['no value of error in the 10,000 counted decisions of treatment'],
    });
  });

  it('is said of any metric, once it is no chance; and of none that has come', () => {
    expect(told([goal(), { ...goal('clicks') }]).warnings).toEqual([
      'no value of clicks in 10,000 counted decisions: check its name',
    ]);
    expect(told([goal(), { ...goal('clicks') }], WORLD, 90).warnings).toBeUndefined();
    expect(told([goal(), rail('error', 0.01)]).warnings).toBeUndefined();
  });

  it('ends no experiment well: at the horizon it is said too', () => {
    const comparison = experiment([goal(), rail('latencyMS', 10)], { ...SEQUENTIAL, horizon: 5000 });
    const { tally, add } = growing(comparison, WORLD, 7);
    add(10_000);
    expect(judge(comparison, tally, RANGES)).toMatchObject({
      decision: 'stop',
      winner: null,
      reason: expect.stringMatching(
        /^the horizon is reached, and treatment is better.*no value of latencyMS/,
      ),
    });
  });

  it('is not the same as too few of them', () => {
    expect(told([goal('paid')], { paid: times(9, 12) }, 120).reason).toBe(
      'too few values of paid have come for an interval',
    );
  });
});

describe('a guardrail with a margin', () => {
  const metrics = [goal(), rail('error', 0.01)];

  it('that is harmed is shipped past in at most α of experiments, and advice does not turn from ship to stop', () => {
    // As a newcomer found it: it had shipped in every run at 500 to 750 units, and turned three times.
    const world = { success: rates(0.2, 0.35), error: rates(0.01, 0.04) };
    const runs = Array.from({ length: 200 }, (_, seed) => advice(metrics, world, seed, 6000));
    expect(runs.filter((said) => said.includes('ship')).length / 200).toBeLessThanOrEqual(0.05);
    expect(runs.filter(flips).length / 200).toBeLessThanOrEqual(0.05);
    expect(runs.filter((said) => said.at(-1) === 'stop').length / 200).toBeGreaterThan(0.95);
  });

  it('that is harmed by just the margin is shipped past in at most α, however often it is looked at', () => {
    const world = { success: rates(0.2, 0.35), error: rates(0.01, 0.02) };
    expect(share(200, (seed) => advice(metrics, world, seed, 12_000).includes('ship'))).toBeLessThanOrEqual(
      0.05,
    );
  });

  it('among many is one test of them all: a ship needs each, so there is nothing to correct for', () => {
    const names = ['error', 'error2', 'error3', 'error4', 'error5'];
    const world: World = {
      success: rates(0.2, 0.35),
      ...Object.fromEntries(names.map((name, i) => [name, i === 2 ? rates(0.01, 0.02) : rates(0.01, 0.01)])),
    };
    const all = [goal(), ...names.map((name) => rail(name, 0.01))];
    expect(share(60, (seed) => advice(all, world, seed, 12_000).includes('ship'))).toBeLessThanOrEqual(0.05);
  });

  it('that is not harmed lets what is better ship', () => {
    const ships = (seed: number): boolean => advice(metrics, WORLD, seed, 12_000).at(-1) === 'ship';
    expect(share(100, ships)).toBeGreaterThan(0.9);
    const slow = [goal(), rail('latencyMs', 5)];
    expect(share(100, (seed) => advice(slow, WORLD, seed, 12_000).at(-1) === 'ship')).toBeGreaterThan(0.9);
  });

  it('is stopped for wrongly in at most α', () => {
    const world = { success: rates(0.2, 0.2), error: rates(0.02, 0.03) };
    expect(share(200, (seed) => advice(metrics, world, seed, 6000).includes('stop'))).toBeLessThanOrEqual(
      atMost(0.025, 200),
    );
  });

  it('says how much harm may still be, then that it is within the margin', () => {
    const early = told(metrics, WORLD, 4000);
    expect(early).toMatchObject({
      decision: 'keep going',
      reason: expect.stringMatching(
        /^treatment is better in success, but harm to error beyond its margin of 0\.01 is not excluded: it may be worse by up to 0\.0\d+$/,
      ),
    });
    expect(treated(early, 'error')).toMatchObject({ verdict: 'undecided', harm: 'open' });
    const late = told(metrics, WORLD, 20_000);
    expect(late).toMatchObject({
      decision: 'ship',
      reason: 'treatment is better in success, and error within the margin',
    });
    expect(treated(late, 'error')).toMatchObject({ verdict: 'undecided', harm: 'excluded' });
    expect(late.metrics[1].variants[0].harm).toBeUndefined();
    expect(treated(late, 'success')?.harm).toBeUndefined();
  });

  it('that never varied is a tie, and lets it ship', () => {
    const world = { ...WORLD, latencyMs: () => 4 };
    const report = told([goal(), rail('latencyMs', 1)], world, 20_000);
    expect(report.decision).toBe('ship');
    expect(treated(report, 'latencyMs')).toMatchObject({ harm: 'excluded' });
  });

  it('of which no harm has come yet is no tie that lets it ship: in at most α of experiments, with a range and without', () => {
    // The control never crashes; in the treatment nothing may have happened in the first hundred.
    const world = { success: rates(0.2, 0.6), crash: rates(0, 0.02), error: rates(0, 0.02) };
    const guarded = [goal(), rail('crash', 0.01)];
    const runs = 200;
    const often = (seed: number): boolean => advice(guarded, world, seed, 1500).includes('ship');
    expect(share(runs, often)).toBeLessThanOrEqual(0.05);
    const planned = experiment(metrics, { ...SEQUENTIAL, kind: 'fixed', horizon: 240, looks: [1] });
    const once = (seed: number): boolean => {
      const { tally, add } = growing(planned, world, seed);
      add(240);
      return judge(planned, tally, RANGES, [takeLook(planned, [], tally, 1)]).decision === 'ship';
    };
    expect(share(runs, once)).toBeLessThanOrEqual(0.05);
    const never = { ...world, crash: () => 0 };
    expect(told(guarded, never, 500)).toMatchObject({
      decision: 'keep going',
      reason:
        'treatment is better in success, but crash has been the same in all, of too few to exclude harm beyond its margin of 0.01',
    });
    expect(told(guarded, never, 700).decision).toBe('ship');
  });

  it('of two variants, one harmed: the other ships', () => {
    const three: Comparison = {
      ...experiment(metrics),
      variants: ['a', 'b', 'c'].map((name) => ({ name, stratum: name, share: 1 / 3 })),
    };
    const tally = tallies.zero();
    const by = { a: [0.2, 0.01], b: [0.4, 0.05], c: [0.3, 0.01] };
    for (const [name, [success, error]] of Object.entries(by)) {
      bump(tally, rowKey('s', three, name), [9000, 9000]);
      for (const [metric, rate] of [['success', success] as const, ['error', error] as const])
        bump(tally, rowKey('m', three, name, metric), [9000, 9000 * rate, 9000 * rate, 0, 0, 0, 0]);
    }
    expect(judge(three, tally, RANGES)).toMatchObject({ decision: 'ship', winner: 'c' });
  });

  it('holds at a planned look too: harm by the margin ships in at most α', () => {
    const plan: ComparisonPlan = { ...SEQUENTIAL, kind: 'fixed', horizon: 4000, looks: [1] };
    const comparison = experiment(metrics, plan);
    const runs = (error: readonly [number, number]) =>
      share(150, (seed) => {
        const { tally, add } = growing(
          comparison,
          { success: rates(0.2, 0.35), error: rates(...error) },
          seed,
        );
        add(4000);
        const look = takeLook(comparison, [], tally, 1);
        return judge(comparison, tally, RANGES, [look]).decision === 'ship';
      });
    expect(runs([0.01, 0.02])).toBeLessThanOrEqual(atMost(0.025, 150));
    expect(runs([0.005, 0.005])).toBeGreaterThan(0.9);
  });
});

describe('a guardrail without a margin', () => {
  it('waits for an interval, and is said to be undecided where it ships', () => {
    const metrics = [goal(), rail('latencyMs', 0)];
    const world = { success: rates(0.1, 0.6), latencyMs: times(100, 100) };
    const comparison = experiment(metrics);
    const { tally, add } = growing(comparison, world, 7);
    add(180);
    expect(judge(comparison, tally, RANGES)).toMatchObject({
      decision: 'keep going',
      reason: 'treatment is better in success, but too few values of latencyMs have come for an interval',
    });
    add(220);
    expect(judge(comparison, tally, RANGES)).toMatchObject({
      decision: 'ship',
      reason: expect.stringMatching(
        /^treatment is better in success, though latencyMs is undecided: it may be worse by up to \d+(\.\d+)?, and without a margin nothing waits for it$/,
      ),
    });
  });

  it('that leans to harm is waited for: what was stopped does not ship when its interval wavers', () => {
    const bare = [goal(), rail('error', 0)];
    const world = { success: rates(0.2, 0.35), error: rates(0.01, 0.02) };
    const runs = Array.from({ length: 200 }, (_, seed) => advice(bare, world, seed, 12_000));
    // It had been 42 %, and 15 % ended with a ship.
    const turned = runs.filter(
      (said) => said.lastIndexOf('ship') > said.indexOf('stop') && said.includes('stop'),
    );
    expect(turned.length / 200).toBeLessThanOrEqual(0.02);
    expect(runs.filter((said) => said.at(-1) === 'ship').length / 200).toBeLessThanOrEqual(0.02);
    expect(share(100, (seed) => advice(bare, WORLD, seed, 12_000).at(-1) === 'ship')).toBeGreaterThan(0.9);
    const comparison = experiment(bare);
    const tally = tallies.zero();
    for (const [name, success, errors] of [
      ['control', 1000, 50],
      ['treatment', 1300, 85],
    ] as const) {
      bump(tally, rowKey('s', comparison, name), [5000, 5000]);
      bump(tally, rowKey('m', comparison, name, 'success'), [5000, success, success, 0, 0, 0, 0]);
      bump(tally, rowKey('m', comparison, name, 'error'), [5000, errors, errors, 0, 0, 0, 0]);
    }
    expect(judge(comparison, tally, RANGES).reason).toMatch(
      /^treatment is better in success, but error leans to harm, and has no margin: it may be worse by up to 0\.01\d+$/,
    );
  });

  it('that is surely no worse is not spoken of', () => {
    const report = told([goal(), rail('latencyMs', 0)], { ...WORLD, latencyMs: times(100, 90) });
    expect(report.reason).toBe('treatment is better in success');
    expect(treated(report, 'latencyMs')).toMatchObject({ verdict: 'better', harm: 'excluded' });
  });
});

describe('a guardrail of which nobody said which way is harm', () => {
  const bounce: ComparedMetric = {
    ...rail('bounce', 0.01),
    better: 'higher',
    assumed: 'guards[0].metrics[1].better',
  };
  const says = 'nobody has said which way bounce should go: declare better: higher or better: lower';

  it('is not better when it rises, and lets nothing ship', () => {
    const report = told([goal(), bounce], { ...WORLD, bounce: rates(0.1, 0.31) });
    expect(report).toMatchObject({
      decision: 'keep going',
      reason: `treatment is better in success, but ${says}`,
      warnings: [says],
    });
    expect(report.metrics[1].assumed).toBe(true);
    expect(treated(report, 'bounce')).toMatchObject({ verdict: 'undecided', harm: 'unknown' });
  });

  it('stops as it did when it falls', () => {
    expect(told([goal(), bounce], { ...WORLD, bounce: rates(0.31, 0.1) }).decision).toBe('stop');
  });
});
