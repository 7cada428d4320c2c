import { ByteReader, ByteWriter } from '../bytes.ts';
import type { EventValue } from '../feature.ts';

/** An event as a node took it: what happened, when it is taken to have happened, and when the node heard of it. */
export interface StoredEvent {
  readonly domain: string;
  readonly type: string;
  /** `KIND:KEY` of every entity that it is about. */
  readonly entities: readonly string[];
  readonly source: string;
  readonly id: string;
  /** Ms since the epoch; never after `knownMs`. */
  readonly atMs: number;
  /** The node's wall clock when it took the event: from then on a value may rest on it. */
  readonly knownMs: number;
  readonly data: Readonly<Record<string, EventValue>>;
}

const FORMAT = 1;
const MAX_CHUNK = 64 << 20;
const COUNT_MAX = 1 << 20;
const NUMBER = 0;
const TEXT = 1;
const FALSE = 2;
const TRUE = 3;

/** Characters that count as one event. */
const COUNTED_AS_ONE = 256;

/** What an event takes of the room for events that wait: 1, and 1 more for every 256 characters. */
export function roomOf({ id, source, entities, data }: StoredEvent): number {
  let length = id.length + source.length;
  for (const entity of entities) length += entity.length;
  for (const name of Object.keys(data)) {
    const value = data[name];
    length += name.length + (typeof value === 'string' ? value.length : 8);
  }
  return 1 + Math.floor(length / COUNTED_AS_ONE);
}

/** Room of one chunk: what it takes at three bytes a character is below the largest that is read. */
const CHUNK_ROOM = 50_000;

/** In chunks that can be read again, whatever the events are like. */
export function chunksOfEvents(events: readonly StoredEvent[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let from = 0;
  let room = 0;
  events.forEach((event, i) => {
    room += roomOf(event);
    if (room < CHUNK_ROOM && i < events.length - 1) return;
    chunks.push(encodeEvents(events.slice(from, i + 1)));
    from = i + 1;
    room = 0;
  });
  return chunks;
}

/** Names, sources and texts are written once. */
export function encodeEvents(events: readonly StoredEvent[]): Uint8Array {
  const words = new Map<string, number>();
  const word = (text: string): number => {
    let code = words.get(text);
    if (code === undefined) words.set(text, (code = words.size));
    return code;
  };
  const body = new ByteWriter(events.length * 64 + 16).varint(events.length);
  for (const { domain, type, entities, source, id, atMs, knownMs, data } of events) {
    body.varint(word(domain)).varint(word(type)).varint(word(source)).text(id).float64(atMs).float64(knownMs);
    body.varint(entities.length);
    for (const entity of entities) body.varint(word(entity));
    const names = Object.keys(data);
    body.varint(names.length);
    for (const name of names) {
      const value = data[name];
      body.varint(word(name));
      if (typeof value === 'number') body.byte(NUMBER).float64(value);
      else if (typeof value === 'string') body.byte(TEXT).varint(word(value));
      else body.byte(value ? TRUE : FALSE);
    }
  }
  const out = new ByteWriter(body.length + words.size * 24).byte(FORMAT).varint(words.size);
  for (const text of words.keys()) out.text(text);
  return out.bytes(body.finish()).finish();
}

/** @throws GanglionError `undecodable` */
export function decodeEvents(chunk: Uint8Array): StoredEvent[] {
  const head = new ByteReader(chunk, MAX_CHUNK);
  if (head.byte() !== FORMAT) head.fail('not an event chunk of this version');
  const words: string[] = [];
  for (let i = head.count(1 << 24); i > 0; i--) words.push(head.text(4096));
  const input = new ByteReader(head.bytes(MAX_CHUNK), MAX_CHUNK);
  head.end();
  const word = (): string => words[input.varint(words.length - 1)];
  const events: StoredEvent[] = [];
  for (let i = input.count(COUNT_MAX); i > 0; i--) {
    const [domain, type, source] = [word(), word(), word()];
    const id = input.text(4096);
    const atMs = input.finite();
    const knownMs = input.finite();
    const entities: string[] = [];
    for (let k = input.count(64); k > 0; k--) entities.push(word());
    const data: Record<string, EventValue> = Object.create(null);
    for (let k = input.count(256); k > 0; k--) {
      const name = word();
      const kind = input.byte();
      if (kind > TRUE) input.fail('an unknown kind of value');
      data[name] = kind === NUMBER ? input.finite() : kind === TEXT ? word() : kind === TRUE;
    }
    events.push({ domain, type, entities, source, id, atMs, knownMs, data });
  }
  input.end();
  return events;
}
