import { describe, expect, it } from 'vitest';
import type { PointReports } from '../state/model.ts';
import { report, sample, spec, validation } from '../testing.ts';
import type { AuditEntry, CalibrationBin, FrozenLearner, PointReport } from '../wire.ts';
import {
  binVerdict,
  calibrationScale,
  causesOf,
  decayedOf,
  lossSample,
  lossTrack,
  rangeWidth,
  standingOf,
  thawUnderway,
} from './validation.ts';

const frozen = (change: Partial<FrozenLearner> = {}): FrozenLearner => ({
  node: 'd1',
  action: 'freeze',
  sinceMs: 1000,
  untilMs: null,
  why: 'it errs',
  ...change,
});
const bin = (change: Partial<CalibrationBin> = {}): CalibrationBin => ({
  from: 0.6,
  to: 0.7,
  n: 1000,
  predicted: 0.65,
  observed: 0.64,
  low: 0.6,
  high: 0.68,
  ...change,
});
const reports = (given: boolean, whole: PointReport, nodes: readonly PointReport[]): PointReports => ({
  answering: whole.node,
  given,
  merged: { value: { ...whole, bounds: false }, heardMs: 0 },
  nodes: Object.fromEntries(nodes.map((value) => [value.node, { value, heardMs: 0 }])),
});

describe('what is shown as frozen', () => {
  const own = report('d1', { validation: validation({ frozen: [frozen()] }) });

  it('is what the answering node says of all, so that an old word of a node keeps nothing frozen', () => {
    const whole = report('cloud', { validation: validation() });
    expect(decayedOf(reports(true, whole, [own])).frozen).toEqual([]);
    expect(decayedOf(reports(false, whole, [own])).frozen).toEqual([frozen()]);
  });

  it('is apart from decay that is only said: there it learns on', () => {
    const whole = report('cloud', {
      validation: validation({ frozen: [frozen({ action: 'report' }), frozen({ action: 'baseline' })] }),
    });
    const { frozen: held, said } = decayedOf(reports(true, whole, []));
    expect([held.map(({ action }) => action), said.map(({ action }) => action)]).toEqual([
      ['baseline'],
      ['report'],
    ]);
  });

  it('is on its way to thaw once that was said after it began, and of this point', () => {
    const entry = (change: Partial<AuditEntry>): AuditEntry => ({
      seq: 1,
      atMs: 2000,
      node: 'cloud',
      by: 'ann',
      action: 'thaw',
      target: 'checkout',
      reason: 'mended',
      ...change,
    });
    const underway = (change: Partial<AuditEntry>) => thawUnderway([entry(change)], 'checkout', frozen());
    expect(underway({})?.by).toBe('ann');
    expect(underway({ atMs: 999 })).toBeUndefined();
    expect(underway({ target: 'other' })).toBeUndefined();
    expect(underway({ action: 'learner.freeze' })).toBeUndefined();
  });
});

describe('how a learner stands', () => {
  const calibration = validation().calibration;

  it('is sound only if it was tested, and enough was seen', () => {
    expect(standingOf(validation())).toBe('sound');
    expect(standingOf(validation({ calibration: { ...calibration, verdict: 'unknown' } }))).toBe('unknown');
    expect(standingOf(validation({ decay: { armed: false, e: 1, threshold: 100 } }))).toBe('unproven');
    expect(standingOf(validation({ calibration: { ...calibration, verdict: 'off' } }))).toBe('off');
  });

  it('is frozen before all else', () => {
    const off = { ...calibration, verdict: 'off' as const };
    expect(standingOf(validation({ calibration: off, frozen: [frozen()] }))).toBe('frozen');
    expect(standingOf(validation({ frozen: [frozen({ action: 'report' })] }))).toBe('decays');
  });
});

describe('the loss over time', () => {
  it('is unknown while there are too few outcomes, and absent where nobody validates', () => {
    expect(lossSample(report('cloud'))).toBeUndefined();
    expect(lossSample(report('cloud', { validation: validation({ judged: 29 }) }))?.learner).toBeNull();
    expect(lossSample(report('cloud', { validation: validation({ judged: 30 }) }))?.learner).toBe(0.15);
  });

  it('breaks where the page heard nothing, and marks when the learner was frozen', () => {
    const at = (wallMs: number, isFrozen: boolean) =>
      sample(wallMs, {}, { loss: { learner: 0.1, reference: 0.2, frozen: isFrozen } });
    const track = lossTrack([
      at(0, false),
      at(1000, true),
      at(2000, true),
      at(60_000, true),
      at(61_000, false),
    ]);
    expect(track.rows).toEqual([0, 1, 2, -1, 3, 4]);
    expect(track.learner).toEqual([0.1, 0.1, 0.1, null, 0.1, 0.1]);
    expect(track.spans.map(({ from, to }) => [from, to])).toEqual([
      [1, 2],
      [60, 60],
    ]);
  });
});

describe('a bin of predictions', () => {
  it('is off if the prediction is outside of the interval, and unknown if that says nothing', () => {
    expect(binVerdict(bin(), 1)).toBe('within');
    expect(binVerdict(bin({ predicted: 0.69 }), 1)).toBe('off');
    expect(binVerdict(bin({ low: null, high: null }), 1)).toBe('unknown');
    expect(binVerdict(bin({ low: 0, high: 1 }), 1)).toBe('unknown');
    expect(binVerdict(bin({ low: 0, high: 1 }), rangeWidth(spec({ objective: { range: [-5, 5] } })))).toBe(
      'within',
    );
  });

  it('with hardly any outcomes does not stretch the scale of a plot of rare events', () => {
    const rare = bin({ from: 0, to: 0.01, predicted: 0.005, observed: 0.006, low: 0.004, high: 0.008 });
    const few = bin({ from: 0.01, to: 0.02, predicted: 0.012, observed: 1, low: 0, high: 1, n: 1 });
    const [low, high] = calibrationScale([rare, few]);
    expect(low).toBeGreaterThan(0);
    expect(high).toBeLessThan(0.02);
    expect(calibrationScale([])).toEqual([0, 1]);
  });
});

it('the share of self-caused outcomes is unknown where there are none', () => {
  const training = { selfCaused: 'holdBack', caused: 0, others: 0, heldBack: 0, frozen: 0 } as const;
  expect(causesOf(report('cloud'))).toBeUndefined();
  expect(causesOf(report('cloud', { training }))?.share).toBeNull();
  expect(causesOf(report('cloud', { training: { ...training, caused: 3, others: 1 } }))?.share).toBe(0.75);
  expect(causesOf(report('cloud', { validation: validation({ judged: 10, selfCaused: 9 }) }))).toEqual({
    caused: 9,
    others: 1,
    share: 0.9,
  });
});
