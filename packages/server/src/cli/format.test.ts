import { expect, it } from 'vitest';
import { count, counted, number } from './format.ts';

it('counts are whole numbers, also of evidence that is shared in parts', () => {
  expect([0, 499.375, 1234.5, 2_000_000].map(count)).toEqual(['0', '499', '1 235', '2 000 000']);
});

it('one is one of a kind', () => {
  expect([1, 2, 10_000].map((n) => counted(n, 'decision'))).toEqual([
    '1 decision',
    '2 decisions',
    '10 000 decisions',
  ]);
});

it('a number below zero has a minus sign, and a large one is set as counts are', () => {
  expect([-0.181, -2e-5, 12_345, -12_345].map(number)).toEqual(['−0.181', '−2.00e−5', '12 345', '−12 345']);
});
