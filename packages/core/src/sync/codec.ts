import { ByteReader, ByteWriter } from '../bytes.ts';
import { TAG_LENGTH } from '../controls/control-codec.ts';
import { GanglionError } from '../errors.ts';
import { type Limits, NAME_PATTERN } from '../limits.ts';
import { type DownMessage, PROTOCOL, type UpMessage } from './messages.ts';

/** What came over a link. */
export type LinkMessage =
  | { readonly kind: 'up'; readonly message: UpMessage }
  | { readonly kind: 'down'; readonly message: DownMessage };

/**
 * A link message as bytes: one byte for its kind, then UTF-8 JSON with evidence in base64. Readable on the wire, and
 * what a child of a newer minor version adds is ignored.
 */
export function encodeMessage(message: UpMessage | DownMessage): Uint8Array {
  const kind = 'content' in message ? UP : DOWN;
  const text = JSON.stringify(message, (_key, value: unknown) =>
    value instanceof Uint8Array ? toBase64(value) : value,
  );
  return new ByteWriter(text.length + 16).byte(kind).text(text).finish();
}

const UP = 1;
const DOWN = 2;
/** Deeper JSON than any message holds is refused before it is read. */
const DEPTH = 32;

/**
 * From untrusted bytes: at most `limits.messageBytes`, every field checked, unknown fields left out at the top, no key
 * that could reach a prototype. What it costs is linear in the length.
 * @throws GanglionError `undecodable`, naming the field
 */
export function decodeMessage(bytes: Uint8Array, limits: Limits): LinkMessage {
  const reader = new ByteReader(bytes, limits.messageBytes);
  const kind = reader.byte();
  if (kind !== UP && kind !== DOWN) reader.fail('not a link message');
  const text = reader.text(limits.messageBytes);
  reader.end();
  const json = parse(text);
  return kind === UP
    ? { kind: 'up', message: upMessage(json, limits) }
    : { kind: 'down', message: downMessage(json, limits) };
}

function refuse(field: string, value: unknown): never {
  throw new GanglionError('undecodable', `${field} is malformed`, { field, value });
}

function parse(text: string): Json {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inText) {
      if (c === 92) i++;
      else if (c === 34) inText = false;
    } else if (c === 34) inText = true;
    else if (c === 91 || c === 123) {
      if (++depth > DEPTH) refuse('message', 'nested too deeply');
    } else if (c === 93 || c === 125) depth--;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new GanglionError('undecodable', 'not JSON', { field: 'message', cause });
  }
  // Only where the word occurs at all can a key be hidden, also behind escapes.
  if (text.includes('__proto__') || text.includes('\\u')) checkKeys(value);
  return object(value, 'message');
}

function checkKeys(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value)) {
    if (key === '__proto__') refuse('message', key);
    checkKeys((value as Json)[key]);
  }
}

type Json = Readonly<Record<string, unknown>>;

