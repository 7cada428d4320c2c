import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecisionRecord } from '../decision/decision-record.ts';
import { declareFeatures, entityStore, foldEvent } from '../decision/entities.ts';
import { decodeEntity, encodeEntity } from '../decision/entity-codec.ts';
import { chunksOfEvents, decodeEvents, encodeEvents } from '../decision/event-journal.ts';
import { compileFeatures } from '../decision/features.ts';
import { chunkPrefix, decodeDecisions, encodeDecisions } from '../decision/journal.ts';
import { decodeOutcomes, encodeOutcomes } from '../decision/outcome-journal.ts';
import { GanglionError } from '../errors.ts';
import { standard } from '../presets/standard.ts';
import { bytesJson, jsonBytes } from './json-bytes.ts';
import { decodeSlot, encodeSlot } from './slot-codec.ts';

const source = {
  idPrefix: 'phone~i~0~',
  shownTrails: new Map(),
  point: 'p',
  armIds: ['a', 'b'],
  armKeys: ['a#0', 'b#0'],
  tier: 'device' as const,
  specVersion: 1,
};
const trail = [{ guard: 'holdout/1', kind: 'pass' as const, why: '' }];
const made = (n: number): DecisionRecord =>
  new DecisionRecord(
    source,
    n,
    'holdout',
    0,
    1,
    0.5,
    0.9,
    'policy',
    3,
    trail,
    1000 + n,
    5 + n,
    1000 + n,
    `unit-${n}`,
    n * 77,
    [0.5, 2],
    true,
  );
const slot = {
  version: 7,
  route: 'phone~i',
  onlyVia: 'region~j',
  sentTo: '*',
  counted: true,
  out: false,
  heaviest: 1,
  changedMs: 12,
  heardMs: 11,
};

const event = {
  domain: 'shop',
  type: 'view',
  entities: ['user:ann', 'item:x'],
  source: '',
  id: 'e1',
  atMs: 1000,
  knownMs: 1200,
  data: { item: 'x', amount: 1.5, gift: false },
};
const entities = () => {
  const define = {
    n: { count: 'view' },
    recent: { window: 'view', for: '1h' },
    items: { distinct: 'item', of: 'view' },
    item: { latest: 'item', of: 'view' },
  };
  const store = entityStore('shop', 'user');
  declareFeatures(store, compileFeatures({ features: { user: { define } } }, standard));
  return store;
};
const ann = (): Uint8Array => {
  const store = entities();
  foldEvent(store, 'ann', event, 1200);
  return encodeEntity(store, 0);
};

/** Each decoder, and something that it can read. `size`: how much it made of it. */
const decoders: readonly {
  readonly name: string;
  readonly sound: Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
}[] = [
  {
    name: 'a slot',
    sound: encodeSlot(slot as never, 7, new Uint8Array([1, 2, 3])),
    decode: (bytes) => decodeSlot(bytes, 1 << 20),
  },
  {
    name: 'decisions',
    sound: encodeDecisions(source.idPrefix, [made(0), made(1), made(2)]),
    decode: (bytes) => decodeDecisions(bytes, source, 0),
  },
  {
    name: 'the source of decisions',
    sound: encodeDecisions(source.idPrefix, [made(0)]),
    decode: chunkPrefix,
  },
  {
    name: 'outcomes',
    sound: encodeOutcomes([
      { prefix: source.idPrefix, n: 1, kind: 'feedback', revision: 0, metrics: { reward: 1 }, truth: 'cat' },
      { prefix: source.idPrefix, n: 2, kind: 'exposed', revision: 0, metrics: {}, truth: undefined },
    ]),
    decode: decodeOutcomes,
  },
  { name: 'events', sound: encodeEvents([event, { ...event, id: 'e2' }]), decode: decodeEvents },
  { name: 'an entity', sound: ann(), decode: (bytes) => decodeEntity(entities(), 'ann', bytes) },
  { name: 'JSON', sound: jsonBytes({ a: [1, 'x'] }), decode: (bytes) => bytesJson(bytes, 1 << 20) },
];

/** What was made of it, in items: strings, numbers and objects. */
function size(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof DecisionRecord) return 1 + value.encodedContext.length;
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, each) => sum + size(each), 1);
}

/** Reads it, or says that it can't: nothing else may happen, and nothing larger than a few items a byte come of it. */
function reads(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): void {
  try {
    expect(size(decode(bytes))).toBeLessThanOrEqual(16 + 16 * bytes.length);
  } catch (error) {
    if (!(error instanceof GanglionError)) throw error;
    expect(error.code).toBe('undecodable');
  }
}

describe.each(decoders)('what reads $name from the disk', ({ sound, decode }) => {
  test('reads what was written', () => expect(() => decode(sound)).not.toThrow());

  test('meets any bytes with an error of ours, and takes no more than they are worth', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => reads(decode, bytes)),
      { numRuns: 500 },
    );
  });

  test('meets what was cut off, or changed here and there, in the same way', () => {
    const damage = fc.record({
      end: fc.nat(sound.length),
      changes: fc.array(fc.tuple(fc.nat(Math.max(0, sound.length - 1)), fc.nat(255)), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(damage, ({ end, changes }) => {
        const bytes = sound.slice();
        for (const [at, value] of changes) bytes[at] = value;
        reads(decode, bytes.subarray(0, end));
      }),
      { numRuns: 2000 },
    );
  });
});

test('events of any number and size are written in chunks that are read again, in order', () => {
  const text = '語'.repeat(256);
  const data = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`p${i}`, text + i]));
  const many = Array.from({ length: 4000 }, (_, i) => ({
    ...event,
    id: `e${i}`,
    data: { ...data, p0: `${i}${text}` },
  }));
  const chunks = chunksOfEvents(many);
  expect(chunks.length).toBeGreaterThan(1);
  expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThan(64 << 20);
  expect(chunks.flatMap((chunk) => decodeEvents(chunk).map(({ id }) => id))).toEqual(
    many.map(({ id }) => id),
  );
  expect(chunksOfEvents([])).toEqual([]);
});
