import { ByteReader, ByteWriter } from '../bytes.ts';
import type { Verdict } from '../guard.ts';
import { DecisionRecord, EXPOSED, type RecordSource, SELF } from './decision-record.ts';
import { REASONS, type Reason } from './record.ts';

/**
 * Decisions on disk: chunks of one source each, columns interned, a few dozen bytes a decision. They are what a
 * restarted node needs to join feedback to decisions it made before, and the log that everything later reads.
 */
const FORMAT = 4;
/** 1 knew nothing of what policies note, 2 nothing of features, 3 nothing of causes and forecasts. */
const FORMATS: readonly number[] = [1, 2, 3, FORMAT];
/** Bits of a record. */
const MAY_TRAIN = 1;
const CAUSED = 2;
const FORECAST = 4;
const REASON_CODES = Object.keys(REASONS) as Reason[];
const NOTED_MAX = 64;
/** A record with a context of two fields, and room to spare: a first size, not a bound. */
const RECORD_BYTES = 96;

const NOTHING: readonly number[] = [];
const NOBODY: readonly string[] = [];

/** A policy of somebody's own may note what cannot be read again: that is left out, the decision is not. */
function keepable(noted: readonly number[] | undefined): readonly number[] {
  return noted !== undefined && noted.length <= NOTED_MAX && noted.every(Number.isFinite) ? noted : NOTHING;
}

function formatOf(input: ByteReader): number {
  const format = input.byte();
  if (!FORMATS.includes(format)) input.fail('not a decision chunk of this version');
  return format;
}

/** Numbers for values, from 0, in the order they are first asked for. */
interface Numbering<T> {
  readonly values: ReadonlyMap<T, number>;
  of(value: T): number;
}

function numbering<T>(): Numbering<T> {
  const values = new Map<T, number>();
  let last: T | undefined;
  let number = -1;
  return {
    values,
    of(value) {
      // Most decisions are like the one before: a comparison instead of a look-up.
      if (value === last) return number;
      last = value;
      const known = values.get(value);
      number = known ?? values.size;
      if (known === undefined) values.set(value, number);
      return number;
    },
  };
}

/** Times are stored by the wall clock: the monotonic one means nothing after a restart. */
export function encodeDecisions(prefix: string, records: readonly DecisionRecord[]): Uint8Array {
  const trails = numbering<readonly Verdict[]>();
  const strata = numbering<string>();
  for (const record of records) {
    trails.of(record.verdicts);
    strata.of(record.stratum);
  }
  const out = new ByteWriter(64 + records.length * RECORD_BYTES).byte(FORMAT).text(prefix);
  out.varint(strata.values.size);
  for (const stratum of strata.values.keys()) out.text(stratum);
  out.varint(trails.values.size);
  for (const trail of trails.values.keys()) {
    out.varint(trail.length);
    for (const { guard, kind, why } of trail) out.text(guard).text(kind).text(why);
  }
  out.varint(records.length);
  for (const record of records) {
    out.varint(record.n).varint(strata.of(record.stratum)).varint(trails.of(record.verdicts));
    out
      .varint(record.proposedIndex + 1)
      .varint(record.armIndex + 1)
      .byte(REASON_CODES.indexOf(record.reason))
      .byte(bitsOf(record));
    out
      .float64(record.probability)
      .float32(record.confidenceValue)
      .varint(record.viewVersion)
      .float64(record.atMs)
      .float64(record.treeMs)
      .varint(record.weight);
    out.text(record.unit).varint(record.unitHash).varint(record.contextLength);
    for (let i = 0; i < record.contextLength; i++) out.float64(record.contextAt(i) as number);
    const noted = keepable(record.noted);
    out.varint(noted.length);
    for (const value of noted) out.float64(value);
    const shown = record.shown ?? NOTHING;
    out.varint(shown.length);
    for (const value of shown) out.float64(value);
    const about = record.about ?? NOBODY;
    out.varint(about.length);
    for (const key of about) out.text(key);
    if (record.forecast !== undefined)
      out.float64(record.forecast.learner).float64(record.forecast.reference);
  }
  return out.finish();
}

