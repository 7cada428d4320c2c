import { expect, it } from 'vitest';
import { seen } from '../testing.ts';
import { filterChoices, filterDecisions, isFiltering, NO_FILTER } from './stream.ts';

const ALL = [
  seen({ id: '1', arm: 'a' }),
  seen({ id: '2', arm: 'b', reason: 'killed', proposed: null }, 'device-2'),
  seen({ id: '3', arm: null, reason: 'blocked', point: 'search' }),
];
const ids = (filter: Partial<typeof NO_FILTER>, limit = 10) =>
  filterDecisions(ALL, { ...NO_FILTER, ...filter }, limit).map((one) => one.decision.id);

it('the stream is narrowed by point, arm, reason, node and text, all at once', () => {
  expect(ids({})).toEqual(['1', '2', '3']);
  expect(ids({ arm: 'b' })).toEqual(['2']);
  expect(ids({ reason: 'blocked' })).toEqual(['3']);
  expect(ids({ node: 'device-2' })).toEqual(['2']);
  expect(ids({ point: 'checkout', arm: 'a' })).toEqual(['1']);
  expect(ids({ point: 'search', arm: 'a' })).toEqual([]);
  expect(ids({ text: ' KILL ' })).toEqual(['2']);
  expect(ids({}, 2)).toEqual(['1', '2']);
});

it('the filter offers what has been seen', () => {
  expect(filterChoices(ALL)).toEqual({ arms: ['a', 'b'], reasons: ['blocked', 'killed', 'policy'] });
  expect([isFiltering(NO_FILTER), isFiltering({ ...NO_FILTER, arm: 'a' })]).toEqual([false, true]);
});
