import { expect, it } from 'vitest';
import { keyReader } from './keys.ts';

const press = (keys: readonly (readonly [string, number])[]) => {
  const read = keyReader(() =>
    ['g p', 'g n', 't', 'p'].map((name) => ({ keys: name, title: name, run: () => {} })),
  );
  return keys.map(([key, ms]) => read(key, ms)?.keys ?? null);
};

it('two keys in a row are one shortcut, before the second alone', () => {
  expect(
    press([
      ['g', 0],
      ['p', 200],
    ]),
  ).toEqual([null, 'g p']);
  expect(press([['p', 0]])).toEqual(['p']);
});

it('a first key is forgotten after a while, and by a key that does not follow it', () => {
  expect(
    press([
      ['g', 0],
      ['p', 5000],
    ]),
  ).toEqual([null, 'p']);
  expect(
    press([
      ['g', 0],
      ['t', 100],
      ['p', 200],
    ]),
  ).toEqual([null, 't', 'p']);
});
