import { describe, expect, test } from 'vitest';
import { stream } from '../stats/random.ts';
import { decayEvidence, decayState, observeDecay } from './decay.ts';
import { describeSums } from './describe.ts';
import { freezeMonitor, newMonitor, referenceFor, type Seen, thaw, thawMonitor, watch } from './monitor.ts';
import type { ValidationPlan } from './plan.ts';
import { fieldRun, observeField } from './stuck.ts';
import { addJudged, binOf, EDGES, type Judged, toleranceOf, validationSums } from './sums.ts';

const plan: ValidationPlan = {
  onDecay: 'freeze',
  falseAlarm: 0.01,
  thawAfterMs: Infinity,
  warmUp: 200,
  memory: 100,
  atClose: false,
};
const seen = (learner: number, reference: number, outcome: number): Seen => ({
  learner,
  reference,
  outcome,
  armKey: 'a#0',
  context: [],
  atMs: 0,
});

describe('losses and calibration', () => {
  const random = stream(7);
  const judged: Judged[] = Array.from({ length: 5000 }, (_, i) => {
    const learner = random.next();
    const outcome = random.next() < learner ? 1 : 0;
    return { learner, reference: random.next(), outcome, caused: i % 3 === 0, warm: i >= 200 };
  });
  const sums = validationSums.zero();
  for (const each of judged) addJudged(sums, each);
  const report = describeSums(sums, [0, 1]);

  test('equal what the formulas say of the list of outcomes', () => {
    const mean = (f: (each: Judged) => number, of = judged) =>
      of.reduce((sum, each) => sum + f(each), 0) / of.length;
    const log = (p: number, y: number) => -Math.log(Math.min(1 - 1e-4, Math.max(1e-4, y === 1 ? p : 1 - p)));
    expect(report).toMatchObject({ judged: 5000, selfCaused: 1667, kind: 'binary' });
    expect(report.loss.squared).toBeCloseTo(
      mean(({ learner, outcome }) => (learner - outcome) ** 2),
      12,
    );
    expect(report.loss.reference).toBeCloseTo(
      mean(({ reference, outcome }) => (reference - outcome) ** 2),
      12,
    );
    expect(report.loss.log).toBeCloseTo(
      mean(({ learner, outcome }) => log(learner, outcome)),
      10,
    );
    expect(report.loss.referenceLog).toBeCloseTo(
      mean(({ reference, outcome }) => log(reference, outcome)),
      10,
    );
    const warm = judged.filter(({ warm }) => warm);
    let gap = 0;
    for (const { n, predicted, observed } of report.calibration.bins) {
      const bin = warm.filter(({ learner }) => binOf(learner) === binOf(predicted));
      expect(n).toBe(bin.length);
      expect(predicted).toBeCloseTo(
        mean(({ learner }) => learner, bin),
        12,
      );
      expect(observed).toBeCloseTo(
        mean(({ outcome }) => outcome, bin),
        12,
      );
      gap += n * Math.abs(observed - predicted);
    }
    expect(report.calibration.ece).toBeCloseTo(gap / warm.length, 12);
  });

  test('a calibrated learner is as far off as chance has it, and every interval holds the prediction', () => {
    const { ece, eceByChance, verdict, bins } = report.calibration;
    expect(verdict).toBe('sound');
    expect((ece ?? 1) / (eceByChance ?? 0)).toBeLessThan(1.5);
    for (const { low, high, predicted } of bins) {
      expect(low).toBeLessThanOrEqual(predicted);
      expect(high).toBeGreaterThanOrEqual(predicted);
    }
  });

  test('sums of two nodes are those of one that saw all of it', () => {
    const halves = [validationSums.zero(), validationSums.zero()];
    for (const [i, each] of judged.entries()) addJudged(halves[i % 2], each);
    const both = describeSums(validationSums.add(halves[0], halves[1]), [0, 1]);
    expect(both.loss.squared).toBeCloseTo(report.loss.squared ?? 0, 12);
    expect(both.calibration.e).toBeCloseTo(report.calibration.e, 9);
  });

  test('squared errors are in units of the reward, and log loss is for yes and no alone', () => {
    const real = validationSums.zero();
    addJudged(real, { learner: 0.5, reference: 0.25, outcome: 0.75, caused: true, warm: true });
    const { kind, loss } = describeSums(real, [-10, 10]);
    expect(kind).toBe('real');
    expect(loss).toMatchObject({ squared: 25, reference: 100, log: null, skill: 0.75 });
  });

  test('bins cover [0, 1] without a gap, and tolerances stay inside', () => {
    for (const p of [0, 0.0099, 0.01, 0.5, 0.999, 1]) {
      const bin = binOf(p);
      expect(EDGES[bin]).toBeLessThanOrEqual(p);
      expect(EDGES[bin + 1]).toBeGreaterThanOrEqual(p);
      expect(toleranceOf(bin)).toBeLessThanOrEqual(0.02);
      expect(toleranceOf(bin)).toBeGreaterThan(0);
    }
  });
});