function upMessage(json: Json, limits: Limits): UpMessage {
  const v = whole(json, 'v');
  if (v !== PROTOCOL) refuse('v', v);
  return {
    v,
    node: name(json, 'node'),
    incarnation: incarnation(json, 'incarnation'),
    tier: text(json, 'tier', 16),
    parentIncarnation: json.parentIncarnation === '' ? '' : incarnation(json, 'parentIncarnation'),
    connection: whole(json, 'connection'),
    session: whole(json, 'session'),
    seq: whole(json, 'seq'),
    heardDown: whole(json, 'heardDown'),
    content: flag(json, 'content'),
    complete: flag(json, 'complete'),
    slots: list(json, 'slots', limits.origins).map((item, i) => {
      const slot = object(item, `slots[${i}]`);
      return {
        key: text(slot, 'key', 512),
        origin: text(slot, 'origin', 200),
        version: whole(slot, 'version'),
        onlyVia: text(slot, 'onlyVia', 200),
        bytes: base64(slot, 'bytes', limits.evidenceBytes),
        ...(slot.out === undefined ? {} : { out: flag(slot, 'out') }),
        ...(slot.heaviest === undefined ? {} : { heaviest: whole(slot, 'heaviest') }),
      };
    }),
    learners: list(json, 'learners', limits.points * 4).map((item, i) => {
      if (!Array.isArray(item) || item.length !== 2 || !short(item[0], 512) || !Number.isSafeInteger(item[1]))
        refuse(`learners[${i}]`, item);
      return [item[0] as string, item[1] as number] as const;
    }),
    digest: text(json, 'digest', 64),
    joined: text(json, 'joined', 64),
    controls: controls(json),
    ...(json.words === undefined ? {} : { words: words(json) }),
    applied: list(json, 'applied', limits.origins).map((item, i) => {
      const applied = object(item, `applied[${i}]`);
      return { node: name(applied, 'node'), tags: texts(applied, 'tags', 100_000, TAG_LENGTH) };
    }),
    ...(json.unbounded === undefined ? {} : { unbounded: unbounded(json) }),
    feedback: feedback(json),
    feedbackAcks: list(json, 'feedbackAcks', 1_000_000).map((item) =>
      Number.isSafeInteger(item) ? (item as number) : refuse('feedbackAcks', item),
    ),
    telemetry: list(json, 'telemetry', 10_000).map((item, i) => {
      const told = object(item, `telemetry[${i}]`);
      object(told.status, `telemetry[${i}].status`);
      if (!Array.isArray(told.reports)) refuse(`telemetry[${i}].reports`, told.reports);
      return told as unknown as UpMessage['telemetry'][number];
    }),
    share: fraction(json, 'share'),
    asks: list(json, 'asks', 10_000).map((item, i) => {
      const ask = object(item, `asks[${i}]`);
      return {
        id: whole(ask, 'id'),
        point: name(ask, 'point'),
        context: object(ask.context, `asks[${i}].context`),
        unit: text(ask, 'unit', 1 << 16),
        allowed: texts(ask, 'allowed', limits.arms, limits.nameLength),
        budgetMs: finite(ask, 'budgetMs'),
      };
    }),
  };
}

function downMessage(json: Json, limits: Limits): DownMessage {
  const v = whole(json, 'v');
  if (v !== PROTOCOL) refuse('v', v);
  const leaseAgeMs = json.leaseAgeMs === null ? null : finite(json, 'leaseAgeMs');
  // A negative age would stretch the lease.
  if (leaseAgeMs !== null && leaseAgeMs < 0) refuse('leaseAgeMs', leaseAgeMs);
  return {
    v,
    node: name(json, 'node'),
    incarnation: incarnation(json, 'incarnation'),
    session: whole(json, 'session'),
    seq: whole(json, 'seq'),
    ack: whole(json, 'ack'),
    heard: whole(json, 'heard'),
    path: texts(json, 'path', 32, limits.nameLength),
    leaseAgeMs,
    treeMs: finite(json, 'treeMs'),
    digest: text(json, 'digest', 64),
    controls: controls(json),
    ...(json.seal === undefined ? {} : { seal: text(json, 'seal', 64) }),
    share: fraction(json, 'share'),
    bases: list(json, 'bases', limits.points * 4).map((item, i) => {
      const base = object(item, `bases[${i}]`);
      return {
        key: text(base, 'key', 512),
        revision: whole(base, 'revision'),
        asOf: whole(base, 'asOf'),
        bytes: base64(base, 'bytes', limits.evidenceBytes),
        foreign: texts(base, 'foreign', limits.origins, 200),
        ...(base.newer === undefined ? {} : { newer: texts(base, 'newer', limits.origins, 200) }),
      };
    }),
    feedback: feedback(json),
    answers: list(json, 'answers', 10_000).map((item, i) => {
      const answer = object(item, `answers[${i}]`);
      return {
        id: whole(answer, 'id'),
        p: answer.p === null ? null : distribution(object(answer.p, `answers[${i}].p`), limits),
        confidence: answer.confidence === null ? null : finite(answer, 'confidence'),
      };
    }),
  };
}

/** Checked in depth by whoever joins them: their codec knows their shape. */
function controls(json: Json): UpMessage['controls'] {
  return json.controls === null
    ? null
    : (object(json.controls, 'controls') as unknown as UpMessage['controls']);
}

function words(json: Json): UpMessage['words'] {
  if (json.words === null) return null;
  const sealed = object(json.words, 'words');
  return {
    controls: object(sealed.controls, 'words.controls') as unknown as NonNullable<UpMessage['controls']>,
    seal: text(sealed, 'seal', 64),
  };
}

