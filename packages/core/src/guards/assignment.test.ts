import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGanglionError } from '../errors.ts';
import { type Guard, type GuardInput, PASS } from '../guard.ts';
import { hash32 } from '../stats/hash.ts';
import { stream } from '../stats/random.ts';
import { guardInput, pointOf } from '../testing/guard-laws.ts';
import { guards } from './index.ts';
import { placeIn, readLayer } from './layer.ts';

const arms = ['a', 'b'];
const checkout = pointOf(arms);
const of = (unit: string): GuardInput => guardInput(arms, { unit, unitHash: hash32(unit) });
const stratum = (guard: Guard, input: GuardInput) => guard.check(null, input).stratum ?? '';

/** How many of the inputs fall into a stratum. */
function tally(guard: Guard, inputs: readonly GuardInput[], wanted: string): number {
  return inputs.filter((input) => stratum(guard, input) === wanted).length;
}

/** Five standard deviations: a true share leaves this band once in two million tests. */
function expectBinomial(hits: number, n: number, p: number): void {
  expect(Math.abs(hits - n * p)).toBeLessThanOrEqual(5 * Math.sqrt(n * p * (1 - p)));
}

const units = Array.from({ length: 100_000 }, (_, i) => of(`user-${i}`));
const chances = stream(7);
const anonymous = Array.from({ length: 100_000 }, () => guardInput(arms, { chance: chances.next() }));

describe('assignment to layers', () => {
  // Computed by an implementation of MurmurHash3 in another language; published in the docstrings.
  it.each<[string, string, Record<string, unknown>, number]>([
    ['user-1', 'holdout', {}, 0.434412],
    ['user-2', 'holdout', {}, 0.285942],
    ['user-3', 'holdout', {}, 0.500727],
    ['ünïcode', 'holdout', {}, 0.682026],
    ['device/7', 'holdout', {}, 0.78988],
    ['user-1', 'holdout', { generation: 1 }, 0.852967],
    ['user-1', 'holdout', { salt: 'shared' }, 0.26528],
    ['user-1', 'rollout', {}, 0.612084],
    ['user-2', 'rollout', {}, 0.455792],
    ['user-3', 'rollout', {}, 0.367573],
    ['ünïcode', 'rollout', {}, 0.205505],
    ['device/7', 'rollout', {}, 0.188329],
  ])('places %s in layer %s %j at %f, as published', (unit, name, options, place) => {
    const layer = readLayer(options, name, 'checkout', '');
    expect(placeIn(layer, of(unit)) / 2 ** 32).toBeCloseTo(place, 6);
  });

  it('holds out the units below the share, and no others', () => {
    const below = guards.holdout({ share: 0.4344 }, checkout);
    const above = guards.holdout({ share: 0.4345 }, checkout);
    expect([stratum(below, of('user-1')), stratum(above, of('user-1'))]).toEqual(['', 'holdout']);
    expect(above.check(null, of('user-1'))).toMatchObject({ kind: 'assign', baseline: true });
  });

  it('keeps its share: of named units, and of decisions without one', () => {
    for (const share of [0.01, 0.05, 0.5]) {
      const guard = guards.holdout({ share }, checkout);
      expectBinomial(tally(guard, units, 'holdout'), units.length, share);
      expectBinomial(tally(guard, anonymous, 'holdout'), anonymous.length, share);
    }
    expect(tally(guards.holdout({ share: 0 }, checkout), units, 'holdout')).toBe(0);
    expect(tally(guards.holdout({ share: '100%' }, checkout), units, 'holdout')).toBe(units.length);
  });

  it('draws layers, points, salts and generations independently of each other, with units and without', () => {
    const base = guards.holdout({ share: 0.2 }, checkout);
    const others: readonly [Guard, string][] = [
      [guards.rollout({ stages: [0.8] }, checkout), 'rollout:out'],
      [guards.holdout({ share: 0.2 }, { ...checkout, point: 'search' }), 'holdout'],
      [guards.holdout({ share: 0.2, generation: 1 }, checkout), 'holdout'],
      [guards.holdout({ share: 0.2, salt: 'all' }, checkout), 'holdout'],
    ];
    for (const [other, wanted] of others)
      for (const inputs of [units, anonymous]) {
        const both = inputs.filter(
          (input) => stratum(base, input) === 'holdout' && stratum(other, input) === wanted,
        ).length;
        expectBinomial(both, inputs.length, 0.2 * 0.2);
      }
  });

  it('leaves a unit alone that another layer has taken', () => {
    const taken = { ...of('user-1'), stratum: 'experiment:x:y' };
    expect(guards.holdout({ share: 1 }, checkout).check(null, taken)).toBe(PASS);
    expect(guards.rollout({ stages: [0] }, checkout).check(null, taken)).toBe(PASS);
  });

  it('gives points that name the same salt the same holdout', () => {
    const one = guards.holdout({ share: 0.1, salt: 'company' }, checkout);
    const two = guards.holdout({ share: 0.1, salt: 'company' }, { ...checkout, point: 'search' });
    for (const unit of units.slice(0, 5000)) expect(stratum(two, unit)).toBe(stratum(one, unit));
  });
});

describe('rollout', () => {
  it('never moves a unit out as the stage grows', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 6 }),
        fc.string({ unit: 'binary', minLength: 1 }),
        (shares, unit) => {
          const stages = shares.sort((a, b) => a - b);
          const isIn = stages.map(
            (_, stage) => stratum(guards.rollout({ stages, stage }, checkout), of(unit)) === '',
          );
          expect(isIn).toEqual([...isIn].sort());
        },
      ),
    );
  });

  it('reaches its share of the remainder, and all of it at 100 %', () => {
    const held = guards.holdout({ share: 0.05 }, checkout);
    for (const inputs of [units, anonymous]) {
      const rest = inputs.filter((input) => stratum(held, input) === '');
      [0.01, 0.05, 0.25, 1].forEach((share, stage) => {
        const out = tally(guards.rollout({ stage }, checkout), rest, 'rollout:out');
        expectBinomial(rest.length - out, rest.length, share);
      });
    }
  });

  it.each<[string, Record<string, unknown>]>([
    ['share', {}],
    ['share', { share: 1.2 }],
    ['share', { share: 'five' }],
    ['generation', { share: 0.1, generation: 1.5 }],
    ['salt', { share: 0.1, salt: '' }],
    ['shares', { share: 0.1, shares: 0.2 }],
  ])('holdout refuses a wrong %s: %j', (field, options) => {
    expect(() => guards.holdout(options, checkout)).toThrow(
      expect.toSatisfy(
        (e: { field: string }) => isGanglionError(e, 'invalid_spec') && e.field === `guards[0].${field}`,
      ),
    );
  });

  it.each<[string, Record<string, unknown>]>([
    ['stages', { stages: [] }],
    ['stages[1]', { stages: [0.5, 0.5] }],
    ['stages[0]', { stages: ['many'] }],
    ['stage', { stage: 4 }],
    ['stage', { stage: -1 }],
  ])('rollout refuses a wrong %s: %j', (field, options) => {
    expect(() => guards.rollout(options, checkout)).toThrow(
      expect.toSatisfy(
        (e: { field: string }) => isGanglionError(e, 'invalid_spec') && e.field === `guards[0].${field}`,
      ),
    );
  });
});
