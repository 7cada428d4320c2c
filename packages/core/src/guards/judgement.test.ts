import { describe, expect, it } from 'vitest';
import { isGanglionError } from '../errors.ts';
import { PASS } from '../guard.ts';
import { guardInput, pointOf } from '../testing/guard-laws.ts';
import { guards } from './index.ts';

const arms = ['a', 'b', 'c'];
const point = pointOf(arms);
const sure = (confidence: number, change = {}) => guardInput(arms, { confidence, ...change });

describe('confidence', () => {
  const usual = guards.confidence({ min: 0.7, margin: 0.02 }, point);

  it('passes what is sure enough, and what nobody can be sure of yet', () => {
    for (const c of [0.7, 0.9, 1, Number.NaN]) expect(usual.check(null, sure(c))).toBe(PASS);
  });

  it('tells the pipeline its margin', () => {
    expect(usual.margin).toBe(0.02);
    expect(guards.confidence({ min: 0.5 }, point).margin).toBe(0);
  });

  it('escalates where the parent’s round trip fits what is left of the budget', () => {
    expect(usual.check(null, sure(0.3, { parentMs: 4, budgetMs: 5 })).kind).toBe('escalate');
    expect(usual.check(null, sure(0.3, { parentMs: 5, budgetMs: 5 })).kind).toBe('escalate');
    expect(usual.check(null, sure(0.3, { parentMs: 6, budgetMs: 5 })).kind).toBe('soften');
  });

  it('softens in sixteen steps, more the less sure, and never to nothing', () => {
    const influence = Array.from({ length: 701 }, (_, i) => usual.check(null, sure(i / 1001)).influence!);
    expect(new Set(influence)).toHaveLength(16);
    expect(influence).toEqual([...influence].sort((a, b) => a - b));
    influence.forEach((w, i) => {
      expect(Math.abs(w - i / 1001 / 0.7)).toBeLessThanOrEqual(1 / 32 + 1e-9);
    });
    expect(influence[0]).toBe(1 / 32);
  });

  it('follows the declared order', () => {
    const soft = guards.confidence({ min: 0.7, otherwise: ['soften', 'escalate'] }, point);
    expect(soft.check(null, sure(0.3, { parentMs: 1 })).kind).toBe('soften');
  });

  it('says what it skipped, and that nothing was done where nothing could be', () => {
    expect(usual.check(null, sure(0.3)).why).toBe(
      'confidence about 0.28, below 0.7; influence 0.40625; the parent is out of reach, no reviewer can be asked',
    );
    const strict = guards.confidence({ min: 0.7, otherwise: ['escalate'] }, point);
    expect(strict.check(null, sure(0.3))).toMatchObject({
      kind: 'pass',
      guard: 'confidence',
      why: 'confidence about 0.28, below 0.7; the parent is out of reach; nothing done',
    });
  });

  it('refuses to leave the last word to a reviewer who does not exist', () => {
    for (const otherwise of [['review'], ['escalate', 'review']])
      expect(() => guards.confidence({ min: 0.7, otherwise }, point)).toThrow(
        expect.toSatisfy((e) => isGanglionError(e, 'unsupported')),
      );
  });

  it.each<[string, Record<string, unknown>]>([
    ['min', {}],
    ['min', { min: 0 }],
    ['min', { min: 1.1 }],
    ['min', { min: '70%' }],
    ['margin', { min: 0.7, margin: -1 }],
    ['otherwise', { min: 0.7, otherwise: [] }],
    ['otherwise[0]', { min: 0.7, otherwise: ['ask'] }],
    ['otherwise[1]', { min: 0.7, otherwise: ['soften', 'soften'] }],
    ['max', { min: 0.7, max: 1 }],
  ])('refuses a wrong %s: %j', (field, options) => {
    expect(() => guards.confidence(options, point)).toThrow(
      expect.toSatisfy(
        (e: { field: string }) => isGanglionError(e, 'invalid_spec') && e.field === `guards[0].${field}`,
      ),
    );
  });
});

