import { ByteReader, ByteWriter } from '../bytes.ts';
import { GanglionError } from '../errors.ts';
import { DEFAULT_LIMITS, type Limits } from '../limits.ts';
import type { DownMessage, UpMessage } from './messages.ts';

/**
 * Link messages as bytes: JSON in which byte arrays stand as `{ "$b": "base64" }`. What comes in is untrusted: it is
 * bounded in size and depth, its shape is checked field by field, and nothing is taken from a prototype.
 */
export function encodeMessage(message: UpMessage | DownMessage): Uint8Array {
  return new ByteWriter(4096).text(JSON.stringify(message, replaceBytes)).finish();
}

export function decodeMessage(bytes: Uint8Array, direction: 'up', limits?: Limits): UpMessage;
export function decodeMessage(bytes: Uint8Array, direction: 'down', limits?: Limits): DownMessage;
/** @throws GanglionError `undecodable`, naming the field */
export function decodeMessage(
  bytes: Uint8Array,
  direction: 'up' | 'down',
  limits: Limits = DEFAULT_LIMITS,
): UpMessage | DownMessage {
  const reader = new ByteReader(bytes, limits.messageBytes);
  const text = reader.text(limits.messageBytes);
  reader.end();
  checkDepth(text);
  let json: unknown;
  try {
    json = JSON.parse(text, reviveBytes);
  } catch (cause) {
    if (cause instanceof GanglionError) throw cause;
    throw new GanglionError('undecodable', 'a link message is not JSON', { cause });
  }
  check(json, direction === 'up' ? UP : DOWN, 'message');
  return json as UpMessage | DownMessage;
}

const MAX_DEPTH = 32;

/** JSON.parse recurses; the depth is known before it is asked. */
function checkDepth(text: string): void {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (quoted) {
      if (code === 92) i++;
      else if (code === 34) quoted = false;
    } else if (code === 34) quoted = true;
    else if (code === 123 || code === 91) {
      if (++depth > MAX_DEPTH)
        throw new GanglionError('undecodable', `a link message is nested deeper than ${MAX_DEPTH}`);
    } else if (code === 125 || code === 93) depth--;
  }
}

function replaceBytes(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { $b: base64(value) } : value;
}

function reviveBytes(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new GanglionError('undecodable', 'a link message has a __proto__');
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, '$b')) return value;
  const { $b } = value as { $b: unknown };
  if (typeof $b !== 'string' || Object.keys(value).length !== 1)
    throw new GanglionError('undecodable', 'bytes are malformed', { field: key });
  return fromBase64($b);
}

type Shape =
  | 'string'
  | 'number'
  | 'boolean'
  | 'object'
  | 'bytes'
  | readonly ['null', Shape]
  | readonly ['list', Shape]
  | { readonly [field: string]: Shape };

const FEEDBACK: Shape = ['list', { seq: 'number', item: 'object' }];

const UP: Shape = {
  v: 'number',
  node: 'string',
  incarnation: 'string',
  tier: 'string',
  parentIncarnation: 'string',
  seq: 'number',
  content: 'boolean',
  complete: 'boolean',
  slots: ['list', { key: 'string', origin: 'string', version: 'number', onlyVia: 'string', bytes: 'bytes' }],
  learners: ['list', { 0: 'string', 1: 'number' }],
  digest: 'string',
  joined: 'string',
  controls: ['null', 'object'],
  applied: ['list', { node: 'string', tags: ['list', 'string'] }],
  feedback: FEEDBACK,
  feedbackAcks: ['list', 'number'],
  telemetry: ['list', { status: 'object', reports: ['list', 'object'], via: 'string' }],
  share: 'number',
  asks: [
    'list',
    {
      id: 'number',
      point: 'string',
      context: 'object',
      unit: 'string',
      allowed: ['list', 'string'],
      budgetMs: 'number',
    },
  ],
};

const DOWN: Shape = {
  v: 'number',
  node: 'string',
  incarnation: 'string',
  ack: 'number',
  heard: 'number',
  path: ['list', 'string'],
  leaseAgeMs: ['null', 'number'],
  treeMs: 'number',
  digest: 'string',
  controls: ['null', 'object'],
  share: 'number',
  bases: [
    'list',
    { key: 'string', revision: 'number', asOf: 'number', bytes: 'bytes', foreign: ['list', 'string'] },
  ],
  feedback: FEEDBACK,
  answers: ['list', { id: 'number', p: ['null', 'object'], confidence: ['null', 'number'] }],
};

function check(value: unknown, shape: Shape, field: string): void {
  if (typeof shape === 'string') {
    const fits =
      shape === 'bytes'
        ? value instanceof Uint8Array
        : shape === 'object'
          ? typeof value === 'object' &&
            value !== null &&
            !Array.isArray(value) &&
            !(value instanceof Uint8Array)
          : typeof value === shape;
    if (!fits) throw new GanglionError('undecodable', `${field} is not ${shape}`, { field, value });
  } else if (Array.isArray(shape)) {
    if (shape[0] === 'null') {
      if (value !== null) check(value, shape[1], field);
    } else {
      if (!Array.isArray(value))
        throw new GanglionError('undecodable', `${field} is not a list`, { field, value });
      for (let i = 0; i < value.length; i++) check(value[i], shape[1], `${field}[${i}]`);
    }
  } else {
    if (typeof value !== 'object' || value === null)
      throw new GanglionError('undecodable', `${field} is not an object`, { field, value });
    for (const key of Object.keys(shape))
      check(
        Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined,
        (shape as { readonly [field: string]: Shape })[key],
        `${field}.${key}`,
      );
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES: Readonly<Record<string, number>> = Object.freeze(
  Object.fromEntries([...ALPHABET].map((char, i) => [char, i])),
);

/** RFC 4648 §4, with padding. */
function base64(bytes: Uint8Array): string {
  let out = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const word = (bytes[i] << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    out +=
      ALPHABET[word >> 18] +
      ALPHABET[(word >> 12) & 63] +
      (i + 1 < bytes.length ? ALPHABET[(word >> 6) & 63] : '=') +
      (i + 2 < bytes.length ? ALPHABET[word & 63] : '=');
  }
  return out;
}

function fromBase64(text: string): Uint8Array {
  const bad = (): never => {
    throw new GanglionError('undecodable', 'bytes are not base64');
  };
  if (text.length % 4 !== 0) bad();
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  let at = 0;
  for (let i = 0; i < text.length; i += 4) {
    let word = 0;
    for (let k = 0; k < 4; k++) {
      const last = i + 4 === text.length && k >= 4 - padding;
      const value = last ? 0 : VALUES[text[i + k]];
      if (value === undefined) bad();
      word = (word << 6) | value;
    }
    for (let shift = 16; shift >= 0 && at < bytes.length; shift -= 8) bytes[at++] = (word >> shift) & 255;
  }
  return bytes;
}
