import { ByteReader, ByteWriter } from '../bytes.ts';
import { GanglionError } from '../errors.ts';

/** JSON on disk and on the wire, without the encoders that only some platforms have. */
export function jsonBytes(value: unknown): Uint8Array {
  return textBytes(JSON.stringify(value));
}

/** A text as {@link bytesJson} and links read it: its length, then UTF-8. */
export const textBytes = (text: string): Uint8Array => new ByteWriter(text.length + 16).text(text).finish();

/** @throws GanglionError `undecodable` */
export function bytesJson(bytes: Uint8Array, maxBytes: number): unknown {
  const text = new ByteReader(bytes, maxBytes).text(maxBytes);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GanglionError('undecodable', 'not JSON', { cause });
  }
}

/** A 64-bit digest of a canonical text, as text: tells whether two nodes hold the same. */
export function digestOf(text: string, hash: (text: string, seed: number) => number): string {
  return hash(text, 0x9e3779b9).toString(36) + hash(text, 0x7f4a7c15).toString(36);
}

/** Longest form of a number in JSON: `-1.2345678901234567e-123`. */
const NUMBER_CHARS = 24;

/**
 * How long a value is as JSON in UTF-8, at most: numbers that are not small are reckoned with their longest form. Nothing is
 * made of it; counting ends once `most` is passed.
 */
export function jsonSize(value: unknown, most = Number.POSITIVE_INFINITY): number {
  if (typeof value === 'string') return textSize(value, most);
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) < 1e6 ? 7 : NUMBER_CHARS;
  if (typeof value !== 'object' || value === null) return 5;
  if (value instanceof Uint8Array) return 4 + Math.ceil(value.length / 3) * 4;
  let size = 2;
  if (Array.isArray(value))
    for (const each of value) {
      size += 1 + jsonSize(each, most - size);
      if (size > most) return size;
    }
  else
    for (const key in value) {
      size += 2 + textSize(key, most) + jsonSize((value as Record<string, unknown>)[key], most - size);
      if (size > most) return size;
    }
  return size;
}

function textSize(text: string, most: number): number {
  let size = 2 + text.length;
  if (size > most) return size;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // Escapes, of which those of control characters and lone surrogates are longest; else UTF-8.
    if (unit < 0x20 || (unit >= 0xd800 && unit < 0xe000)) size += 5;
    else if (unit === 0x22 || unit === 0x5c || (unit >= 0x80 && unit < 0x800)) size += 1;
    else if (unit >= 0x800) size += 2;
  }
  return size;
}