describe('exploration', () => {
  it('sets its floor, and says nothing where the floor is none', () => {
    expect(guards.exploration({ floor: '2%' }, point).check(null, guardInput(arms))).toEqual({
      kind: 'soften',
      guard: 'exploration',
      why: 'at least 2 % exploration',
      floor: 0.02,
    });
    expect(guards.exploration({ floor: 0 }, point).check(null, guardInput(arms))).toBe(PASS);
  });

  it('refuses a floor that is missing or no share', () => {
    for (const options of [{}, { floor: 2 }, { floor: -0.1 }, { floor: 0.1, epsilon: 1 }])
      expect(() => guards.exploration(options, point)).toThrow(
        expect.toSatisfy((e) => isGanglionError(e, 'invalid_spec')),
      );
  });
});

describe('bulkhead', () => {
  const load = (inflight: number[], change = {}) =>
    guardInput(arms, {
      inflight: Int32Array.from(inflight),
      inflightPoint: inflight.reduce((sum, n) => sum + n, 0),
      ...change,
    });
  const ask = (options: Record<string, unknown>, input: ReturnType<typeof load>) => {
    const guard = guards.bulkhead(options, point);
    return guard.check(guard.initial(3), input);
  };

  it('withholds the arms at their limit', () => {
    expect(ask({ perArm: 4 }, load([4, 3, 5]))).toEqual({
      kind: 'restrict',
      guard: 'bulkhead',
      why: 'full: a, c (4 in flight)',
      exclude: Uint8Array.of(1, 0, 1),
    });
    expect(ask({ perArm: 4 }, load([3, 3, 3]))).toBe(PASS);
  });

  it('blocks where every allowed arm is at its limit', () => {
    expect(ask({ perArm: 4 }, load([4, 4, 4])).kind).toBe('block');
    const allowed = { allowed: Uint8Array.of(1, 0, 0), allowedCount: 1 };
    expect(ask({ perArm: 4 }, load([4, 0, 0], allowed)).kind).toBe('block');
  });

  it('blocks at the total of the point, or of the domain', () => {
    expect(ask({ total: 6 }, load([1, 2, 2], { inflightDomain: 99 }))).toBe(PASS);
    expect(ask({ total: 6 }, load([1, 3, 2])).kind).toBe('block');
    expect(ask({ total: 6, scope: 'domain' }, load([1, 0, 0], { inflightDomain: 6 })).kind).toBe('block');
    expect(ask({ total: 6, scope: 'domain' }, load([1, 0, 0], { inflightDomain: 5 }))).toBe(PASS);
  });

  it('gives the verdicts it gave before, as arms flicker about their limit', () => {
    const guard = guards.bulkhead({ perArm: 2 }, point);
    const state = guard.initial(3);
    const loads = [load([2, 0, 1]), load([2, 2, 1]), load([0, 2, 0]), load([2, 0, 2])];
    const first = loads.map((input) => guard.check(state, input));
    for (let i = 0; i < 20; i++)
      for (const [k, input] of loads.entries()) expect(guard.check(state, input)).toBe(first[k]);
  });

  it('names the length of its queue for those who can wait', () => {
    expect(ask({ total: 6, queue: 20 }, load([6, 0, 0])).queue).toEqual({ most: 20, of: 'point' });
    expect(
      ask({ total: 6, scope: 'domain', queue: 2 }, load([0, 0, 0], { inflightDomain: 6 })).queue,
    ).toEqual({
      most: 2,
      of: 'domain',
    });
    expect(ask({ total: 6 }, load([6, 0, 0])).queue).toBeUndefined();
  });

  it('refuses to guard nothing, and limits that are none', () => {
    for (const options of [
      {},
      { perArm: 0 },
      { total: 1.5 },
      { total: 5, scope: 'tree' },
      { total: 5, queue: -1 },
    ])
      expect(() => guards.bulkhead(options, point)).toThrow(
        expect.toSatisfy((e) => isGanglionError(e, 'invalid_spec')),
      );
  });
});
