import type { PointSpec } from '@ganglion/core';
import { describe, expect, it } from 'vitest';
import { flagInput, flagValues } from './flags.ts';

const spec = (arms: PointSpec['arms'], context: PointSpec['context'] = {}): PointSpec => ({
  point: 'p',
  arms,
  fallback: 'a',
  policy: { kind: 'split' },
  context,
});

describe('the values of a flag', () => {
  it.each([
    ['names', ['a', 'b'], ['a', 'b']],
    ['booleans by name', ['true', 'false'], [true, false]],
    ['numbers by name', ['10', '0.5', '2'], [10, 0.5, 2]],
    ['names, where one is no number', ['10', 'b'], ['10', 'b']],
    ['names, where a number is not written as one', ['10', '010'], ['10', '010']],
    ['names, where one is no boolean', ['true', 'maybe'], ['true', 'maybe']],
    [
      'what the arms declare',
      [
        { id: 'a', features: { value: 1 } },
        { id: 'b', features: { value: 2 } },
      ],
      [1, 2],
    ],
    [
      'names, where arms declare different types',
      [
        { id: 'a', features: { value: 1 } },
        { id: 'b', features: { value: 'x' } },
      ],
      ['a', 'b'],
    ],
    ['names, where one arm declares nothing', [{ id: 'a', features: { value: 1 } }, 'b'], ['a', 'b']],
  ] as const)('are %s, of one type', (_what, arms, values) => {
    expect([...flagValues(spec(arms as PointSpec['arms'])).values()]).toEqual(values);
  });
});

describe('an evaluation context', () => {
  it('gives the unit and the declared fields, and nothing else', () => {
    const declared = spec(['a', 'b'], { region: { type: 'category' }, load: { type: 'number' } });
    expect(flagInput(declared, { targetingKey: 'u', region: 'eu', load: undefined, email: 'x@y' })).toEqual({
      unit: 'u',
      context: { region: 'eu' },
    });
    expect(flagInput(declared, { targetingKey: '' })).toEqual({ context: {} });
    expect(flagInput(declared, undefined)).toEqual({ context: {} });
  });

  it('takes nothing from a prototype', () => {
    const declared = spec(['a', 'b'], JSON.parse('{"toString":{"type":"category"}}'));
    expect(flagInput(declared, {})).toEqual({ context: {} });
  });
});
