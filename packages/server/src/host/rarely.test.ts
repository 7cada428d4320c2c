import { expect, it } from 'vitest';
import { rarely } from './rarely.ts';

it('says of each peer the first at once, then one a minute with how many there were', () => {
  let nowMs = 0;
  const said = rarely(60_000, () => nowMs);
  expect([said('a'), said('a'), said('b'), said('a')]).toEqual([1, undefined, 1, undefined]);
  nowMs = 59_999;
  expect(said('a')).toBeUndefined();
  nowMs = 60_000;
  expect([said('a'), said('b'), said('a')]).toEqual([4, 1, undefined]);
});

it('of peers without end says some thousand lines a minute, and those it knew are told apart again later', () => {
  let nowMs = 0;
  const said = rarely(60_000, () => nowMs);
  let lines = 0;
  for (let i = 0; i < 10_000; i++) if (said(`peer-${i}`) !== undefined) lines++;
  expect(lines).toBe(1_001);
  nowMs = 60_000;
  expect([said('new'), said('newer')]).toEqual([1, 1]);
});
