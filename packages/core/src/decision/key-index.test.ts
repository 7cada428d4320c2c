import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addKey, findKey, keyIndex, removeKey } from './key-index.ts';

test('an index finds what a Map finds, through growth, removal and keys whose places collide', () => {
  // Few keys, so that runs of taken places form and break up again.
  const key = fc.oneof(
    fc.nat(40).map((n) => `k${n}`),
    fc.string({ maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), key), { maxLength: 300 }), (steps) => {
      const index = keyIndex();
      const map = new Map<string, number>();
      const free: number[] = [];
      for (const [adds, text] of steps) {
        const row = map.get(text);
        if (adds && row === undefined) {
          const at = free.pop() ?? map.size;
          addKey(index, text, at);
          map.set(text, at);
        } else if (!adds && row !== undefined) {
          removeKey(index, row);
          map.delete(text);
          free.push(row);
        }
        expect(index.size).toBe(map.size);
      }
      for (const [, text] of steps) expect(findKey(index, text)).toBe(map.get(text) ?? -1);
      expect(findKey(index, 'never there')).toBe(-1);
    }),
    { numRuns: 300 },
  );
});
