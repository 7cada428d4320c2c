import type { Decision } from '@ganglion/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decisionWriter } from './decision-json.ts';

const text = fc.string({ unit: 'binary', maxLength: 12 });
const number = fc.oneof(
  fc.double({ noDefaultInfinity: true, noNaN: true }),
  fc.integer(),
  fc.constant(0),
  fc.constant(1e21),
);
const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(of, { nil: null });

const decision: fc.Arbitrary<Decision> = fc.record({
  id: text,
  point: fc.constantFrom('checkout', 'bitrate', 'öffnen"'),
  stratum: fc.constantFrom('', 'holdout', 'rollout:out'),
  proposed: maybe(fc.constantFrom('a', 'b', 'ü')),
  arm: maybe(fc.constantFrom('a', 'b', '"')),
  propensity: maybe(number),
  confidence: maybe(number),
  reason: fc.constantFrom('policy', 'killed', 'baseline') as fc.Arbitrary<Decision['reason']>,
  tier: fc.constantFrom('device', 'cloud') as fc.Arbitrary<Decision['tier']>,
  versions: fc.record({ spec: fc.nat(), view: fc.nat(3) }, { noNullPrototype: true }),
  trail: fc.array(
    fc.record(
      {
        guard: text,
        kind: fc.constantFrom('soften', 'block') as fc.Arbitrary<'soften' | 'block'>,
        why: text,
      },
      { noNullPrototype: true },
    ),
    { maxLength: 3 },
  ),
  atMs: fc.constantFrom(0, 1_790_000_000_000, 1_790_000_000_001),
});

describe('a written decision', () => {
  it('is, character for character, what JSON.stringify gives', () => {
    const writer = decisionWriter();
    fc.assert(
      fc.property(decision, (d) => {
        expect(writer.one(d)).toBe(JSON.stringify(d));
      }),
    );
  });

  it('is so within a list of any length, in UTF-8', () => {
    const writer = decisionWriter();
    fc.assert(
      fc.property(fc.array(decision, { maxLength: 100 }), (list) => {
        expect(writer.many(list.length, (i) => list[i]).toString('utf8')).toBe(JSON.stringify(list));
      }),
    );
  });

  it('is so when a list outgrows the space reserved for it', () => {
    const long = { ...fc.sample(decision, 1)[0], id: 'ü'.repeat(5_000) };
    const list = Array.from({ length: 70 }, () => long);
    expect(
      decisionWriter()
        .many(70, (i) => list[i])
        .toString('utf8'),
    ).toBe(JSON.stringify(list));
  });

  it('is so where lists that were sent are written over, and those that were not stay as they are', () => {
    const writer = decisionWriter();
    const write = (list: readonly Decision[]) => writer.many(list.length, (i) => list[i]);
    const step = fc.record({
      list: fc.array(decision, { maxLength: 20 }),
      sent: fc.boolean(),
      twice: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        const unsent: { bytes: Buffer; text: string }[] = [];
        for (const { list, sent, twice } of steps) {
          const bytes = write(list);
          const text = JSON.stringify(list);
          expect(bytes.toString('utf8')).toBe(text);
          if (!sent) unsent.push({ bytes, text });
          else for (let times = twice ? 2 : 1; times > 0; times--) writer.reuse(bytes);
        }
        for (const { bytes, text } of unsent) expect(bytes.toString('utf8')).toBe(text);
      }),
    );
    // What is written next must be no longer than what is written over, or it has no room there.
    const list = fc.sample(decision, 3);
    const sent = write(list);
    writer.reuse(sent);
    expect(write(list.slice(0, 2)).buffer).toBe(sent.buffer);
  });

  it('is so after more points and arms than are kept', () => {
    const writer = decisionWriter();
    const base = fc.sample(decision, 1)[0];
    for (let i = 0; i < 9_000; i++) {
      const d = { ...base, point: `p${i % 7}`, arm: `arm-${i}`, proposed: `arm-${i % 3}` };
      if (writer.one(d) !== JSON.stringify(d)) expect(writer.one(d)).toBe(JSON.stringify(d));
    }
  });

  it('shows what is not a number as unknown', () => {
    const d = { ...fc.sample(decision, 1)[0], propensity: Number.NaN, confidence: Number.POSITIVE_INFINITY };
    expect(JSON.parse(decisionWriter().one(d))).toMatchObject({ propensity: null, confidence: null });
  });
});