/** In how many of so many runs the calibration is ever said to be off, looked at 25 times. */
function everOff(runs: number, bias: number): number {
  let off = 0;
  for (let run = 0; run < runs; run++) {
    const random = stream(run, 11);
    const sums = validationSums.zero();
    for (let i = 0, ever = false; i < 1000 && !ever; i++) {
      const learner = 0.1 + 0.7 * random.next();
      const outcome = random.next() < learner + bias ? 1 : 0;
      addJudged(sums, { learner, reference: 0.5, outcome, caused: true, warm: true });
      if (i % 40 === 39 && describeSums(sums, [0, 1]).calibration.verdict === 'off') {
        off++;
        ever = true;
      }
    }
  }
  return off;
}

test('calibration is found wanting in at most 5 % of sound learners at any look, and in every one that is off by 0.1', () => {
  expect(everOff(200, 0)).toBeLessThanOrEqual(10);
  expect(everOff(50, 0.1)).toBeGreaterThanOrEqual(45);
});

describe('the test for decay', () => {
  test('begins at 1, and no outcome changes its expectation for a learner that is right', () => {
    for (const [learner, reference] of [
      [0.3, 0.8],
      [0.01, 0.02],
      [0.9, 0.05],
      [0.5, 0.5],
    ]) {
      const after = [0, 1].map((outcome) => {
        const state = decayState();
        observeDecay(state, learner, reference, outcome);
        return decayEvidence(state);
      });
      const expected = learner * after[1] + (1 - learner) * after[0];
      expect(expected).toBeLessThanOrEqual(1 + 1e-12);
      expect(Math.min(...after)).toBeGreaterThan(0);
    }
    expect(decayEvidence(decayState())).toBe(1);
  });

  test('finds decay in at most α of the runs of a learner that is right, whatever the reference does', () => {
    const alpha = 0.05;
    let found = 0;
    const runs = 2000;
    for (let run = 0; run < runs; run++) {
      const random = stream(run, 3);
      const state = decayState();
      let rate = 0.2 + 0.6 * random.next();
      for (let i = 0; i < 500; i++) {
        rate = Math.min(0.95, Math.max(0.05, rate + 0.05 * (random.next() - 0.5)));
        // A reference that is as near the truth as can be: the hardest case for the bound.
        const reference = Math.min(1, Math.max(0, rate + 0.4 * (random.next() - 0.5)));
        observeDecay(state, rate, reference, random.next() < rate ? 1 : 0);
        if (decayEvidence(state) >= 1 / alpha) {
          found++;
          break;
        }
      }
    }
    // Three standard errors above α would be 0.065.
    expect(found / runs).toBeLessThan(alpha);
  });

  test('finds a flip from 0.8 to 0.2 within 250 outcomes after 20,000 good ones, at α = 1 %', () => {
    const delays = Array.from({ length: 20 }, (_, run) => {
      const random = stream(run, 5);
      const monitor = newMonitor('k');
      for (let i = 0; i < 21_000; i++) {
        const rate = i < 20_000 ? 0.8 : 0.2;
        const outcome = random.next() < rate ? 1 : 0;
        if (watch(monitor, plan, seen(0.8, referenceFor(monitor, 'a#0'), outcome)) !== undefined)
          return i - 20_000;
      }
      return Infinity;
    });
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...delays)).toBeLessThan(250);
  });

  test('does not count a learner that was never better than the reference', () => {
    const monitor = newMonitor('k');
    const random = stream(1);
    for (let i = 0; i < 5000; i++) {
      const outcome = random.next() < 0.2 ? 1 : 0;
      expect(watch(monitor, plan, seen(0.9, referenceFor(monitor, 'a#0'), outcome))).toBeUndefined();
    }
    expect(monitor.armed).toBe(false);
  });
});

