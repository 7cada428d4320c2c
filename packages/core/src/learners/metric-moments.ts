import type { Evidence } from '../evidence.ts';
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
import { type Moments, ROW } from './moments.ts';

/**
 * Evidence `metrics/1`: moments of several metrics at once, by arm. A row is the count of outcomes, Σw, Σw², Σw·x for
 * each metric and Σw·x·y for each pair, all about the middle of each metric's range. So the moments of *any* weighted
 * sum of the metrics can be read from it, exactly: what was learned outlives the weights it was learned under.
 */
export interface MetricMoments extends Evidence<Decayed> {
  subtract(a: Decayed, b: Decayed): Decayed;
  /** Folds one outcome in, in place. `values` in the order of the metrics, inside their ranges. */
  record(own: Decayed, armKey: string, values: readonly number[], weight: number, atMs: number): void;
  /** Moments of Σ weight × metric about `centre`, as if that had been recorded all along. */
  read(evidence: Decayed, weights: readonly number[], centre: number): Moments;
  decayTo(evidence: Decayed, nowMs: number): number;
}

const W = 1;
const WW = 2;
const SUMS = 3;
const SLACK = 1e-6;

/** @param ranges - of each metric. */
export function metricMoments(
  ranges: readonly (readonly [number, number])[],
  halfLifeMs: number | undefined,
): MetricMoments {
  const k = ranges.length;
  const centres = ranges.map(([low, high]) => (low + high) / 2);
  const halves = ranges.map(([low, high]) => (high - low) / 2);
  const shape: RowShape = {
    length: SUMS + k + (k * (k + 1)) / 2,
    weight: W,
    squares: WW,
    most: DEFAULT_LIMITS.arms,
    halfLifeMs,
    settle: (row) => settle(row, halves),
  };
  return {
    name: 'metrics/1',
    zero: () => ({ landmarkMs: 0, arms: new Map() }),
    add: (a, b) => combine(shape, a, b, 1),
    subtract: (a, b) => combine(shape, a, b, -1),
    scale: (evidence, weight) => scaled(shape, evidence, weight),
    outcomes: outcomesOf,
    record: (own, armKey, values, weight, atMs) => {
      const w = weightAt(shape, own, weight, atMs);
      const row = rowOf(shape, own, armKey);
      row[0] += weight < 0 ? -1 : 1;
      row[W] += w;
      row[WW] += w * Math.abs(w);
      let pair = SUMS + k;
      for (let i = 0; i < k; i++) {
        const x = values[i] - centres[i];
        row[SUMS + i] += w * x;
        for (let j = i; j < k; j++) row[pair++] += w * x * (values[j] - centres[j]);
      }
      if (weight < 0 || row[0] === 0) settleRow(shape, own.arms, armKey, row);
    },
    read: (evidence, weights, centre) => {
      const moments: Moments = { landmarkMs: evidence.landmarkMs, arms: new Map() };
      // Σ v·metric − centre = offset + Σ v·x, with x about the middles.
      const offset = centres.reduce((sum, middle, i) => sum + weights[i] * middle, -centre);
      for (const [key, row] of evidence.arms) moments.arms.set(key, readRow(row, weights, offset));
      return moments;
    },
    decayTo: (evidence, nowMs) => fadeAt(shape, evidence, nowMs),
    inFuture: (evidence, nowMs, slackMs, heaviest) => fromFuture(shape, evidence, nowMs, slackMs, heaviest),
    validate: (evidence, limits) =>
      implausibleRows(shape, evidence, limits, (row) => implausible(row, shape.length, halves)),
    fit: (evidence, maxBytes) => fitRows(shape, evidence, maxBytes),
    encode: (evidence) => encodeRows(shape, evidence),
    decode: (bytes, limits) => decodeRows(shape, bytes, limits),
  };
}

function readRow(row: Float64Array, weights: readonly number[], offset: number): Float64Array {
  const k = weights.length;
  let linear = 0;
  let quadratic = 0;
  let pair = SUMS + k;
  for (let i = 0; i < k; i++) {
    linear += weights[i] * row[SUMS + i];
    for (let j = i; j < k; j++) quadratic += (i === j ? 1 : 2) * weights[i] * weights[j] * row[pair++];
  }
  const moments = new Float64Array(ROW);
  moments[0] = row[0];
  moments[W] = row[W];
  moments[WW] = row[WW];
  moments[3] = offset * row[W] + linear;
  // A sum of squares: what cancellation leaves below zero, or below what the mean demands, is rounding.
  const least = row[W] > 0 ? (moments[3] * moments[3]) / row[W] : 0;
  moments[4] = Math.max(least, offset * offset * row[W] + 2 * offset * linear + quadratic);
  return moments;
}

/** Where the pair (i, i) stands. */
function squareAt(k: number, i: number): number {
  return SUMS + k + i * k - (i * (i - 1)) / 2;
}

function settle(row: Float64Array, halves: readonly number[]): void {
  const k = halves.length;
  const w = Math.max(row[W], 0);
  row[W] = w;
  row[WW] = between(row[WW], (w * w) / Math.max(1, row[0]), w * w);
  for (let i = 0; i < k; i++) {
    row[SUMS + i] = between(row[SUMS + i], -w * halves[i], w * halves[i]);
    const at = squareAt(k, i);
    const least = w > 0 ? (row[SUMS + i] * row[SUMS + i]) / w : 0;
    row[at] = between(row[at], least, w * halves[i] * halves[i]);
  }
  for (let i = 0; i < k; i++)
    for (let j = i + 1; j < k; j++) {
      const at = squareAt(k, i) + j - i;
      const most = Math.sqrt(row[squareAt(k, i)] * row[squareAt(k, j)]);
      row[at] = between(row[at], -most, most);
    }
}

function between(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

// Every inequality holds for any real outcomes with weights ≥ 0; the slack is for rounding.
function implausible(row: Float64Array, length: number, halves: readonly number[]): string | undefined {
  if (row.length !== length || !row.every(Number.isFinite)) return 'holds numbers that are not finite';
  const [n, w, ww] = row;
  const k = halves.length;
  if (n < 0 || w < 0 || ww < 0) return 'holds negative sums';
  if (n === 0 && row.some((value) => value !== 0)) return 'has weight without outcomes';
  if (ww > w * w * (1 + SLACK)) return 'has Σw² above (Σw)²';
  for (let i = 0; i < k; i++) {
    const half = halves[i] * (1 + SLACK);
    const sum = row[SUMS + i];
    const square = row[squareAt(k, i)];
    const slack = SLACK * w * w * half * half;
    if (Math.abs(sum) > w * half) return 'has a mean outside the declared range';
    if (sum * sum > w * square * (1 + SLACK) + slack) return 'has a negative variance';
    if (square > w * half * half) return 'varies more than its range allows';
    for (let j = i + 1; j < k; j++) {
      const cross = row[squareAt(k, i) + j - i];
      const most = w * halves[i] * halves[j];
      // Cauchy–Schwarz.
      if (cross * cross > square * row[squareAt(k, j)] * (1 + SLACK) + SLACK * most * most)
        return 'has metrics that vary together more than each does alone';
    }
  }
  return undefined;
}
