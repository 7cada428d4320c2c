import { stream } from '@ganglion/core/testing';
import { describe, expect, test } from 'vitest';
import { declaredCandidate } from './candidate.ts';
import type { DecisionLog } from './decision-log.ts';
import { replayLog } from './replay-log.ts';

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
