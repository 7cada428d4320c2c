import { expect, it } from 'vitest';
import { count, counted, estimate, number, whyUnread } from './format.ts';

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

it('an end of an interval that is nothing beside its width is 0', () => {
  expect(estimate({ mean: -0.00296, low: -0.0624, high: -2.35e-11, n: 154 })).toBe('−0.00296 [−0.0624, 0]');
  expect(estimate({ mean: 2e-8, low: 1e-8, high: 3e-8, n: 9 })).toBe('2.00e−8 [1.00e−8, 3.00e−8]');
});

it('a file that cannot be read says why, where that is known', () => {
  expect(whyUnread(Object.assign(new Error(''), { code: 'EISDIR' }))).toBe(': it is a folder');
  expect(whyUnread(Object.assign(new Error(''), { code: 'EIO' }))).toBe('');
});
