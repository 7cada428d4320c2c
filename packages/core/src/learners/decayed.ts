import { ByteReader, ByteWriter } from '../bytes.ts';
import type { Limits, Problem } from '../limits.ts';
import { exp2, scaleByPowerOfTwo } from '../stats/math.ts';

/**
 * Rows of sums that fade: what evidence with forgetting is made of.
 *
 * Forgetting is forward decay (Cormode et al., "Forward decay", ICDE 2009): an outcome at tree time t weighs
 * 2^((t − L) / h) with half-life h and landmark L, so nothing has to be touched as time passes, and evidence of two
 * nodes adds as soon as their landmarks agree. L is a multiple of h, so moving it multiplies by an exact power of two.
 */
export interface Decayed {
  /** Landmark L, tree time in ms, a multiple of the half-life; 0 while empty or without forgetting. */
  landmarkMs: number;
  /** By key: a row of sums. */
  readonly arms: Map<string, Float64Array>;
}

/** What a row is. Its first number counts outcomes, undecayed; behind what counts, all are weighted sums. */
export interface RowShape {
  readonly length: number;
  /** Where Σw stands. */
  readonly weight: number;
  /** Where Σw² stands. */
  readonly squares: number;
  /** How many numbers at the front count without weight; default 1. */
  readonly counts?: number;
  /** Most rows: the most faded go first. */
  readonly most: number;
  readonly halfLifeMs: number | undefined;
  /** Moves what cancellation left in a row with outcomes to the nearest sums that outcomes can have. */
  settle(row: Float64Array): void;
}

// The landmark follows this many half-lives behind, at most: an outcome weighs less than 2³².
const MAX_HALF_LIVES = 32;
const FORGOTTEN = 1e-60;
const SLACK = 1e-6;

/** The weight of an outcome at `atMs`, the landmark moved where it must be. */
export function weightAt(shape: RowShape, own: Decayed, weight: number, atMs: number): number {
  const { halfLifeMs } = shape;
  if (halfLifeMs === undefined) return weight;
  const periodMs = halfLifeMs * MAX_HALF_LIVES;
  // A grid, so that the same outcomes have the same landmark in whatever order they came.
  if (own.arms.size === 0) own.landmarkMs = Math.floor(atMs / periodMs) * periodMs;
  else if (atMs - own.landmarkMs >= periodMs) move(shape, own, Math.floor(atMs / periodMs) * periodMs);
  return weight * exp2((atMs - own.landmarkMs) / halfLifeMs);
}

/** The row of this key, made if need be. Rows that are `kept` do not make room for it, unless there are no others. */
export function rowOf(
  shape: RowShape,
  own: Decayed,
  key: string,
  kept?: (key: string) => boolean,
): Float64Array {
  const known = own.arms.get(key);
  if (known !== undefined) return known;
  if (own.arms.size >= shape.most && dropLightest(shape, own, kept) === '') dropLightest(shape, own);
  const row = new Float64Array(shape.length);
  own.arms.set(key, row);
  return row;
}

/** a + b, or a − b, under the later landmark. */
export function combine(shape: RowShape, a: Decayed, b: Decayed, sign: 1 | -1): Decayed {
  const landmarkMs =
    a.arms.size === 0
      ? b.landmarkMs
      : b.arms.size === 0
        ? a.landmarkMs
        : Math.max(a.landmarkMs, b.landmarkMs);
  const sum: Decayed = { landmarkMs, arms: new Map() };
  const shiftA = halvings(shape, a.landmarkMs, landmarkMs);
  const shiftB = halvings(shape, b.landmarkMs, landmarkMs);
  for (const [key, row] of a.arms) sum.arms.set(key, shifted(shape, row, shiftA));
  for (const [key, row] of b.arms) {
    const part = shiftB === 0 ? row : shifted(shape, row, shiftB);
    const into = sum.arms.get(key) ?? new Float64Array(shape.length);
    for (let i = 0; i < into.length; i++) into[i] += sign * part[i];
    sum.arms.set(key, into);
    if (sign === -1) settleRow(shape, sum.arms, key, into);
  }
  while (sum.arms.size > shape.most) dropLightest(shape, sum);
  if (sum.arms.size === 0) sum.landmarkMs = 0;
  return sum;
}

/** `weight` of it. */
export function scaled(shape: RowShape, evidence: Decayed, weight: number): Decayed {
  const arms = new Map<string, Float64Array>();
  for (const [key, row] of evidence.arms) {
    const copy = row.slice();
    for (let i = 0; i < copy.length; i++) copy[i] *= weight;
    copy[shape.squares] *= weight;
    arms.set(key, copy);
  }
  return { landmarkMs: evidence.landmarkMs, arms };
}

/** After a subtraction: a row without outcomes is exactly empty, and the others are settled. */
export function settleRow(
  shape: RowShape,
  arms: Map<string, Float64Array>,
  key: string,
  row: Float64Array,
): void {
  if (row[0] === 0) arms.delete(key);
  // Below 0 a correction overtook its outcome; the sum will be whole again.
  else if (row[0] > 0) shape.settle(row);
}

/** Outcomes over all rows. */
export function outcomesOf(evidence: Decayed): number {
  let total = 0;
  for (const row of evidence.arms.values()) total += row[0];
  return total;
}

/** What a landmark at `nowMs` would make of the sums. */
export function fadeAt(shape: RowShape, evidence: Decayed, nowMs: number): number {
  return shape.halfLifeMs === undefined ? 1 : exp2((evidence.landmarkMs - nowMs) / shape.halfLifeMs);
}

/**
 * A problem if a row weighs more than its outcomes could by now, with a slack of `slackMs`, or of an eighth of the half-life where
 * that is more: what is ahead by less is 9 % too heavy at most.
 */