function unbounded(json: Json): UpMessage['unbounded'] {
  return list(json, 'unbounded', 10_000).map((item, i) => {
    const held = object(item, `unbounded[${i}]`);
    return { point: text(held, 'point', 128), domain: text(held, 'domain', 128) };
  });
}

function feedback(json: Json): UpMessage['feedback'] {
  return list(json, 'feedback', 1_000_000).map((each, i) => {
    const routed = object(each, `feedback[${i}]`);
    const item = object(routed.item, `feedback[${i}].item`);
    text(item, 'id', 400);
    return { seq: whole(routed, 'seq'), item: item as unknown as UpMessage['feedback'][number]['item'] };
  });
}

function distribution(json: Json, limits: Limits): Record<string, number> {
  const p: Record<string, number> = Object.create(null);
  const arms = Object.keys(json);
  if (arms.length > limits.arms) refuse('p', arms.length);
  for (const arm of arms) p[arm] = fraction(json, arm);
  return p;
}

function object(value: unknown, field: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(field, value);
  return value as Json;
}

function list(json: Json, field: string, most: number): readonly unknown[] {
  const value = json[field];
  if (!Array.isArray(value) || value.length > most) refuse(field, value);
  return value as readonly unknown[];
}

const short = (value: unknown, most: number): value is string =>
  typeof value === 'string' && value.length <= most;

function text(json: Json, field: string, most: number): string {
  const value = json[field];
  return short(value, most) ? value : refuse(field, value);
}

function texts(json: Json, field: string, many: number, most: number): readonly string[] {
  return list(json, field, many).map((item) => (short(item, most) ? item : refuse(field, item)));
}

function name(json: Json, field: string): string {
  const value = json[field];
  return typeof value === 'string' && NAME_PATTERN.test(value) ? value : refuse(field, value);
}

function incarnation(json: Json, field: string): string {
  const value = json[field];
  return typeof value === 'string' && /^[a-z0-9]{1,32}$/.test(value) ? value : refuse(field, value);
}

function finite(json: Json, field: string): number {
  const value = json[field];
  return typeof value === 'number' && Number.isFinite(value) ? value : refuse(field, value);
}

function whole(json: Json, field: string): number {
  const value = json[field];
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : refuse(field, value);
}

function fraction(json: Json, field: string): number {
  const value = finite(json, field);
  return value >= 0 && value <= 1 ? value : refuse(field, value);
}

function flag(json: Json, field: string): boolean {
  const value = json[field];
  return typeof value === 'boolean' ? value : refuse(field, value);
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function toBase64(bytes: Uint8Array): string {
  let out = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const word = (bytes[i] << 16) | ((left > 1 ? bytes[i + 1] : 0) << 8) | (left > 2 ? bytes[i + 2] : 0);
    out += ALPHABET[word >> 18] + ALPHABET[(word >> 12) & 63];
    out += left > 1 ? ALPHABET[(word >> 6) & 63] : '=';
    out += left > 2 ? ALPHABET[word & 63] : '=';
  }
  return out;
}

function base64(json: Json, field: string, most: number): Uint8Array {
  const value = json[field];
  if (typeof value !== 'string' || value.length % 4 !== 0 || value.length > Math.ceil(most / 3) * 4)
    return refuse(field, value);
  const padding = value.endsWith('==') ? 2 : value.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((value.length / 4) * 3 - padding);
  let at = 0;
  for (let i = 0; i < value.length; i += 4) {
    let word = 0;
    for (let k = 0; k < 4; k++) {
      const c = value.charCodeAt(i + k);
      const bits = i + k >= value.length - padding ? 0 : sextet(c);
      if (bits < 0) return refuse(field, value);
      word = (word << 6) | bits;
    }
    if (at < bytes.length) bytes[at++] = (word >> 16) & 255;
    if (at < bytes.length) bytes[at++] = (word >> 8) & 255;
    if (at < bytes.length) bytes[at++] = word & 255;
  }
  return bytes;
}

function sextet(code: number): number {
  if (code >= 65 && code <= 90) return code - 65;
  if (code >= 97 && code <= 122) return code - 71;
  if (code >= 48 && code <= 57) return code + 4;
  return code === 43 ? 62 : code === 47 ? 63 : -1;
}
