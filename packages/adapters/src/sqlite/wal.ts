/**
 * Looks at a write-ahead log before SQLite does.
 *
 * SQLite takes the log up to the first frame whose checksum is wrong, and drops the rest without a word: right for
 * the torn end of a transaction that was never acknowledged, and the loss of acknowledged ones where a disk has
 * rotted in the middle. The two can be told apart. Every frame's checksum continues that of the frame before, and
 * with synchronous=FULL a transaction is only written once the one before is flushed. So if, beyond the break, a
 * frame continues a frame that ends a transaction, that transaction was acknowledged.
 *
 * Damage to the last transaction alone looks like a torn one, and is taken for one.
 * Format: sqlite.org/fileformat2.html#the_write_ahead_log
 */

import fs from 'node:fs';

export interface WalReport {
  /** `damaged`: acknowledged transactions stand beyond a frame that SQLite would stop at. A torn end is `sound`. */
  readonly state: 'empty' | 'sound' | 'damaged';
  /** Frames that SQLite would read. */
  readonly frames: number;
  /** Frames in the file, left-overs of earlier use among them. */
  readonly framesInFile: number;
}

interface Sum {
  a: number;
  b: number;
}

interface Header {
  readonly valid: boolean;
  readonly littleEndian: boolean;
  readonly pageBytes: number;
  readonly salt: bigint;
  readonly sum: Sum;
}

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const BLOCK_BYTES = 4 << 20;
const MAGIC = 0x377f0682;
const HOST_IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Reads the whole log once, at about 1 GB/s. The log of a store that was closed is gone. */
export function inspectWal(walFile: string): WalReport {
  let fd: number;
  try {
    fd = fs.openSync(walFile, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return { state: 'empty', frames: 0, framesInFile: 0 };
    throw error;
  }
  try {
    return inspectOpen(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function inspectOpen(fd: number): WalReport {
  const bytes = fs.fstatSync(fd).size;
  const head = new Uint8Array(HEADER_BYTES);
  if (fs.readSync(fd, head, 0, HEADER_BYTES, 0) < HEADER_BYTES)
    return { state: 'empty', frames: 0, framesInFile: 0 };
  const header = readHeader(head);
  const frameBytes = FRAME_HEADER_BYTES + header.pageBytes;
  const framesInFile = Math.floor((bytes - HEADER_BYTES) / frameBytes);
  const seen = { chained: header.valid, frames: 0, damaged: false };
  const run: Run = { sum: header.sum, salt: header.salt, committed: false, open: header.valid };
  for (const frame of framesOf(fd, framesInFile, frameBytes)) {
    const view = new DataView(frame.buffer, frame.byteOffset, frameBytes);
    const stored = { a: view.getUint32(16), b: view.getUint32(20) };
    const salt = view.getBigUint64(8);
    const commit = view.getUint32(4) !== 0;
    const links = run.open && salt === run.salt && continues(run.sum, frame, header.littleEndian, stored);
    if (seen.chained && links) seen.frames++;
    else {
      seen.chained = false;
      if (links && run.committed) seen.damaged = true;
      // A frame that follows nothing may be the first intact one after the damage: a chain may start from it.
      if (!links) run.committed = false;
    }
    run.open = !header.valid || salt === header.salt;
    run.salt = salt;
    run.sum = stored;
    run.committed = !seen.chained && (run.committed || (run.open && commit));
  }
  return { state: seen.damaged ? 'damaged' : 'sound', frames: seen.frames, framesInFile };
}

/** Frames that continue one another: the checksum so far, and whether a transaction ended in them. */
interface Run {
  sum: Sum;
  salt: bigint;
  committed: boolean;
  open: boolean;
}

/** A header that is not valid still tells how the frames may lie; the page size falls back to the store's own. */
function readHeader(head: Uint8Array): Header {
  const view = new DataView(head.buffer);
  const magic = view.getUint32(0);
  const littleEndian = (magic & 1) === 0;
  const sum = { a: 0, b: 0 };
  addTo(sum, head, 0, 24, littleEndian);
  const known = magic === MAGIC || magic === MAGIC + 1;
  const valid = known && sum.a === view.getUint32(24) && sum.b === view.getUint32(28);
  const declared = view.getUint32(8);
  const plausible = declared >= 512 && declared <= 65_536 && (declared & (declared - 1)) === 0;
  return {
    valid,
    littleEndian: known ? littleEndian : true,
    pageBytes: plausible ? declared : 8192,
    salt: view.getBigUint64(16),
    sum,
  };
}

/** Views that are valid until the next one is asked for. */
function* framesOf(fd: number, count: number, frameBytes: number): Generator<Uint8Array> {
  const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / frameBytes));
  const block = new Uint8Array(perBlock * frameBytes);
  for (let first = 0; first < count; first += perBlock) {
    const wanted = Math.min(perBlock, count - first) * frameBytes;
    const got = fs.readSync(fd, block, 0, wanted, HEADER_BYTES + first * frameBytes);
    for (let at = 0; at + frameBytes <= got; at += frameBytes) yield block.subarray(at, at + frameBytes);
    if (got < wanted) return;
  }
}

function continues(before: Sum, frame: Uint8Array, littleEndian: boolean, stored: Sum): boolean {
  const sum = { a: before.a, b: before.b };
  addTo(sum, frame, 0, 8, littleEndian);
  addTo(sum, frame, FRAME_HEADER_BYTES, frame.length, littleEndian);
  return sum.a === stored.a && sum.b === stored.b;
}

/** SQLite's running checksum: pairs of 32-bit words in the byte order that the log's magic number names. */
function addTo(sum: Sum, bytes: Uint8Array, from: number, to: number, littleEndian: boolean): void {
  let { a, b } = sum;
  if (littleEndian === HOST_IS_LITTLE_ENDIAN) {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + from, (to - from) >> 2);
    for (let i = 0; i < words.length; i += 2) {
      a = (a + words[i]! + b) >>> 0;
      b = (b + words[i + 1]! + a) >>> 0;
    }
  } else {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = from; at < to; at += 8) {
      a = (a + view.getUint32(at, littleEndian) + b) >>> 0;
      b = (b + view.getUint32(at + 4, littleEndian) + a) >>> 0;
    }
  }
  sum.a = a;
  sum.b = b;
}
