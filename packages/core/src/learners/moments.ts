import { ByteReader, ByteWriter } from '../bytes.ts';
import type { Evidence } from '../evidence.ts';
import type { Limits, Problem } from '../limits.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { exp2, scaleByPowerOfTwo } from '../stats/math.ts';

/**
 * Evidence `moments/1`: what every learner without context needs to know of an arm, weighted by forgetting.
 *
 * Forgetting is forward decay (Cormode et al., "Forward decay", ICDE 2009): an outcome at tree time t weighs
 * 2^((t − L) / h) with half-life h and landmark L, so nothing has to be touched as time passes, and evidence of two
 * nodes adds as soon as their landmarks agree. L is a multiple of h, so moving it multiplies by an exact power of two.
 */
export interface Moments {
  /** Landmark L, tree time in ms, a multiple of the half-life; 0 while empty or without forgetting. */
  landmarkMs: number;
  /** By arm key: a row of `ROW` numbers, see the offsets below. At most `DEFAULT_LIMITS.arms`: the most faded go first. */
  readonly arms: Map<string, Float64Array>;
}

/** Length of a row. */
export const ROW = 5;
/** Outcomes, undecayed: how many there were, less those taken back. */
export const OUTCOMES = 0;
/** Σw. */
export const W = 1;
/** Σw². */
export const WW = 2;
/** Σw(x − centre). */
export const WX = 3;
/** Σw(x − centre)². */
export const WXX = 4;

export interface MomentsOptions {
  /** Half-life of an outcome's weight, ms; undefined: nothing is forgotten. */
  readonly halfLifeMs?: number | undefined;
  /** What x is taken about, so that squares do not cancel; by default the middle of the range. */
  readonly centre?: number | undefined;
  /** Declared range of x. */
  readonly range: readonly [number, number];
}

export interface MomentsEvidence extends Evidence<Moments> {
  readonly centre: number;
  readonly halfLifeMs: number | undefined;
  readonly range: readonly [number, number];
  subtract(a: Moments, b: Moments): Moments;
  /**
   * Folds one value in, in place. `weight` < 0 takes an earlier value back at its original weight.
   * @param x - inside the range. @param atMs - tree time of the decision.
   */
  record(own: Moments, armKey: string, x: number, weight: number, atMs: number): void;
  /**
   * A problem if the evidence weighs more than its outcomes could at `nowMs` (tree time), with `slackMs` of clock
   * error: evidence from the future would drown everybody else's. @param maxWeight - heaviest sampling weight.
   */
  inFuture(evidence: Moments, nowMs: number, slackMs: number, maxWeight?: number): Problem | undefined;
  /** Σw at `nowMs`: what a landmark at that time would make of it. Multiply sums by this to compare with counts. */
  decayTo(evidence: Moments, nowMs: number): number;
}

// The landmark follows this many half-lives behind, at most: an outcome weighs less than 2³².
const MAX_HALF_LIVES = 32;
const FORGOTTEN = 1e-60;
const SLACK = 1e-6;

/** Moments per arm with this half-life, centre and range. */
export function moments(options: MomentsOptions): MomentsEvidence {
  const { range, halfLifeMs } = options;
  const centre = options.centre ?? (range[0] + range[1]) / 2;
  const periodMs = (halfLifeMs ?? 0) * MAX_HALF_LIVES;
  const frame: Frame = { halfLifeMs, periodMs, centre, low: range[0] - centre, high: range[1] - centre };
  return {
    name: 'moments/1',
    centre,
    halfLifeMs,
    range,
    zero: () => ({ landmarkMs: 0, arms: new Map() }),
    add: (a, b) => combine(frame, a, b, 1),
    subtract: (a, b) => combine(frame, a, b, -1),
    scale,
    outcomes: (evidence) => {
      let total = 0;
      for (const row of evidence.arms.values()) total += row[OUTCOMES];
      return total;
    },
    record: (own, armKey, x, weight, atMs) => record(frame, own, armKey, x, weight, atMs),
    decayTo: (evidence, nowMs) =>
      halfLifeMs === undefined ? 1 : exp2((evidence.landmarkMs - nowMs) / halfLifeMs),
    inFuture: (evidence, nowMs, slackMs, maxWeight = 1 << 20) => {
      if (halfLifeMs === undefined) return undefined;
      const heaviest = maxWeight * exp2((nowMs + slackMs - evidence.landmarkMs) / halfLifeMs);
      for (const [key, row] of evidence.arms)
        if (row[W] > row[OUTCOMES] * heaviest * (1 + SLACK))
          return problem(key, 'weighs more than its outcomes could by now: evidence from the future');
      return undefined;
    },
    validate: (evidence, limits) => validate(evidence, limits, centre, range, halfLifeMs),
    encode,
    decode,
  };
}

