import { GanglionError } from './errors.ts';

/**
 * A compact binary form for evidence and link messages. Written by `ByteWriter`, read by `ByteReader`. Every number has
 * exactly one form, so equal values give equal bytes, and what is read back and written again is the same.
 */
export class ByteWriter {
  private buffer: Uint8Array<ArrayBuffer>;
  private view: DataView<ArrayBuffer>;
  private at = 0;

  /** @param capacity - first size of the buffer, bytes; it doubles as needed. */
  constructor(capacity = 256) {
    this.buffer = new Uint8Array(Math.max(16, capacity));
    this.view = new DataView(this.buffer.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.at;
  }

  /** One byte. */
  byte(value: number): this {
    this.reserve(1);
    this.buffer[this.at++] = value;
    return this;
  }

  /** A whole number in [0, 2⁵³): seven bits a byte, lowest first (LEB128). @throws `invalid_input` */
  varint(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new GanglionError('invalid_input', 'only whole numbers from 0 to 2^53 − 1 can be written', {
        value,
      });
    this.reserve(8);
    let rest = value;
    // What 31 bits hold, nearly always all of it, needs no division.
    for (; rest > 0x7fffffff; rest = Math.floor(rest / 128)) this.buffer[this.at++] = (rest % 128) | 0x80;
    let bits = rest | 0;
    for (; bits >= 0x80; bits >>= 7) this.buffer[this.at++] = (bits & 0x7f) | 0x80;
    this.buffer[this.at++] = bits;
    return this;
  }

  float64(value: number): this {
    this.reserve(8);
    this.view.setFloat64(this.at, value, true);
    this.at += 8;
    return this;
  }

  float32(value: number): this {
    this.reserve(4);
    this.view.setFloat32(this.at, value, true);
    this.at += 4;
    return this;
  }

  /** Length and bytes. */
  bytes(value: Uint8Array): this {
    this.varint(value.length);
    this.reserve(value.length);
    this.buffer.set(value, this.at);
    this.at += value.length;
    return this;
  }

  /** Length in bytes and UTF-8. A lone surrogate is written as U+FFFD. */
  text(value: string): this {
    const start = this.at;
    // Mostly ASCII, as many bytes as characters; the first that is not takes it back.
    this.varint(value.length).reserve(value.length);
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) {
        this.at = start;
        return this.wideText(value);
      }
      this.buffer[this.at++] = code;
    }
    return this;
  }

  private wideText(value: string): this {
    this.varint(utf8Length(value));
    for (let i = 0; i < value.length; i++) {
      const point = value.codePointAt(i)!;
      if (point > 0xffff) i++;
      this.codePoint(point >= 0xd800 && point <= 0xdfff ? 0xfffd : point);
    }
    return this;
  }

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.buffer.slice(0, this.at);
  }

  private codePoint(point: number): void {
    this.reserve(4);
    const out = this.buffer;
    if (point < 0x80) out[this.at++] = point;
    else if (point < 0x800) {
      out[this.at++] = 0xc0 | (point >> 6);
      out[this.at++] = 0x80 | (point & 0x3f);
    } else if (point < 0x10000) {
      out[this.at++] = 0xe0 | (point >> 12);
      out[this.at++] = 0x80 | ((point >> 6) & 0x3f);
      out[this.at++] = 0x80 | (point & 0x3f);
    } else {
      out[this.at++] = 0xf0 | (point >> 18);
      out[this.at++] = 0x80 | ((point >> 12) & 0x3f);
      out[this.at++] = 0x80 | ((point >> 6) & 0x3f);
      out[this.at++] = 0x80 | (point & 0x3f);
    }
  }

  private reserve(more: number): void {
    const needed = this.at + more;
    if (needed <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, this.buffer.length * 2));
    grown.set(this.buffer.subarray(0, this.at));
    this.buffer = grown;
    this.view = new DataView(grown.buffer);
  }
}

/** As many arguments as every engine takes in one call. */
const PIECE = 4096;

