import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonSize } from './json-bytes.ts';

const inUtf8 = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).length;

test('a value is never longer as JSON than it is reckoned, and text not much shorter', () => {
  const anyText = fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units));
  fc.assert(
    fc.property(fc.jsonValue(), anyText, (value, said) => {
      const both = { value, [said]: said };
      expect(jsonSize(both)).toBeGreaterThanOrEqual(inUtf8(both));
    }),
  );
  const text = 'a "quoted" word, ümläuts and 漢字';
  expect(jsonSize(text)).toBe(inUtf8(text));
});

test('counting ends once there is too much', () => {
  let read = 0;
  const long = Array.from({ length: 1000 }, () => ({
    get text() {
      read++;
      return 'x'.repeat(100);
    },
  }));
  expect(jsonSize(long, 500)).toBeGreaterThan(500);
  expect(read).toBeLessThan(10);
});
