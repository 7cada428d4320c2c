import { describe, expect, it } from 'vitest';
import type { Verdict } from '../guard.ts';
import { DecisionRecord, type RecordSource } from './decision-record.ts';
import type { PointState } from './point-state.ts';
import { note, trailOf } from './trail.ts';

/** As much of a point's state as a trail is made from. */
function pointWith(strata: number): PointState {
  const seats = new Map(Array.from({ length: strata }, (_, i) => [`experiment:x:${i}`, []]));
  const scratch = { trail: [], trailLength: 0, trails: new Map() };
  return { scratch, compiled: { seats } } as unknown as PointState;
}

const word = (why: string): Verdict => Object.freeze({ guard: 'breaker', kind: 'restrict', why });

/** A record of which nothing matters but what was said. */
const recordOf = (source: RecordSource, verdicts: readonly Verdict[]): DecisionRecord =>
  new DecisionRecord(source, 0, '', 0, 0, 1, 1, 'policy', 0, verdicts, 0, 0, 0, '', 0, undefined, true);

function said(state: PointState, ...words: Verdict[]): readonly Verdict[] {
  state.scratch.trailLength = 0;
  for (const each of words) note(state, each);
  return trailOf(state);
}

describe('a trail', () => {
  it('is the one made before where the same was said, whatever was said in between', () => {
    const state = pointWith(0);
    const [a, b, c] = ['a', 'b', 'c'].map(word);
    const first = said(state, a, c);
    said(state, b, c);
    expect(said(state, a, c)).toBe(first);
    expect(said(state, a, b)).toEqual([a, b]);
    expect(said(state, a)).toEqual([a]);
    expect(said(state)).toEqual([]);
  });

  it('keeps one for every stratum that is compared', () => {
    const state = pointWith(2000);
    const words = Array.from({ length: 2000 }, (_, i) => word(`variant ${i}`));
    const made = words.map((each) => said(state, each));
    expect(words.map((each) => said(state, each)).every((trail, i) => trail === made[i])).toBe(true);
  });

  it('is shown from one copy, whatever was shown in between, and in bounded room', () => {
    const source = { shownTrails: new Map() } as unknown as RecordSource;
    const shown = (...verdicts: Verdict[]) => recordOf(source, Object.freeze(verdicts));
    const [first, second] = [shown(word('a'), word('b')), shown(word('c'))];
    const once = first.trail;
    expect(once).toEqual([word('a'), word('b')]);
    expect(second.trail).toEqual([word('c')]);
    expect(first.trail).toBe(once);
    for (let i = 0; i < 10_000; i++) expect(shown(word(`${i}`)).trail).toHaveLength(1);
    expect(source.shownTrails.size).toBeLessThan(100);
  });

  it('words that change for ever take bounded room', () => {
    const state = pointWith(2);
    for (let i = 0; i < 10_000; i++) said(state, word(`failure rate ${i}`));
    expect(state.scratch.trails.size).toBeLessThan(100);
  });
});
