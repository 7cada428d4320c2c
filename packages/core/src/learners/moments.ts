import type { Evidence } from '../evidence.ts';
import type { Problem } from '../limits.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import {
  combine,
  type Decayed,
  decodeRows,
  encodeRows,
  fadeAt,
  fitRows,
  fromFuture,
  implausibleRows,
  outcomesOf,
  type RowShape,
  rowOf,
  scaled,
  settleRow,
  weightAt,
} from './decayed.ts';

/**
 * Evidence `moments/1`: what every learner without context needs to know of an arm, weighted by forgetting. By arm key
 * a row of `ROW` numbers, see the offsets below; at most `DEFAULT_LIMITS.arms` of them.
 */
export type Moments = Decayed;

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
   * error: evidence from the future would drown everybody else's. @param heaviest - sampling weight among them
   */
  inFuture(evidence: Moments, nowMs: number, slackMs: number, heaviest: number): Problem | undefined;
  /** Σw at `nowMs`: what a landmark at that time would make of it. Multiply sums by this to compare with counts. */
  decayTo(evidence: Moments, nowMs: number): number;
}

const SLACK = 1e-6;

/** Moments per arm with this half-life, centre and range. */
export function moments(options: MomentsOptions): MomentsEvidence {
  const { range, halfLifeMs } = options;
  const centre = options.centre ?? (range[0] + range[1]) / 2;
  const shape: RowShape = {
    length: ROW,
    weight: W,
    squares: WW,
    most: DEFAULT_LIMITS.arms,
    halfLifeMs,
    settle: (row) => settle(row, range[0] - centre, range[1] - centre),
  };
  return {
    name: 'moments/1',
    centre,
    halfLifeMs,
    range,
    zero: () => ({ landmarkMs: 0, arms: new Map() }),
    add: (a, b) => combine(shape, a, b, 1),
    subtract: (a, b) => combine(shape, a, b, -1),
    scale: (evidence, weight) => scaled(shape, evidence, weight),
    outcomes: outcomesOf,
    record: (own, armKey, x, weight, atMs) => record(shape, own, armKey, x - centre, weight, atMs),
    decayTo: (evidence, nowMs) => fadeAt(shape, evidence, nowMs),
    inFuture: (evidence, nowMs, slackMs, heaviest) => fromFuture(shape, evidence, nowMs, slackMs, heaviest),
    validate: (evidence, limits) =>
      implausibleRows(shape, evidence, limits, (row) => implausible(row, centre, range)),
    fit: (evidence, maxBytes) => fitRows(shape, evidence, maxBytes),
    encode: (evidence) => encodeRows(shape, evidence),
    decode: (bytes, limits) => decodeRows(shape, bytes, limits),
  };
}

function record(
  shape: RowShape,
  own: Moments,
  armKey: string,
  d: number,
  weight: number,
  atMs: number,
): void {
  const w = weightAt(shape, own, weight, atMs);
  const row = rowOf(shape, own, armKey);
  row[OUTCOMES] += weight < 0 ? -1 : 1;
  row[W] += w;
  row[WW] += w * Math.abs(w);
  row[WX] += w * d;
  row[WXX] += w * d * d;
  if (weight < 0 || row[OUTCOMES] === 0) settleRow(shape, own.arms, armKey, row);
}

// What cancellation leaves of light outcomes beside heavy ones is moved to the nearest sums that outcomes in [low, high]
// about the centre can have.
function settle(row: Float64Array, low: number, high: number): void {
  const w = Math.max(row[W], 0);
  row[W] = w;
  row[WW] = between(row[WW], (w * w) / Math.max(1, row[OUTCOMES]), w * w);
  row[WX] = between(row[WX], w * low, w * high);
  row[WXX] = between(row[WXX], w > 0 ? (row[WX] * row[WX]) / w : 0, w * Math.max(low * low, high * high));
}

function between(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
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
