import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isGanglionError } from '../errors.ts';
import { checkSegment, inSegment, SEGMENT_LIMITS } from './segment.ts';

const fields = [
  { name: 'x', type: 'number' },
  { name: 'region', type: 'category' },
  { name: 'vip', type: 'boolean' },
  { name: 'constructor', type: 'category' },
] as const;
const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);

describe('a segment', () => {
  test.each([
    [{ x: { lt: 5 } }, /segment\.x/],
    [{ x: { Max: 5 } }, /segment\.x/],
    [{ x: { min: '10' } }, /segment\.x/],
    [{ x: { min: 1, lt: 5 } }, /segment\.x/],
    [{ x: { min: 2, max: 1 } }, /segment\.x/],
    [{ x: {} }, /segment\.x/],
    [{ x: '10' }, /segment\.x/],
    [{ x: Number.NaN }, /segment\.x/],
    [{ x: null }, /segment\.x/],
    [{ x: [] }, /segment\.x/],
    [{ x: nested(30) }, /segment\.x\[0\]/],
    [{ x: Array.from({ length: SEGMENT_LIMITS.values + 1 }, () => 1) }, /segment\.x/],
    [{ vip: 'yes' }, /segment\.vip/],
    [{ region: { min: 1 } }, /segment\.region/],
    [{ region: 'r'.repeat(SEGMENT_LIMITS.text + 1) }, /segment\.region/],
    [{ region: Array.from({ length: 900 }, () => 'r'.repeat(100)) }, /segment is no condition/],
    [{ unit: 7 }, /segment\.unit/],
    [{ Region: 'eu' }, /segment\.Region/],
    [{ toString: 'a' }, /segment\.toString/],
    [JSON.parse('{"__proto__": 1}'), /segment\.__proto__/],
    [[], /segment is no condition/],
    ['x', /segment is no condition/],
    [null, /segment is no condition/],
  ])('that is no condition is refused, naming it: %j', (segment, message) => {
    let error: unknown;
    try {
      checkSegment(segment, fields);
    } catch (thrown) {
      error = thrown;
    }
    expect(isGanglionError(error, 'invalid_input')).toBe(true);
    const { message: said, field, mend, value } = error as Record<string, string>;
    expect(said).toMatch(message);
    expect([field, mend, value].every((each) => each !== undefined && each !== '')).toBe(true);
  });

  test('holds whom it names: by value, by list, by range, by unit', () => {
    const segment = checkSegment(
      { x: { min: 1, max: 2 }, region: ['eu', 'us'], vip: true, unit: 'u', constructor: 'c' },
      fields,
    );
    const context = { x: 1.5, region: 'us', vip: true, constructor: 'c' };
    expect(inSegment(segment, context, 'u')).toBe(true);
    for (const other of [{ x: 3 }, { x: 0 }, { x: '1.5' }, { region: 'asia' }, { vip: false }])
      expect(inSegment(segment, { ...context, ...other }, 'u')).toBe(false);
    expect(inSegment(segment, context, 'v')).toBe(false);
    expect(inSegment(segment, { x: 1.5, region: 'us', vip: true }, 'u')).toBe(false);
    expect(inSegment(checkSegment({}, fields), undefined, '')).toBe(true);
  });

  test.each([
    { x: { lt: 5 } },
    { x: { Max: 5 } },
    { x: { min: '10' } },
    { x: { min: 1, lt: 5 } },
    { x: { max: null } },
    { x: {} },
    { x: { min: { min: 1 } } },
    { x: nested(30) },
  ])('of a shape that is not known, as another version may have said, holds nobody: %j', (segment) => {
    for (const x of [-100, 1, 100, undefined]) expect(inSegment(segment, { x }, 'u')).toBe(false);
  });

  test('is refused, or holds only contexts that have every field it names, of its type', () => {
    const value = fc.oneof(fc.double(), fc.constantFrom('eu', 'us', true, false, 1, 2, 3));
    const condition = fc.oneof(
      value,
      fc.array(value, { maxLength: 3 }),
      fc.record({ min: value, max: value }, { requiredKeys: [] }),
      fc.jsonValue(),
    );
    const name = fc.constantFrom('x', 'region', 'vip', 'unit', 'valueOf');
    let held = 0;
    fc.assert(
      fc.property(
        fc.dictionary(name, condition, { minKeys: 1, maxKeys: 2 }),
        fc.record({ x: value, region: value, vip: value }, { requiredKeys: [] }),
        (segment, context) => {
          let checked: Readonly<Record<string, unknown>>;
          try {
            checked = checkSegment(segment, fields);
          } catch (error) {
            expect(isGanglionError(error, 'invalid_input')).toBe(true);
            return;
          }
          expect(JSON.stringify(checked).length).toBeLessThanOrEqual(SEGMENT_LIMITS.bytes);
          const sent = JSON.parse(JSON.stringify(checked)) as Record<string, unknown>;
          const holds = inSegment(sent, context, 'eu');
          expect(holds).toBe(inSegment(checked, context, 'eu'));
          if (!holds || Object.keys(sent).length === 0) return;
          held++;
          const types = { x: 'number', region: 'string', vip: 'boolean', unit: 'string' } as const;
          for (const each of Object.keys(sent) as (keyof typeof types)[])
            expect(typeof (each === 'unit' ? 'eu' : context[each])).toBe(types[each]);
        },
      ),
      { numRuns: 4000, seed: 20 },
    );
    expect(held).toBeGreaterThan(5);
  });
});