const bitsOf = ({ mayTrain, state, forecast }: DecisionRecord): number =>
  (mayTrain ? MAY_TRAIN : 0) | ((state & SELF) === 0 ? 0 : CAUSED) | (forecast === undefined ? 0 : FORECAST);

export function chunkPrefix(chunk: Uint8Array): string {
  const input = new ByteReader(chunk, chunk.length);
  formatOf(input);
  return input.text(input.remaining);
}

/** What the records of a chunk refer to. */
interface Header {
  readonly format: number;
  readonly strata: readonly string[];
  readonly trails: readonly (readonly Verdict[])[];
}

function readHeader(input: ByteReader): Header {
  const format = formatOf(input);
  input.text(input.remaining);
  const strata: string[] = [];
  for (let i = input.count(input.remaining); i > 0; i--) strata.push(input.text(input.remaining));
  const trails: Verdict[][] = [];
  for (let i = input.count(1 << 24); i > 0; i--) {
    const trail: Verdict[] = [];
    for (let j = input.count(input.remaining); j > 0; j--)
      trail.push({
        guard: input.text(input.remaining),
        kind: input.text(input.remaining) as Verdict['kind'],
        why: input.text(input.remaining),
      });
    trails.push(trail);
  }
  return { format, strata, trails };
}

/**
 * What has come to the own disk is read, however much it is: no start may fail of what was decided.
 *
 * @param monoOffsetMs - monotonic minus wall, now: places old decisions on this process's clock.
 * @throws GanglionError `undecodable`
 */
export function decodeDecisions(
  chunk: Uint8Array,
  source: RecordSource,
  monoOffsetMs: number,
): DecisionRecord[] {
  const input = new ByteReader(chunk, chunk.length);
  const header = readHeader(input);
  const records: DecisionRecord[] = [];
  for (let i = input.count(1 << 24); i > 0; i--)
    records.push(readRecord(input, header, source, monoOffsetMs));
  input.end();
  return records;
}

function readRecord(
  input: ByteReader,
  header: Header,
  source: RecordSource,
  monoOffsetMs: number,
): DecisionRecord {
  const n = input.varint();
  const stratum = header.strata[input.varint(header.strata.length - 1)];
  const trail = header.trails[input.varint(header.trails.length - 1)];
  const proposed = input.varint(source.armIds.length) - 1;
  const arm = input.varint(source.armIds.length) - 1;
  const reason = REASON_CODES[input.byte()];
  if (reason === undefined) input.fail('an unknown reason');
  const bits = input.byte();
  const probability = input.float64();
  const confidence = input.float32();
  const view = input.varint();
  const atMs = input.finite();
  const treeMs = input.finite();
  const weight = input.varint();
  const unit = input.text(input.remaining);
  const unitHash = input.varint();
  const context = new Array<number>(input.count(input.remaining, 8));
  for (let k = 0; k < context.length; k++) context[k] = input.float64();
  const noted = new Array<number>(header.format > 1 ? input.count(NOTED_MAX, 8) : 0);
  for (let k = 0; k < noted.length; k++) noted[k] = input.finite();
  const shown = new Array<number>(header.format > 2 ? input.count(input.remaining, 8) : 0);
  for (let k = 0; k < shown.length; k++) shown[k] = input.float64();
  const about = new Array<string>(header.format > 2 ? input.count(input.remaining) : 0);
  for (let k = 0; k < about.length; k++) about[k] = input.text(input.remaining);
  const record = new DecisionRecord(
    source,
    n,
    stratum,
    proposed,
    arm,
    probability,
    confidence,
    reason,
    view,
    trail,
    atMs,
    atMs + monoOffsetMs,
    treeMs,
    unit,
    unitHash,
    context,
    (bits & MAY_TRAIN) !== 0,
  );
  record.weight = weight;
  if (noted.length > 0) record.noted = noted;
  if (shown.length > 0) record.shown = shown;
  if (about.length > 0) record.about = about;
  if ((bits & FORECAST) !== 0) record.forecast = { learner: input.finite(), reference: input.finite() };
  record.state = EXPOSED | ((bits & CAUSED) === 0 ? 0 : SELF);
  return record;
}
