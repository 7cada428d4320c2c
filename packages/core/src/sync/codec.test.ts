import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../bytes.ts';
import { isGanglionError } from '../errors.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { decodeMessage, encodeMessage } from './codec.ts';
import type { DownMessage, UpMessage } from './messages.ts';

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,12}$/);
const incarnation = fc.stringMatching(/^[a-z0-9]{1,14}$/);
const count = fc.nat();
const bytes = fc.uint8Array({ maxLength: 80 });
const share = fc.double({ min: 0, max: 1, noNaN: true }).map((x) => x + 0);
const words = fc.array(fc.string({ maxLength: 20 }), { maxLength: 4 });
const feedback = fc.array(
  fc.record({ seq: count, item: fc.record({ id: fc.string({ maxLength: 30 }), reward: share }) }),
  { maxLength: 3 },
);

const up: fc.Arbitrary<UpMessage> = fc.record({
  v: fc.constant(1),
  node: name,
  incarnation,
  tier: fc.constant('device'),
  parentIncarnation: fc.oneof(fc.constant(''), incarnation),
  connection: count,
  session: count,
  seq: count,
  heardDown: count,
  content: fc.boolean(),
  complete: fc.boolean(),
  slots: fc.array(
    fc.record({
      key: fc.string({ maxLength: 40 }),
      origin: fc.string({ maxLength: 40 }),
      version: count,
      onlyVia: fc.string({ maxLength: 9 }),
      bytes,
    }),
    { maxLength: 4 },
  ),
  learners: fc.array(fc.tuple(fc.string({ maxLength: 20 }), fc.integer({ min: -1 })), { maxLength: 4 }),
  digest: fc.string({ maxLength: 30 }),
  joined: fc.string({ maxLength: 30 }),
  controls: fc.constant(null),
  applied: fc.array(fc.record({ node: name, tags: words }), { maxLength: 3 }),
  feedback,
  feedbackAcks: fc.array(count, { maxLength: 4 }),
  telemetry: fc.constant([]),
  share,
  asks: fc.array(
    fc.record({
      id: count,
      point: name,
      context: fc.dictionary(name, share),
      unit: fc.string(),
      allowed: words,
      budgetMs: share,
    }),
    { maxLength: 2 },
  ),
});

const down: fc.Arbitrary<DownMessage> = fc.record({
  v: fc.constant(1),
  node: name,
  incarnation,
  session: count,
  seq: count,
  ack: count,
  heard: count,
  path: fc.array(name, { maxLength: 4 }),
  leaseAgeMs: fc.oneof(fc.constant(null), share),
  treeMs: share,
  digest: fc.string({ maxLength: 30 }),
  controls: fc.constant(null),
  share,
  bases: fc.array(
    fc.record(
      {
        key: fc.string({ maxLength: 20 }),
        revision: count,
        asOf: count,
        bytes,
        foreign: words,
        newer: words,
      },
      { requiredKeys: ['key', 'revision', 'asOf', 'bytes', 'foreign'] },
    ),
    { maxLength: 3 },
  ),
  feedback,
  answers: fc.constant([]),
});

const read = (wire: Uint8Array): unknown => {
  try {
    return decodeMessage(wire, DEFAULT_LIMITS).message;
  } catch (error) {
    if (!isGanglionError(error, 'undecodable')) throw error;
    return 'refused';
  }
};

const wire = (json: string, kind = 1): Uint8Array => new ByteWriter().byte(kind).text(json).finish();

describe('link messages', () => {
  test('are read as they were written', () => {
    fc.assert(
      fc.property(fc.oneof(up, down), (message) => {
        // What JSON itself cannot hold (a minus before zero, a prototype) is not part of any message.
        expect(JSON.parse(JSON.stringify(read(encodeMessage(message))))).toEqual(
          JSON.parse(JSON.stringify(message)),
        );
      }),
    );
  });

  test('keep every byte of evidence', () => {
    fc.assert(
      fc.property(up, (message) => {
        const back = decodeMessage(encodeMessage(message), DEFAULT_LIMITS).message as UpMessage;
        expect(back.slots.map((slot) => [...slot.bytes])).toEqual(
          message.slots.map((slot) => [...slot.bytes]),
        );
      }),
    );
  });

  test('made of any bytes are refused as undecodable, never otherwise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => void read(noise)),
      { numRuns: 1000 },
    );
  });

  test('with one byte changed are refused or read, never otherwise', () => {
    fc.assert(
      fc.property(fc.oneof(up, down), fc.nat(), fc.nat({ max: 255 }), (message, at, value) => {
        const damaged = encodeMessage(message).slice();
        damaged[at % damaged.length] = value;
        read(damaged);
      }),
      { numRuns: 1000 },
    );
  });

  test('with any field replaced by any JSON are refused or read, never otherwise', () => {
    fc.assert(
      fc.property(up, fc.jsonValue({ maxDepth: 3 }), fc.nat(), (message, value, at) => {
        const keys = Object.keys(message);
        const json = JSON.parse(JSON.stringify({ ...message, slots: [] }));
        json[keys[at % keys.length]] = value;
        read(wire(JSON.stringify(json)));
      }),
      { numRuns: 1000 },
    );
  });

  test('too deep, too long, of another version or with a key that reaches a prototype are refused', () => {
    const [message] = fc.sample(up, { numRuns: 1, seed: 1 });
    const json = JSON.parse(JSON.stringify({ ...message, slots: [], asks: [] }));
    expect(read(wire(JSON.stringify(json)))).not.toBe('refused');
    expect(read(wire(JSON.stringify({ ...json, v: 2 })))).toBe('refused');
    expect(read(wire('['.repeat(1_000_000)))).toBe('refused');
    const poisoned = JSON.stringify(json).replace('{', '{"__proto__":{"polluted":1},');
    expect(read(wire(poisoned))).toBe('refused');
    expect(read(wire(poisoned.replace('__proto__', '\\u005f_proto__')))).toBe('refused');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(() =>
      decodeMessage(wire(JSON.stringify(json)), { ...DEFAULT_LIMITS, messageBytes: 50 }),
    ).toThrow();
    expect(read(wire(JSON.stringify({ ...json, share: 1.5 })))).toBe('refused');
    expect(read(wire(JSON.stringify({ ...json, seq: -1 })))).toBe('refused');
  });
});