/** What all functions need of the options; `low` and `high` are the range about the centre. */
interface Frame {
  readonly halfLifeMs: number | undefined;
  /** Spacing of landmarks: a grid, so that the same outcomes have the same one in whatever order they came. */
  readonly periodMs: number;
  readonly centre: number;
  readonly low: number;
  readonly high: number;
}

function record(frame: Frame, own: Moments, armKey: string, x: number, weight: number, atMs: number): void {
  const { halfLifeMs, periodMs } = frame;
  let w = weight;
  if (halfLifeMs !== undefined) {
    if (own.arms.size === 0) own.landmarkMs = Math.floor(atMs / periodMs) * periodMs;
    else if (atMs - own.landmarkMs >= periodMs) move(frame, own, Math.floor(atMs / periodMs) * periodMs);
    w *= exp2((atMs - own.landmarkMs) / halfLifeMs);
  }
  let row = own.arms.get(armKey);
  if (row === undefined) {
    if (own.arms.size >= DEFAULT_LIMITS.arms) dropLightest(own);
    row = new Float64Array(ROW);
    own.arms.set(armKey, row);
  }
  const d = x - frame.centre;
  row[OUTCOMES] += weight < 0 ? -1 : 1;
  row[W] += w;
  row[WW] += w * Math.abs(w);
  row[WX] += w * d;
  row[WXX] += w * d * d;
  if (weight < 0 || row[OUTCOMES] === 0) settle(frame, own.arms, armKey, row);
}

function combine(frame: Frame, a: Moments, b: Moments, sign: 1 | -1): Moments {
  const landmarkMs =
    a.arms.size === 0
      ? b.landmarkMs
      : b.arms.size === 0
        ? a.landmarkMs
        : Math.max(a.landmarkMs, b.landmarkMs);
  const sum: Moments = { landmarkMs, arms: new Map() };
  const shiftA = halvings(frame, a.landmarkMs, landmarkMs);
  const shiftB = halvings(frame, b.landmarkMs, landmarkMs);
  for (const [key, row] of a.arms) sum.arms.set(key, shifted(row, shiftA));
  for (const [key, row] of b.arms) {
    const part = shifted(row, shiftB);
    const into = sum.arms.get(key) ?? new Float64Array(ROW);
    for (let i = 0; i < ROW; i++) into[i] += sign * part[i];
    sum.arms.set(key, into);
    if (sign === -1) settle(frame, sum.arms, key, into);
  }
  while (sum.arms.size > DEFAULT_LIMITS.arms) dropLightest(sum);
  if (sum.arms.size === 0) sum.landmarkMs = 0;
  return sum;
}

function scale(evidence: Moments, weight: number): Moments {
  const arms = new Map<string, Float64Array>();
  for (const [key, row] of evidence.arms) {
    const scaled = row.map((value) => value * weight);
    scaled[WW] *= weight;
    arms.set(key, scaled);
  }
  return { landmarkMs: evidence.landmarkMs, arms };
}

/** How many half-lives lie between two landmarks: whole, because both are on the grid. */
function halvings(frame: Frame, fromMs: number, toMs: number): number {
  return frame.halfLifeMs === undefined ? 0 : Math.round((toMs - fromMs) / frame.halfLifeMs);
}

function shifted(row: Float64Array, halvings: number): Float64Array {
  const moved = row.slice();
  if (halvings === 0) return moved;
  moved[W] = scaleByPowerOfTwo(row[W], -halvings);
  // Gone for good: kept as zero, because subnormal sums would no longer satisfy what real outcomes satisfy.
  if (Math.abs(moved[W]) < FORGOTTEN) return moved.fill(0, W);
  moved[WW] = scaleByPowerOfTwo(row[WW], -2 * halvings);
  moved[WX] = scaleByPowerOfTwo(row[WX], -halvings);
  moved[WXX] = scaleByPowerOfTwo(row[WXX], -halvings);
  return moved;
}

function move(frame: Frame, own: Moments, landmarkMs: number): void {
  const shift = halvings(frame, own.landmarkMs, landmarkMs);
  for (const row of own.arms.values()) row.set(shifted(row, shift));
  own.landmarkMs = landmarkMs;
}

