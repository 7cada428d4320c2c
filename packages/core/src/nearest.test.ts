import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

test.each([
  ['chekout', ['search', 'checkout'], 'checkout'],
  ['serach', ['search', 'checkout'], 'search'],
  ['SEARCH', ['search'], 'search'],
  ['spma', ['spam'], 'spam'],
  ['payments', ['search', 'checkout'], undefined],
  ['x', [], undefined],
  ['x', ['a', 'by'], undefined],
  ['halflife', ['halfLife'], 'halfLife'],
  ['checkout-backnd-eu', ['checkout-backend-us', 'checkout-backend-eu'], 'checkout-backend-eu'],
])('%s among %j is %s', (name, known, meant) => {
  expect(nearest(name, known)).toBe(meant);
});
