import { describe, expect, it } from 'vitest';
import { GanglionError } from './errors.ts';
import {
  armId,
  choice,
  duration,
  flag,
  list,
  number,
  object,
  onlyKeys,
  parseDuration,
  parseShare,
  rejectUnknown,
  share,
  showDuration,
  text,
} from './options.ts';

function refusal(run: () => unknown): GanglionError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(GanglionError);
    return error as GanglionError;
  }
  throw new Error('nothing was refused');
}

describe('options', () => {
  it('reads durations in every unit', () => {
    const cases: [unknown, number][] = [
      ['250ms', 250],
      ['30s', 30_000],
      ['5m', 300_000],
      ['1.5h', 5_400_000],
      ['7d', 604_800_000],
      [1500, 1500],
      [0, 0],
    ];
    for (const [declared, ms] of cases) expect(parseDuration(declared, 'x')).toBe(ms);
    expect([90_000, 300_000, 86_400_000, 1500].map(showDuration)).toEqual(['90s', '5m', '1d', '1500ms']);
  });

  it('refuses what is not a duration, share or number', () => {
    for (const bad of ['5', '5 m', '-5m', 'm', '', '1e3s', Number.NaN, Infinity, -1, null, {}, [], true])
      expect(refusal(() => parseDuration(bad, 'p')).code).toBe('invalid_spec');
    for (const bad of ['5', '101%', '-1%', '%', 1.01, -0.1, Number.NaN, null, {}, '0.05'])
      expect(refusal(() => parseShare(bad, 'p')).code).toBe('invalid_spec');
    for (const bad of ['1', Number.NaN, Infinity, null, {}, true])
      expect(refusal(() => number({ n: bad }, 'n', {}, 'p')).code).toBe('invalid_spec');
    expect(parseShare('2.5%', 'p')).toBe(0.025);
  });

  it('names the field, the value and the mend', () => {
    const error = refusal(() => number({ floor: 3 }, 'floor', { min: 0, max: 1 }, 'guards[1]'));
    expect([error.field, error.value, error.mend]).toEqual([
      'guards[1].floor',
      '3',
      'Give a number from 0 to 1.',
    ]);
    const late = refusal(() => duration({ openFor: '5ms' }, 'openFor', { min: 1000 }, 'guards[0]'));
    expect([late.field, late.value, late.mend]).toEqual([
      'guards[0].openFor',
      '"5ms"',
      'Give a duration of at least 1s.',
    ]);
    const typo = refusal(() => rejectUnknown({ kind: 'x', flor: 1 }, ['floor'], 'policy'));
    expect([typo.field, typo.mend]).toEqual([
      'policy.flor',
      'Did you mean floor? Otherwise remove it, or use one of: floor.',
    ]);
    const far = refusal(() => rejectUnknown({ kind: 'x', colour: 1 }, ['floor', 'rate'], 'policy'));
    expect(far.mend).toBe('Remove it, or use one of: floor, rate.');
    const nested = refusal(() => onlyKeys({ kind: 'x' }, [], 'rules[0]'));
    expect([nested.field, nested.mend]).toEqual(['rules[0].kind', 'Remove it.']);
  });

  it('takes defaults only where they are declared', () => {
    expect(number({}, 'n', { default: 7 }, 'p')).toBe(7);
    expect(share({}, 's', { default: 0.1 }, 'p')).toBe(0.1);
    expect(flag({}, 'f', true, 'p')).toBe(true);
    expect(choice({}, 'c', ['a', 'b'], 'b', 'p')).toBe('b');
    expect(refusal(() => number({}, 'n', {}, 'p')).message).toContain('is required');
    expect(refusal(() => choice({}, 'c', ['a'], undefined, 'p')).message).toContain('is required');
    expect(refusal(() => text({}, 't', undefined, 'p')).message).toContain('is required');
    expect(refusal(() => list({}, 'l', 'p')).code).toBe('invalid_spec');
  });

  it('never reads inherited keys', () => {
    const inherited = Object.create({ n: 1 }) as Record<string, unknown>;
    expect(number(inherited, 'n', { default: 2 }, 'p')).toBe(2);
    expect(refusal(() => choice({ c: 'toString' }, 'c', ['a'], undefined, 'p')).value).toBe('"toString"');
  });

  it('knows the arms of the point', () => {
    expect(armId({ arm: 'b' }, 'arm', [{ id: 'a' }, { id: 'b' }], 'p')).toBe('b');
    expect(refusal(() => armId({ arm: 'c' }, 'arm', [{ id: 'a' }], 'p')).mend).toBe('Use one of: a.');
    for (const bad of [null, [], 3, 'x']) expect(refusal(() => object(bad, 'p', 'k')).field).toBe('p.k');
  });
});