export function fromFuture(
  shape: RowShape,
  evidence: Decayed,
  nowMs: number,
  slackMs: number,
  maxWeight: number,
): Problem | undefined {
  if (shape.halfLifeMs === undefined) return undefined;
  const slack = Math.max(slackMs, shape.halfLifeMs / 8);
  const heaviest = maxWeight * exp2((nowMs + slack - evidence.landmarkMs) / shape.halfLifeMs);
  for (const [key, row] of evidence.arms)
    if (row[shape.weight] > row[0] * heaviest * (1 + SLACK))
      return problem(key, 'weighs more than its outcomes could by now: evidence from the future');
  return undefined;
}

/** A problem of the landmark, of the number of rows, or of one row. */
export function implausibleRows(
  shape: RowShape,
  evidence: Decayed,
  limits: Limits,
  implausible: (row: Float64Array) => string | undefined,
): Problem | undefined {
  const { landmarkMs } = evidence;
  const { halfLifeMs } = shape;
  const periods = halfLifeMs === undefined ? 0 : landmarkMs / halfLifeMs;
  if (
    !Number.isFinite(landmarkMs) ||
    (halfLifeMs === undefined ? landmarkMs !== 0 : periods !== Math.round(periods))
  )
    return {
      code: 'implausible_evidence',
      field: 'landmarkMs',
      message: 'the landmark is no multiple of the half-life',
    };
  if (evidence.arms.size > limits.arms)
    return { code: 'implausible_evidence', field: 'arms', message: `more than ${limits.arms} arms` };
  for (const [key, row] of evidence.arms) {
    const message = implausible(row);
    if (message !== undefined) return problem(key, message);
  }
  return undefined;
}

/** Landmark, count, and each key with its row, in the order of the keys: equal evidence gives equal bytes. */
export function encodeRows(shape: RowShape, evidence: Decayed): Uint8Array {
  const writer = new ByteWriter(16 + evidence.arms.size * (16 + shape.length * 8));
  writer.float64(evidence.landmarkMs).varint(evidence.arms.size);
  for (const key of [...evidence.arms.keys()].sort()) {
    writer.text(key);
    for (const value of evidence.arms.get(key)!) writer.float64(value);
  }
  return writer.finish();
}

/** Without the rows that have faded most, as many as it takes to be encoded in so many bytes. */
export function fitRows(shape: RowShape, evidence: Decayed, maxBytes: number): Decayed {
  const left: Decayed = { landmarkMs: evidence.landmarkMs, arms: new Map(evidence.arms) };
  let bytes = 16;
  // A key takes at most three bytes a UTF-16 unit, and its length two.
  for (const key of left.arms.keys()) bytes += 2 + 3 * key.length + 8 * shape.length;
  while (bytes > maxBytes && left.arms.size > 0) {
    const key = dropLightest(shape, left);
    bytes -= 2 + 3 * key.length + 8 * shape.length;
  }
  return left;
}

/** @throws GanglionError `undecodable` */
export function decodeRows(shape: RowShape, bytes: Uint8Array, limits: Limits): Decayed {
  const reader = new ByteReader(bytes, limits.evidenceBytes);
  const landmarkMs = reader.finite();
  const count = reader.count(limits.arms, 1 + shape.length * 8);
  const arms = new Map<string, Float64Array>();
  let previous = '';
  for (let i = 0; i < count; i++) {
    // An arm key is an id, '#' and a generation.
    const key = reader.text(limits.nameLength + 20);
    if (i > 0 && !(key > previous)) reader.fail('the arms are not in order');
    previous = key;
    const row = new Float64Array(shape.length);
    for (let at = 0; at < row.length; at++) row[at] = reader.finite();
    arms.set(key, row);
  }
  reader.end();
  return { landmarkMs, arms };
}

function problem(field: string, message: string): Problem {
  return { code: 'implausible_evidence', field: `arms[${field}]`, message: `arm ${field} ${message}` };
}

/** How many half-lives lie between two landmarks: whole, because both are on the grid. */
function halvings(shape: RowShape, fromMs: number, toMs: number): number {
  return shape.halfLifeMs === undefined ? 0 : Math.round((toMs - fromMs) / shape.halfLifeMs);
}

function shifted(shape: RowShape, row: Float64Array, halvings: number): Float64Array {
  const moved = row.slice();
  if (halvings === 0) return moved;
  const { counts = 1 } = shape;
  // Gone for good: kept as zero, because subnormal sums would no longer satisfy what real outcomes satisfy.
  if (Math.abs(scaleByPowerOfTwo(row[shape.weight], -halvings)) < FORGOTTEN) return moved.fill(0, counts);
  for (let i = counts; i < moved.length; i++) moved[i] = scaleByPowerOfTwo(row[i], -halvings);
  moved[shape.squares] = scaleByPowerOfTwo(row[shape.squares], -2 * halvings);
  return moved;
}

function move(shape: RowShape, own: Decayed, landmarkMs: number): void {
  const shift = halvings(shape, own.landmarkMs, landmarkMs);
  for (const row of own.arms.values()) row.set(shifted(shape, row, shift));
  own.landmarkMs = landmarkMs;
}

// Arm keys outlive their arms, so the map is bounded: the row that has faded most makes room.
function dropLightest(shape: RowShape, own: Decayed, kept?: (key: string) => boolean): string {
  let lightest = '';
  let least = Infinity;
  for (const [key, row] of own.arms)
    if (row[shape.weight] < least && !kept?.(key)) {
      least = row[shape.weight];
      lightest = key;
    }
  own.arms.delete(lightest);
  return lightest;
}
