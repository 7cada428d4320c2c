import type { ByteReader, ByteWriter } from '../bytes.ts';

/**
 * How often units are counted over a tree in which each node counts a unit once: a sample of units, each with the number of
 * nodes that counted it. The sample is of the units with the smallest hashes (bottom-k: Cohen, Kaplan, "Summarizing data
 * using bottom-k sketches", PODC 2007), so that all nodes sample the same ones and samples add up exactly: whoever is among the
 * smallest of all was among the smallest everywhere.
 *
 * A unit's counts are all of the same variant. With m counts a unit, the sum over units has the variance of one that is
 * E m² / E m times smaller (Kish's design effect, with full correlation within the unit: the most there can be).
 */
const SAMPLE = 32;

/** A row: pairs of hash and count, hashes rising, then zeros. */
export const SAMPLE_LENGTH = 2 * SAMPLE;

/** One node has counted this unit. In place. */
export function sampleUnit(row: Float64Array, hash: number): void {
  let at = 0;
  while (at < SAMPLE_LENGTH && row[at + 1] > 0 && row[at] < hash) at += 2;
  if (at === SAMPLE_LENGTH) return;
  if (row[at + 1] > 0 && row[at] === hash) {
    row[at + 1]++;
    return;
  }
  row.copyWithin(at + 2, at, SAMPLE_LENGTH - 2);
  row[at] = hash;
  row[at + 1] = 1;
}

/** Both together. */
export function mergeSamples(a: Float64Array, b: Float64Array): Float64Array {
  const out = new Float64Array(SAMPLE_LENGTH);
  for (let at = 0, i = 0, j = 0; at < SAMPLE_LENGTH; at += 2) {
    const [first, second] = [hashAt(a, i), hashAt(b, j)];
    const hash = Math.min(first, second);
    if (hash === Number.POSITIVE_INFINITY) break;
    out[at] = hash;
    if (first === hash) {
      out[at + 1] += a[i + 1];
      i += 2;
    }
    if (second === hash) {
      out[at + 1] += b[j + 1];
      j += 2;
    }
  }
  return out;
}

const hashAt = (row: Float64Array, at: number): number =>
  at < SAMPLE_LENGTH && row[at + 1] > 0 ? row[at] : Number.POSITIVE_INFINITY;

export function scaleSample(row: Float64Array, weight: number): Float64Array {
  if (!(weight > 0)) return new Float64Array(SAMPLE_LENGTH);
  return row.map((value, i) => (i % 2 === 1 ? value * weight : value));
}

/** By how many times what is counted says less than as many units would: Σm² / Σm; 1 where nothing is sampled. */
export function repeatsOf(row: Float64Array | undefined): number {
  let [sum, squares] = [0, 0];
  for (let at = 1; row !== undefined && at < SAMPLE_LENGTH; at += 2) {
    sum += row[at];
    squares += row[at] * row[at];
  }
  return sum > 0 ? Math.max(1, squares / sum) : 1;
}

export function isSample(row: Float64Array): boolean {
  for (let at = 0; at < SAMPLE_LENGTH; at += 2) {
    if (!(row[at + 1] >= 0) || !Number.isInteger(row[at]) || row[at] < 0 || row[at] > 0xffffffff)
      return false;
    if (row[at + 1] === 0 ? row[at] !== 0 : at > 0 && !(row[at - 1] > 0 && row[at] > row[at - 2]))
      return false;
  }
  return true;
}

export function writeSample(writer: ByteWriter, row: Float64Array): void {
  let size = 0;
  while (size < SAMPLE && row[2 * size + 1] > 0) size++;
  writer.byte(size);
  for (let i = 0; i < size; i++) writer.varint(row[2 * i]).float64(row[2 * i + 1]);
}

/** @throws GanglionError where there are more than a sample has, or counts of nothing */
export function readSample(reader: ByteReader): Float64Array {
  const row = new Float64Array(SAMPLE_LENGTH);
  const size = reader.byte();
  if (size > SAMPLE) return reader.fail('a sample of too many units');
  for (let i = 0; i < size; i++) {
    row[2 * i] = reader.varint(0xffffffff);
    row[2 * i + 1] = reader.finite();
    if (!(row[2 * i + 1] > 0)) return reader.fail('a unit that nobody counted');
  }
  return row;
}
