import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseRoute, placeOf, routeHash, withQuery } from './route.ts';

it('every view has an address, and every address a view', () => {
  expect(parseRoute('')).toMatchObject({ view: 'overview' });
  expect(parseRoute('#/points')).toMatchObject({ view: 'points' });
  expect(parseRoute('#/points/checkout?id=x&arm=b')).toEqual({
    view: 'point',
    name: 'checkout',
    part: '',
    query: { id: 'x', arm: 'b' },
  });
  expect(parseRoute('#/experiments/checkout/longer?metric=success')).toEqual({
    view: 'experiment',
    name: 'checkout',
    part: 'longer',
    query: { metric: 'success' },
  });
  expect(parseRoute('#/nowhere')).toMatchObject({ view: 'missing' });
  expect(parseRoute('#/points/%E0%A4%A')).toMatchObject({ view: 'point' });
});

it('an address leads back to where it was made', () => {
  const words = fc.string({ minLength: 1 });
  fc.assert(
    fc.property(words, words, (name, value) => {
      fc.pre(!['.', '..'].includes(name));
      expect(parseRoute(routeHash('point', name, { id: value, arm: '' }))).toEqual({
        view: 'point',
        name,
        part: '',
        query: { id: value },
      });
      const there = routeHash('experiment', name, {}, value);
      expect(parseRoute(there)).toMatchObject({ view: 'experiment', name, part: value });
    }),
  );
});

it('one condition changes without the others', () => {
  const route = parseRoute('#/decisions?arm=b&id=1');
  expect(withQuery(route, { id: '' })).toBe('#/decisions?arm=b');
  expect(withQuery(parseRoute('#/experiments/a/b?x=1'), { x: '2' })).toBe('#/experiments/a/b?x=2');
  expect(withQuery(route, { reason: 'killed' })).toBe('#/decisions?arm=b&id=1&reason=killed');
});

it('another filter is the same place, another point is not', () => {
  const place = (hash: string) => placeOf(parseRoute(hash));
  expect(place('#/points/a?id=1')).toBe(place('#/points/a?arm=b'));
  expect(place('#/points/a')).not.toBe(place('#/points/b'));
  expect(place('#/points/a')).not.toBe(place('#/points'));
  expect(place('#/experiments/a/b')).not.toBe(place('#/experiments/a/c'));
});
