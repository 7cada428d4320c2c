import { describe, expect, test } from 'vitest';
import { DecisionRecord } from './decision-record.ts';
import { chunkPrefix, decodeDecisions, encodeDecisions } from './journal.ts';

const source = {
  idPrefix: 'n~i~0~',
  shownTrails: new Map(),
  point: 'p',
  armIds: ['a', 'b'],
  armKeys: ['a#0', 'b#0'],
  tier: 'cloud',
  specVersion: 1,
} as const;

function record(noted: readonly number[] | undefined): DecisionRecord {
  const trail = [{ guard: 'holdout', kind: 'assign', why: 'held out' }] as const;
  const made = new DecisionRecord(
    source,
    7,
    'holdout',
    0,
    1,
    0.25,
    0.5,
    'policy',
    3,
    trail,
    5000,
    1000,
    5000,
    'u',
    42,
    [1, Number.NaN],
    true,
  );
  made.noted = noted;
  return made;
}
const again = (chunk: Uint8Array) => decodeDecisions(chunk, source, -4000)[0];

describe('a decision read back from disk', () => {
  test('is the one that was written, with what its policy noted', () => {
    const back = again(encodeDecisions('n~i~0~', [record([0.5, -1, 1])]));
    expect(back.toJSON()).toEqual(record(undefined).toJSON());
    expect(back).toMatchObject({ monoMs: 1000, encodedContext: [1, Number.NaN], noted: [0.5, -1, 1] });
  });

  test('loses a note that could not be read again, and nothing else', () => {
    for (const bad of [[Number.NaN], new Array(65).fill(0)])
      expect(again(encodeDecisions('n~i~0~', [record(bad)]))).toMatchObject({ n: 7, noted: undefined });
  });

  test('keeps when the features it showed became known, and of whom', () => {
    const made = record(undefined);
    made.shown = [4000, 4500, Number.NaN, Number.NaN, -1, -1, 0, 0];
    made.about = ['', 'kettle'];
    expect(again(encodeDecisions('n~i~0~', [made]))).toMatchObject({ shown: made.shown, about: made.about });
  });

  test('may be of the formats before: without features, without notes', () => {
    const now = encodeDecisions('n~i~0~', [record(undefined)]);
    // The same but for its number and the counts at the end.
    for (const [format, less] of [
      [2, 2],
      [1, 3],
    ]) {
      const before = now.slice(0, -less);
      before[0] = format;
      expect(chunkPrefix(before)).toBe('n~i~0~');
      expect(again(before).toJSON()).toEqual(record(undefined).toJSON());
      before[0] = 4;
      expect(() => again(before)).toThrow(expect.objectContaining({ code: 'undecodable' }));
    }
  });
});