const MINUTE = 60_000;

describe('fields that go constant', () => {
  test('are found within 250 outcomes, and those that vary in at most α of the runs', () => {
    let found = 0;
    for (let run = 0; run < 500; run++) {
      const random = stream(run, 9);
      const field = fieldRun();
      let ever = false;
      for (let i = 0; i < 200; i++) observeField(field, random.integer(3), i * MINUTE, 0.05, 200);
      // From here on as many values repeat as H₀ allows.
      let value = 0;
      for (let i = 0; i < 2000; i++) {
        if (random.next() >= 0.9) value++;
        ever ||= observeField(field, value, (200 + i) * MINUTE, 0.05, 200) !== undefined;
      }
      if (ever) found++;
      let more = 0;
      while (more < 250 && observeField(field, -1, (2200 + more) * MINUTE, 0.05, 200) === undefined) more++;
      expect(more).toBeLessThan(250);
    }
    expect(found).toBeLessThan(25);
  });

  test('are not watched where they hardly ever vary, and an absent value is a value', () => {
    const still = fieldRun();
    for (let i = 0; i < 5000; i++)
      expect(observeField(still, i % 100 === 0 ? 1 : 0, i * MINUTE, 0.05, 200)).toBeUndefined();
    const gone = fieldRun();
    const random = stream(2);
    for (let i = 0; i < 300; i++) observeField(gone, random.next(), i * MINUTE, 0.05, 200);
    let length: number | undefined;
    for (let i = 0; i < 250; i++) length ??= observeField(gone, Number.NaN, (300 + i) * MINUTE, 0.05, 200);
    expect(length).toBeGreaterThan(50);
  });

  test('are no batch: a run counts once its decisions span an hour, in whatever order they come', () => {
    const field = fieldRun();
    const random = stream(7);
    const observe = (value: number, atMs: number) => observeField(field, value, atMs, 0.05, 200);
    for (let i = 0; i < 300; i++) observe(random.next(), i * MINUTE);
    const beganMs = 300 * MINUTE;
    // One device hands over what it gathered: one value a thousand times, newest first.
    for (let i = 0; i < 1000; i++) expect(observe(0.5, beganMs + (1000 - i) * 1000)).toBeUndefined();
    expect(observe(0.5, beganMs + 60 * MINUTE)).toBeUndefined();
    expect(observe(0.5, beganMs + 61 * MINUTE)).toBe(1002);
    expect(observe(0.6, beganMs + 62 * MINUTE)).toBeUndefined();
  });
});

test('a monitor comes back from the disk as it was, and what is none is refused', () => {
  const monitor = newMonitor('k');
  const random = stream(4);
  for (let i = 0; i < 500; i++)
    watch(monitor, plan, {
      ...seen(random.next(), 0.5, random.integer(2)),
      context: [random.next(), Number.NaN],
      atMs: i,
    });
  monitor.alarm = { action: 'freeze', sinceMs: 5, untilMs: null, why: 'because', thaws: 0 };
  monitor.unsaved = true;
  const back = thawMonitor(JSON.parse(JSON.stringify(freezeMonitor(monitor))));
  expect(back).toEqual(monitor);
  thaw(monitor);
  expect(monitor).toMatchObject({ alarm: undefined, decay: decayState(), judged: 500 });
  const damaged = [null, {}, { version: 2 }, { ...(freezeMonitor(monitor) as object), judged: 'many' }];
  for (const each of damaged) expect(thawMonitor(each)).toBeUndefined();
});
