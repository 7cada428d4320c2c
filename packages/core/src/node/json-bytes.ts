import { ByteReader, ByteWriter } from '../bytes.ts';
import { GanglionError } from '../errors.ts';

/** JSON on disk and on the wire, without the encoders that only some platforms have. */
export function jsonBytes(value: unknown): Uint8Array {
  return new ByteWriter(1024).text(JSON.stringify(value)).finish();
}

/** @throws GanglionError `undecodable` */
export function bytesJson(bytes: Uint8Array, maxBytes: number): unknown {
  const text = new ByteReader(bytes, maxBytes).text(maxBytes);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GanglionError('undecodable', 'not JSON', { cause });
  }
}

/** A 64-bit digest of a value whose JSON is canonical, as text: tells whether two nodes hold the same. */
export function digestOf(value: unknown, hash: (text: string, seed: number) => number): string {
  const text = JSON.stringify(value);
  return hash(text, 0x9e3779b9).toString(36) + hash(text, 0x7f4a7c15).toString(36);
}
