import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../limits.ts';
import { decodeControls, encodeControls } from './control-codec.ts';
import { EMPTY_CONTROLS, without } from './control-state.ts';
import { isRemoved, removedTags, sizeOfRemoved, unionRemoved } from './removed.ts';

const tag = fc.oneof(
  fc.tuple(fc.constantFrom('a~1', 'b~1', 'b~2'), fc.nat(40)).map(([origin, n]) => `${origin}~${n}`),
  fc.constantFrom('x', 'a~1~01', 'a~1~1e3', '', 'a~1~-1', 'a~b~c~4'),
);
const tags = fc.array(tag, { maxLength: 60 });

describe('tags taken back', () => {
  test('are a set: what is in it, and its union, whatever the order', () => {
    fc.assert(
      fc.property(tags, tags, tag, (a, b, other) => {
        const [left, right] = [removedTags(a), removedTags(b)];
        for (const each of [...a, ...b, other]) {
          expect(isRemoved(left, each)).toBe(a.includes(each));
          expect(isRemoved(unionRemoved(left, right), each)).toBe(a.includes(each) || b.includes(each));
        }
        expect(unionRemoved(left, right)).toEqual(removedTags([...b, ...a]));
        expect(unionRemoved(unionRemoved(left, right), right)).toEqual(unionRemoved(right, left));
        const both = unionRemoved(left, right);
        expect(unionRemoved(both, right)).toBe(both);
      }),
    );
  });

  test('cost what stands between them, not what was ever said', () => {
    const all = Array.from({ length: 200_000 }, (_, i) => `cloud~abc~${i + 1}`);
    const state = without(
      EMPTY_CONTROLS,
      all.filter((each) => each !== 'cloud~abc~777'),
    );
    expect(sizeOfRemoved(state.removed)).toBe(2);
    const text = JSON.stringify(encodeControls(state));
    expect(text.length).toBeLessThan(300);
    expect(decodeControls(JSON.parse(text), DEFAULT_LIMITS)).toEqual(state);
    expect(isRemoved(state.removed, 'cloud~abc~777')).toBe(false);
  });

  test('are read as they were written before they were folded', () => {
    const json = { ...encodeControls(EMPTY_CONTROLS), ranges: undefined, removed: ['a~1~2', 'a~1~1', 'odd'] };
    expect(decodeControls(json, DEFAULT_LIMITS).removed).toEqual({
      ranges: new Map([['a~1', [[1, 2]]]]),
      odd: new Set(['odd']),
    });
  });
});