// After a subtraction: a row without outcomes is exactly empty, and what cancellation leaves of light outcomes beside
// heavy ones is moved to the nearest sums that outcomes in [low, high] about the centre can have.
function settle({ low, high }: Frame, arms: Map<string, Float64Array>, key: string, row: Float64Array): void {
  const n = row[OUTCOMES];
  if (n === 0) arms.delete(key);
  if (n <= 0) return; // below 0 a correction overtook its outcome; the sum will be whole again
  const w = Math.max(row[W], 0);
  row[W] = w;
  row[WW] = between(row[WW], (w * w) / Math.max(1, n), w * w);
  row[WX] = between(row[WX], w * low, w * high);
  row[WXX] = between(row[WXX], w > 0 ? (row[WX] * row[WX]) / w : 0, w * Math.max(low * low, high * high));
}

function between(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

// Arm keys outlive their arms, so the map is bounded: the row that has faded most makes room.
function dropLightest(own: Moments): void {
  let lightest = '';
  let least = Infinity;
  for (const [key, row] of own.arms)
    if (row[W] < least) {
      least = row[W];
      lightest = key;
    }
  own.arms.delete(lightest);
}

function problem(field: string, message: string): Problem {
  return { code: 'implausible_evidence', field: `arms[${field}]`, message: `arm ${field} ${message}` };
}

function validate(
  evidence: Moments,
  limits: Limits,
  centre: number,
  range: readonly [number, number],
  halfLifeMs: number | undefined,
): Problem | undefined {
  const { landmarkMs } = evidence;
  const period = halfLifeMs === undefined ? 0 : landmarkMs / halfLifeMs;
  if (
    !Number.isFinite(landmarkMs) ||
    (halfLifeMs === undefined ? landmarkMs !== 0 : period !== Math.round(period))
  )
    return {
      code: 'implausible_evidence',
      field: 'landmarkMs',
      message: 'the landmark is no multiple of the half-life',
    };
  if (evidence.arms.size > limits.arms)
    return { code: 'implausible_evidence', field: 'arms', message: `more than ${limits.arms} arms` };
  for (const [key, row] of evidence.arms) {
    const message = implausible(row, centre, range);
    if (message !== undefined) return problem(key, message);
  }
  return undefined;
}

// Every inequality holds for any real outcomes with weights ≥ 0; the slack is for rounding.
function implausible(
  row: Float64Array,
  centre: number,
  range: readonly [number, number],
): string | undefined {
  const [n, w, ww, wx, wxx] = row;
  if (row.length !== ROW || !row.every(Number.isFinite)) return 'holds numbers that are not finite';
  if (n < 0 || w < 0 || ww < 0 || wxx < 0) return 'holds negative sums';
  if (n === 0 && (w > 0 || ww > 0 || wxx > 0 || wx !== 0)) return 'has weight without outcomes';
  if (ww > w * w * (1 + SLACK)) return 'has Σw² above (Σw)²';
  const width = range[1] - range[0];
  if (wx < w * (range[0] - centre - SLACK * width) || wx > w * (range[1] - centre + SLACK * width))
    return 'has a mean outside the declared range';
  const farthest = Math.max(centre - range[0], range[1] - centre) * (1 + SLACK);
  if (wx * wx > w * wxx * (1 + SLACK) + SLACK * w * w * width * width) return 'has a negative variance';
  if (wxx > w * farthest * farthest * (1 + SLACK)) return 'varies more than its range allows';
  return undefined;
}

function encode(evidence: Moments): Uint8Array {
  const writer = new ByteWriter(16 + evidence.arms.size * 56);
  writer.float64(evidence.landmarkMs).varint(evidence.arms.size);
  // Sorted, so that equal evidence gives equal bytes.
  for (const key of [...evidence.arms.keys()].sort()) {
    writer.text(key);
    for (const value of evidence.arms.get(key)!) writer.float64(value);
  }
  return writer.finish();
}

function decode(bytes: Uint8Array, limits: Limits): Moments {
  const reader = new ByteReader(bytes, limits.evidenceBytes);
  const landmarkMs = reader.finite();
  const count = reader.count(limits.arms, 1 + ROW * 8);
  const arms = new Map<string, Float64Array>();
  let previous = '';
  for (let i = 0; i < count; i++) {
    // An arm key is an id, '#' and a generation.
    const key = reader.text(limits.nameLength + 20);
    if (i > 0 && !(key > previous)) reader.fail('the arms are not in order');
    previous = key;
    const row = new Float64Array(ROW);
    for (let at = 0; at < ROW; at++) row[at] = reader.finite();
    arms.set(key, row);
  }
  reader.end();
  return { landmarkMs, arms };
}
