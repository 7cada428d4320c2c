import { stream } from '@ganglion/core/testing';
import { describe, expect, test } from 'vitest';
import { styleOf } from '../cli/style.ts';
import { declaredCandidate } from './candidate.ts';
import type { DecisionLog } from './decision-log.ts';
import { evaluateLog } from './evaluate-log.ts';
import { type ReplayedLog, replayLog } from './replay-log.ts';
import { replayText } from './report-text.ts';

const OPTIONS = {
  level: 0.95,
  interval: 'normal',
  resamples: 200,
  seed: 1,
  folds: 3,
  estimators: [],
} as const;
const WORTH = [0.2, 0.8, 0.4];

/** A log of draws that favour the worst arm. */
function logged(rows: number): DecisionLog {
  const random = stream(4);
  const shares = [0.6, 0.2, 0.2];
  const arm = new Int32Array(rows);
  const propensity = new Float64Array(rows);
  const reward = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const u = random.next();
    arm[i] = u < 0.6 ? 0 : u < 0.8 ? 1 : 2;
    propensity[i] = shares[arm[i]];
    reward[i] = random.next() < WORTH[arm[i]] ? 1 : 0;
  }
  return {
    name: 'made',
    rows,
    arms: ['a', 'b', 'c'],
    arm,
    propensity,
    reward,
    range: [0, 1],
    atMs: undefined,
    context: new Map(),
    available: undefined,
    skipped: {},
  };
}

const members = ['a', 'b', 'c'].map((arm) => ({ kind: 'fixed', name: `always-${arm}`, arm }));

describe('an ensemble on a log', () => {
  test('replayed, its vote finds the member that is right, as it would have live', () => {
    const { replayed } = replayLog(
      logged(20_000),
      { policy: { kind: 'ensemble', members, rate: 0.05 } },
      { ...OPTIONS, bound: 5, everyRows: 16 },
    );
    expect(replayed?.value).toBeGreaterThan(0.76);
  });

  test('trained on it, it votes by what each member would have brought', () => {
    const candidate = declaredCandidate(
      logged(3000),
      { policy: { kind: 'ensemble', members, rate: 0.05 } },
      'ensemble',
      OPTIONS,
    );
    const p = new Float64Array(3);
    candidate.fill(7, p);
    expect(p[1]).toBeGreaterThan(0.95);
  });
});

describe('a policy that does what the log never did', () => {
  const uniform = (weights: Record<string, number>) => ({
    point: 'p',
    arms: ['a', 'b', 'c', 'd'],
    fallback: 'a',
    policy: { kind: 'split', weights },
  });
  const asked = { ...OPTIONS, estimators: ['ips', 'snips'], everyRows: 64, bound: 5 } as const;
  const both = (log: DecisionLog, weights: Record<string, number>) => ({
    replayed: replayLog(log, uniform(weights), asked),
    evaluated: evaluateLog(log, declaredCandidate(log, uniform(weights), 'p', OPTIONS), asked),
  });

  test('replayed, is estimated as it is evaluated: with room for it, over the range seen', () => {
    const log = { ...logged(4000), rangeSeen: true };
    const { replayed, evaluated } = both(log, { a: 31, b: 31, c: 31, d: 7 });
    const { overlap, room, estimates } = evaluated;
    expect(overlap.unsupported).toBeCloseTo(0.07, 12);
    expect(room).toMatchObject({ declared: false, range: [0, 1] });
    expect(replayed.evaluation.overlap.unsupported).toBeCloseTo(0.07, 12);
    expect(replayed.evaluation.room).toMatchObject({ declared: false, range: [0, 1] });
    estimates.forEach(({ value, low, high, difference }, i) => {
      const other = replayed.evaluation.estimates[i];
      expect(other.value).toBeCloseTo(value, 12);
      expect(other.low).toBeCloseTo(low, 12);
      expect(other.high).toBeCloseTo(high, 12);
      expect(other.difference.high).toBeCloseTo(difference.high, 12);
    });
    // What was kept speaks of the other 93 % only.
    expect(replayed.replayed!.high - replayed.replayed!.low).toBeGreaterThan(0.14);
    expect(text(replayed)).toMatch(/replayed value .*\n.*7 % of what it does was never done here/);
  });

  test('mostly, is refused as it is evaluated, and has no replayed value', () => {
    const { replayed, evaluated } = both(logged(4000), { a: 5, b: 5, c: 5, d: 85 });
    expect(evaluated.refused[0].reason).toBe('no_overlap');
    expect(replayed.evaluation.refused).toEqual(evaluated.refused);
    expect(replayed.evaluation.estimates).toEqual([]);
    expect(replayed.replayed).toBeNull();
  });

  const text = (replayed: ReplayedLog): string =>
    replayText(replayed, 0.95, styleOf({ isTerminal: false, env: {} }));
});
