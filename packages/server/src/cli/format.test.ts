import { expect, it } from 'vitest';
import { count } from './format.ts';

it('counts are whole numbers, also of evidence that is shared in parts', () => {
  expect([0, 499.375, 1234.5, 2_000_000].map(count)).toEqual(['0', '499', '1 235', '2 000 000']);
});