/** Reads what `ByteWriter` wrote; the bytes are untrusted. Every read that does not fit throws `undecodable`. */
export class ByteReader {
  private readonly buffer: Uint8Array;
  private readonly view: DataView;
  private at = 0;

  /** @param maxBytes - refuses longer input at once. */
  constructor(bytes: Uint8Array, maxBytes: number) {
    if (bytes.length > maxBytes)
      throw new GanglionError('undecodable', `${bytes.length} bytes are more than the ${maxBytes} allowed`);
    this.buffer = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.buffer.length - this.at;
  }

  byte(): number {
    this.need(1);
    return this.buffer[this.at++];
  }

  /** A whole number up to `max` (at most 2⁵³ − 1), in its shortest form. */
  varint(max: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 && i > 0) this.fail('a number is padded');
        if (value > max) this.fail(`${value} is more than the ${max} allowed`);
        return value;
      }
      scale *= 128;
    }
    return this.fail('a number is too long');
  }

  /** A count of items that take at least `bytesEach`: refused when they could not be there, before anything is made. */
  count(max: number, bytesEach = 1): number {
    const value = this.varint(max);
    if (value * bytesEach > this.remaining) this.fail(`${value} items do not fit the bytes that follow`);
    return value;
  }

  float64(): number {
    this.need(8);
    const value = this.view.getFloat64(this.at, true);
    this.at += 8;
    return value;
  }

  float32(): number {
    this.need(4);
    const value = this.view.getFloat32(this.at, true);
    this.at += 4;
    return value;
  }

  /** A float64 that is neither NaN nor infinite. */
  finite(): number {
    const value = this.float64();
    if (!Number.isFinite(value)) this.fail('a number is not finite');
    return value;
  }

  /** A copy of a byte array of at most `maxBytes`. */
  bytes(maxBytes: number): Uint8Array<ArrayBuffer> {
    const length = this.count(maxBytes);
    const value = this.buffer.slice(this.at, this.at + length) as Uint8Array<ArrayBuffer>;
    this.at += length;
    return value;
  }

  /** A text of at most `maxBytes` of valid, shortest-form UTF-8. */
  text(maxBytes: number): string {
    const end = this.count(maxBytes) + this.at;
    let text = '';
    while (this.at < end) {
      // Mostly ASCII, taken by the piece: one character at a time is slow where a message is long.
      let until = this.at;
      const most = Math.min(end, until + PIECE);
      while (until < most && this.buffer[until] < 0x80) until++;
      if (until > this.at) {
        text += String.fromCharCode.apply(null, this.buffer.subarray(this.at, until) as unknown as number[]);
        this.at = until;
      } else text += String.fromCodePoint(this.codePoint(end));
    }
    return text;
  }

  /** Nothing may follow. */
  end(): void {
    if (this.remaining > 0) this.fail(`${this.remaining} bytes are left over`);
  }

  /** Throws `undecodable`, saying where. */
  fail(message: string): never {
    throw new GanglionError('undecodable', `${message} (at byte ${this.at} of ${this.buffer.length})`);
  }

  private codePoint(end: number): number {
    const first = this.buffer[this.at++];
    if (first < 0x80) return first;
    const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || this.at + size - 1 > end) this.fail('a text is not UTF-8');
    let point = first & (0x7f >> size);
    for (let i = 1; i < size; i++) {
      const next = this.buffer[this.at++];
      if ((next & 0xc0) !== 0x80) this.fail('a text is not UTF-8');
      point = (point << 6) | (next & 0x3f);
    }
    const smallest = size === 2 ? 0x80 : size === 3 ? 0x800 : 0x10000;
    if (point < smallest || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
      this.fail('a text is not UTF-8');
    return point;
  }

  private need(bytes: number): void {
    if (bytes > this.remaining) this.fail('the bytes end too early');
  }
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) bytes += 1;
    else if (code < 0x800) bytes += 2;
    else if (code >= 0xd800 && code < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      bytes += 4;
      i++;
    } else bytes += 3;
  }
  return bytes;
}
