import { compilePoint, DEFAULT_LIMITS } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { describe, expect, it } from 'vitest';
import { spec } from '../testing.ts';
import type { EvaluatedCandidate } from '../wire.ts';
import {
  concludeFrom,
  currentCandidate,
  estimateScale,
  LOOKS_AT,
  unloggedOf,
  weightBars,
} from './evaluation.ts';

type Estimates = EvaluatedCandidate['estimates'];
const estimate = (low: number, high: number): Estimates[number] =>
  ({
    value: (low + high) / 2,
    low,
    high,
    difference: { value: (low + high) / 2, low, high },
  }) as Estimates[number];
const title = (...estimates: Estimates) => concludeFrom({ refused: [], estimates }).title;

describe('what all estimators say together', () => {
  it('is better or worse only where no interval says the contrary', () => {
    expect(title(estimate(0.1, 0.2), estimate(0.05, 0.3))).toBe('Better than what the log did');
    expect(title(estimate(-0.2, -0.1))).toBe('Worse than what the log did');
    expect(title(estimate(0.1, 0.2), estimate(-0.05, 0.3))).toBe('Probably better than what the log did');
    expect(title(estimate(-0.1, 0.2))).toMatch(/^Not distinguishable/);
    expect(title(estimate(0.1, 0.2), estimate(-0.2, -0.1))).toMatch(/contradict/);
  });

  it('is nothing where the log does not know', () => {
    const refused = [{ reason: 'thin' as const, why: '' }];
    expect(concludeFrom({ refused, estimates: [] }).title).toMatch(/^Refused/);
  });
});

it('the scale holds every interval and the log’s own', () => {
  const [low, high] = estimateScale({ logged: estimate(-1, 0), estimates: [estimate(0.1, 0.2)] });
  expect(low).toBeLessThan(-1);
  expect(high).toBeGreaterThan(0.2);
  expect(estimateScale({ logged: null, estimates: [] })).toEqual([0, 1]);
});

it('a candidate begins as what stands', () => {
  expect(currentCandidate(spec())).toEqual({ policy: { kind: 'thompson' } });
  const context = { load: { type: 'number' } } as const;
  expect(currentCandidate(spec({ context }))).toEqual({ policy: { kind: 'thompson' }, context });
});

it('a policy that looks at what no log keeps is known, also as a part of another', () => {
  for (const kind of Object.keys(standard.policies)) {
    let looksAt: string | undefined;
    try {
      const policy = { kind };
      looksAt = compilePoint(
        { point: 'p', arms: ['a', 'b'], fallback: 'a', policy },
        standard,
        DEFAULT_LIMITS,
      ).policy.looksAt;
    } catch {
      // It needs options; those that look elsewhere need none.
    }
    expect([kind, LOOKS_AT[kind]]).toEqual([kind, looksAt]);
  }
  expect(unloggedOf({ kind: 'split' })).toBeUndefined();
  const members = [{ kind: 'thompson' }, { kind: 'balancer' }];
  expect(unloggedOf({ kind: 'ensemble', members })).toBe('requests in flight');
  const rules = [{ when: { load: 1 }, policy: { kind: 'split' } }, { policy: { kind: 'round-robin' } }];
  expect(unloggedOf({ kind: 'by-context', rules })).toBe('whose turn it is');
});

it('weights are told by powers of two, those of 0 apart', () => {
  const bins = [0.125, 0.5, 1, 64, 2048].map((from) => ({ from, to: from * 2, rows: 1 }));
  expect(weightBars({ zero: 3, bins }).map(({ title }) => title)).toEqual([
    '0',
    '1⁄8',
    '1⁄2',
    '1',
    '64',
    '2k',
  ]);
  expect(weightBars({ zero: 0, bins: [] })).toEqual([]);
});
