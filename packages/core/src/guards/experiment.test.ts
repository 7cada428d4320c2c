import { describe, expect, it } from 'vitest';
import type { Verdict } from '../guard.ts';
import type { FactoryInput } from '../registry.ts';
import { hash32 } from '../stats/hash.ts';
import { guardInput, pointOf } from '../testing/guard-laws.ts';
import { experiment } from './experiment.ts';

const ARMS = ['a', 'b', 'c'];
const two = { control: { arm: 'a' }, treatment: { arm: 'b' } };

function assigner(options: object, point: Partial<FactoryInput> = {}) {
  const guard = experiment({ kind: 'experiment', ...options }, { ...pointOf(ARMS), ...point });
  return (unit: string, stratum = ''): Verdict =>
    guard.check(null, guardInput(ARMS, { unit, unitHash: hash32(unit), stratum }));
}

const UNITS = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);

describe('assignment', () => {
  // The published vectors, from an implementation of their own: in the layer below 0.3, in the treatment from 0.5 on.
  it('follows the published test vectors', () => {
    const assign = assigner({ name: 'copy', share: 0.3, variants: two });
    const strata = ['user-1', 'user-2', 'user-3', 'ünïcode', 'device/7'].map((unit) => assign(unit).stratum);
    expect(strata).toEqual([
      'experiment:copy:treatment',
      'experiment:copy:control',
      undefined,
      undefined,
      'experiment:copy:control',
    ]);
  });

  it('gives every variant its share, and the experiment its part of the layer', () => {
    const assign = assigner({
      name: 'copy',
      share: '50%',
      variants: { x: { share: '20%' }, y: { share: '30%' }, z: { share: '50%' } },
    });
    const counts = new Map<string, number>();
    for (const unit of UNITS) {
      const stratum = assign(unit).stratum ?? 'out';
      counts.set(stratum, (counts.get(stratum) ?? 0) + 1 / UNITS.length);
    }
    for (const [stratum, share] of [
      ['experiment:copy:x', 0.1],
      ['experiment:copy:y', 0.15],
      ['experiment:copy:z', 0.25],
      ['out', 0.5],
    ] as const)
      expect(Math.abs((counts.get(stratum) ?? 0) - share)).toBeLessThan(0.015);
  });

  it('leaves alone whom another layer has taken', () => {
    const assign = assigner({ name: 'copy', variants: two });
    expect(assign('user-1', 'holdout').kind).toBe('pass');
  });

  it('experiments of one layer exclude each other; those of two layers cut across each other', () => {
    const one = { name: 'one', share: '50%', variants: two };
    const other = { name: 'two', share: '50%', variants: two };
    const together = assigner({ of: [one, other] });
    const apart = [assigner(one), assigner(other)];
    let [both, treatedOfTreated, treated] = [0, 0, 0];
    for (const unit of UNITS) {
      expect(together(unit).stratum).toBeDefined();
      const [x, y] = apart.map((assign) => assign(unit).stratum);
      if (x !== undefined && y !== undefined) both += 1 / UNITS.length;
      if (x?.endsWith('treatment')) {
        treated++;
        if (y?.endsWith('treatment')) treatedOfTreated++;
      }
    }
    expect(both).toBeCloseTo(0.25, 1);
    expect(treatedOfTreated / treated).toBeCloseTo(0.25, 1);
  });

  it('a range that is used again is mixed anew', () => {
    const first = assigner({ name: 'one', layer: 'ui', variants: two });
    const second = assigner({ name: 'two', layer: 'ui', variants: two });
    let same = 0;
    for (const unit of UNITS)
      if (first(unit).stratum?.endsWith('treatment') === second(unit).stratum?.endsWith('treatment')) same++;
    expect(same / UNITS.length).toBeCloseTo(0.5, 1);
  });

  it('thousands in one layer: everybody is in exactly the one of his range', () => {
    const of = Array.from({ length: 1000 }, (_, i) => ({ name: `e${i}`, share: '0.1%', variants: two }));
    const assign = assigner({ of });
    const seen = new Set<string>();
    for (const unit of UNITS) seen.add(assign(unit).stratum?.split(':')[1] ?? 'nobody’s');
    expect(seen.size).toBe(1000);
    expect(seen.has('nobody’s')).toBe(false);
  });
});

describe('what a variant does', () => {
  it('pins an arm, weighs the policy, or gets the baseline', () => {
    const guard = {
      name: 'x',
      variants: { pin: { arm: 'b' }, half: { influence: 0.5 }, base: { baseline: true }, all: {} },
    };
    const assign = assigner(guard);
    const verdicts = new Map(UNITS.map((unit) => [assign(unit).stratum?.split(':')[2], assign(unit)]));
    expect([...(verdicts.get('pin')?.exclude ?? [])]).toEqual([1, 0, 1]);
    expect(verdicts.get('half')?.influence).toBe(0.5);
    expect(verdicts.get('base')?.baseline).toBe(true);
    const all = verdicts.get('all');
    expect([all?.exclude, all?.influence, all?.baseline]).toEqual([undefined, undefined, undefined]);
  });

  it('`variants: policy` compares the arms and assigns nobody', () => {
    const guard = experiment(
      { kind: 'experiment', name: 'x', variants: 'policy', control: 'b' },
      pointOf(ARMS),
    );
    expect(guard.comparisons?.[0]).toMatchObject({ kind: 'arms', control: 1 });
    expect(guard.check(null, guardInput(ARMS)).kind).toBe('pass');
  });
});

describe('a declaration that cannot be meant is refused', () => {
  const least = { name: 'x', variants: two };
  it.each<[string, object, string]>([
    ['one variant', { ...least, variants: { a: {} } }, 'variants'],
    ['an unknown arm', { ...least, variants: { a: { arm: 'z' }, b: {} } }, 'variants.a.arm'],
    ['two meanings', { ...least, variants: { a: { arm: 'a', influence: 1 }, b: {} } }, 'variants.a'],
    ['shares above one', { ...least, variants: { a: { share: 0.7 }, b: { share: 0.7 } } }, 'variants'],
    ['no such control', { ...least, control: 'z' }, 'control'],
    ['no name', { variants: two }, 'name'],
    [
      'a layer that is too small',
      {
        of: [
          { ...least, share: 0.7 },
          { ...least, name: 'y', share: 0.7 },
        ],
      },
      'of[1].share',
    ],
    ['ranges that overlap', { of: [least, { ...least, name: 'y', from: 0.5, share: 0.5 }] }, 'of'],
    [
      'the same name twice',
      {
        of: [
          { ...least, share: 0.5 },
          { ...least, share: 0.5 },
        ],
      },
      'of[1].name',
    ],
    ['a covariate that is no number', { ...least, covariate: 'spend' }, 'covariate'],
    ['a fixed horizon without one', { ...least, analysis: { kind: 'fixed' } }, 'analysis.horizon'],
    ['an option of nobody', { ...least, arms: ['a'] }, 'arms'],
    ['a metric twice', { ...least, metrics: ['success', 'success'] }, 'metrics[1].metric'],
  ])('%s', (_, options, field) => {
    expect(() => assigner(options)).toThrowError(
      expect.objectContaining({ code: 'invalid_spec', field: `guards[0].${field}` }),
    );
  });
});
