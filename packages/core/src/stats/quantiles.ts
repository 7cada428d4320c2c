import { ByteReader, ByteWriter } from '../bytes.ts';
import type { Limits } from '../limits.ts';
import { exp, log } from './math.ts';

/**
 * A sketch of a distribution of positive values (latencies) whose quantiles are right to 1 % of their value, whatever the
 * distribution, in bounded memory, and which adds: Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable quantile
 * sketch with relative-error guarantees" (VLDB 2019). Bucket i holds the values in (γ^(i−1), γ^i], γ = 1.01 / 0.99.
 */
export interface Quantiles {
  /** Counts of consecutive buckets; the first is bucket `first`. */
  counts: Float64Array;
  first: number;
  /** Values at or below `SMALLEST`. */
  zeros: number;
  /** All values. */
  n: number;
}

/** Relative error of a quantile. */
export const RELATIVE_ERROR = 0.01;
/** Values at or below this count as 0; above `LARGEST`, as that. Milliseconds: a nanosecond to 30 years. */
export const SMALLEST = 1e-6;
export const LARGEST = 1e12;

const LOG_GAMMA = log((1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR));
const LOWEST = bucketOf(SMALLEST);
const HIGHEST = bucketOf(LARGEST);

/** Nothing seen yet. */
export function quantiles(): Quantiles {
  return { counts: new Float64Array(0), first: 0, zeros: 0, n: 0 };
}

/** Counts a value, in place. NaN is no value: refused with `false`. */
export function observe(sketch: Quantiles, value: number, weight = 1): boolean {
  if (Number.isNaN(value)) return false;
  sketch.n += weight;
  if (!(value > SMALLEST)) sketch.zeros += weight;
  else {
    const bucket = bucketOf(Math.min(value, LARGEST));
    if (bucket < sketch.first || bucket >= sketch.first + sketch.counts.length) widen(sketch, bucket, bucket);
    sketch.counts[bucket - sketch.first] += weight;
  }
  return true;
}

/** Both together. The arguments stay as they are. */
export function merge(a: Quantiles, b: Quantiles): Quantiles {
  const sum: Quantiles = { counts: a.counts.slice(), first: a.first, zeros: a.zeros + b.zeros, n: a.n + b.n };
  if (b.counts.length === 0) return sum;
  widen(sum, b.first, b.first + b.counts.length - 1);
  for (let i = 0; i < b.counts.length; i++) sum.counts[b.first - sum.first + i] += b.counts[i];
  return sum;
}

/** The value below which a share `q` of the values lies, to `RELATIVE_ERROR`; NaN where there are none. */
export function quantile(sketch: Quantiles, q: number): number {
  if (!(sketch.n > 0)) return Number.NaN;
  let rank = q * (sketch.n - 1) - sketch.zeros;
  if (rank < 0) return 0;
  for (let i = 0; i < sketch.counts.length; i++) {
    rank -= sketch.counts[i];
    // The middle of the bucket, in the sense that both ends are equally wrong in proportion.
    if (rank < 0) return exp((sketch.first + i) * LOG_GAMMA) * (1 - RELATIVE_ERROR);
  }
  return LARGEST;
}

/** Bytes: empty buckets cost two bytes a run. */
export function encodeQuantiles(sketch: Quantiles): Uint8Array {
  const filled: number[] = [];
  for (let i = 0; i < sketch.counts.length; i++) if (sketch.counts[i] > 0) filled.push(i);
  const writer = new ByteWriter(32 + filled.length * 10);
  writer.float64(sketch.zeros).varint(filled.length);
  let previous = LOWEST - 1;
  for (const i of filled) {
    const bucket = sketch.first + i;
    writer.varint(bucket - previous - 1).float64(sketch.counts[i]);
    previous = bucket;
  }
  return writer.finish();
}

/** @throws GanglionError `undecodable` */
export function decodeQuantiles(bytes: Uint8Array, limits: Limits): Quantiles {
  const reader = new ByteReader(bytes, limits.evidenceBytes);
  const sketch = quantiles();
  sketch.zeros = count(reader, true);
  sketch.n = sketch.zeros;
  const filled = reader.count(HIGHEST - LOWEST + 1, 9);
  let bucket = LOWEST - 1;
  for (let i = 0; i < filled; i++) {
    bucket += 1 + reader.varint(HIGHEST - LOWEST);
    if (bucket > HIGHEST) reader.fail('a bucket lies beyond the largest value');
    if (i === 0) sketch.first = bucket;
    const value = count(reader, false);
    widen(sketch, bucket, bucket);
    sketch.counts[bucket - sketch.first] = value;
    sketch.n += value;
  }
  reader.end();
  return sketch;
}

function count(reader: ByteReader, zero: boolean): number {
  const value = reader.finite();
  if (value < 0 || (value === 0 && !zero) || Object.is(value, -0)) reader.fail('a count is not positive');
  return value;
}

function bucketOf(value: number): number {
  return Math.ceil(log(value) / LOG_GAMMA);
}

/** Makes room for buckets `from` … `to`; at most all of them, about 2,100. */
function widen(sketch: Quantiles, from: number, to: number): void {
  const empty = sketch.counts.length === 0;
  const first = empty ? from : Math.min(sketch.first, from);
  const last = empty ? to : Math.max(sketch.first + sketch.counts.length - 1, to);
  if (!empty && first === sketch.first && last < sketch.first + sketch.counts.length) return;
  // Some room beside what is asked for, so that neighbours do not each copy the array; never beyond the ends.
  const low = Math.max(LOWEST, first - (empty || first < sketch.first ? 8 : 0));
  const high = Math.min(HIGHEST, last + (empty || last >= sketch.first + sketch.counts.length ? 8 : 0));
  const counts = new Float64Array(high - low + 1);
  if (!empty) counts.set(sketch.counts, sketch.first - low);
  sketch.counts = counts;
  sketch.first = low;
}
