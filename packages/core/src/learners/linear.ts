import type { Evidence } from '../evidence.ts';
import type { Limits, Problem } from '../limits.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { sqrt } from '../stats/math.ts';
import { addOuter, packedLength } from '../stats/symmetric.ts';
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
 * Evidence `linear/1`: what a linear model needs to know of an arm, or of all arms together: A = Σw x xᵀ and b = Σw y x,
 * never an inverse, so that it adds. x is the encoded context with x₀ = 1; y is the reward mapped from its declared range
 * to [−½, ½], so that priors have no unit. The ridge is no part of it: it is applied once, on reading.
 */
export type Linear = Decayed;

/** Outcomes, undecayed. */
export const OUTCOMES = 0;
/** Σw². */
export const WW = 1;
/** Σwy². */
export const WYY = 2;
/** Where b begins; A follows it, packed. Σw is A₀₀ and Σwy is b₀. */
export const B = 3;

export interface LinearOptions {
  /** Length of x. */
  readonly dimension: number;
  /** Largest |xⱼ| that the encoding can give; the first is 1. */
  readonly bounds: Float64Array;
  /** Half-life of an outcome's weight, ms; undefined: nothing is forgotten. */
  readonly halfLifeMs?: number | undefined;
  /** Declared range of the reward. */
  readonly range: readonly [number, number];
}

export interface LinearEvidence extends Evidence<Linear> {
  readonly dimension: number;
  readonly halfLifeMs: number | undefined;
  readonly range: readonly [number, number];
  /** Where A begins in a row. */
  readonly gram: number;
  subtract(a: Linear, b: Linear): Linear;
  /**
   * Folds one outcome in, in place; `weight` < 0 takes it back at its original weight. A reward beyond the range counts
   * as its nearer end; what is not finite is not folded in. @param atMs - tree time of the decision.
   */
  record(own: Linear, key: string, x: Float64Array, reward: number, weight: number, atMs: number): void;
  /** As for moments: a problem if a row weighs more than its outcomes could at `nowMs`, with `slackMs` of clock error. */
  inFuture(evidence: Linear, nowMs: number, slackMs: number, heaviest: number): Problem | undefined;
  /** What a landmark at `nowMs` would make of the sums. */
  decayTo(evidence: Linear, nowMs: number): number;
}

const SLACK = 1e-6;

/** Most rows of this dimension that fit the limit on encoded evidence. */
export function mostRows(dimension: number, limits: Limits = DEFAULT_LIMITS): number {
  const bytes = 8 * (B + dimension + packedLength(dimension)) + limits.nameLength + 24;
  return Math.min(limits.arms, Math.floor((limits.evidenceBytes - 16) / bytes));
}

/** Linear statistics of this dimension, half-life and range. */
export function linear(options: LinearOptions): LinearEvidence {
  const { dimension, bounds, range, halfLifeMs } = options;
  const gram = B + dimension;
  const shape: RowShape = {
    length: gram + packedLength(dimension),
    weight: gram,
    squares: WW,
    most: mostRows(dimension),
    halfLifeMs,
    settle: (row) => settle(row, dimension, bounds),
  };
  const middle = (range[0] + range[1]) / 2;
  const width = range[1] - range[0];
  return {
    name: 'linear/1',
    dimension,
    halfLifeMs,
    range,
    gram,
    zero: () => ({ landmarkMs: 0, arms: new Map() }),
    add: (a, b) => combine(shape, a, b, 1),
    subtract: (a, b) => combine(shape, a, b, -1),
    scale: (evidence, weight) => scaled(shape, evidence, weight),
    outcomes: outcomesOf,
    record: (own, key, x, reward, weight, atMs) => {
      let size = Math.abs(weight) + Math.abs(reward);
      for (let i = 0; i < dimension; i++) size += Math.abs(x[i]);
      if (!(size < Infinity)) return;
      const y = Math.max(-0.5, Math.min(0.5, (reward - middle) / width));
      record(shape, own, key, x, y, weight, atMs);
    },
    decayTo: (evidence, nowMs) => fadeAt(shape, evidence, nowMs),
    inFuture: (evidence, nowMs, slackMs, heaviest) => fromFuture(shape, evidence, nowMs, slackMs, heaviest),
    validate: (evidence, limits) =>
      implausibleRows(shape, evidence, limits, (row) => implausible(row, dimension, bounds)),
    fit: (evidence, maxBytes) => fitRows(shape, evidence, maxBytes),
    encode: (evidence) => encodeRows(shape, evidence),
    decode: (bytes, limits) => decodeRows(shape, bytes, limits),
  };
}

function record(
  shape: RowShape,
  own: Linear,
  key: string,
  x: Float64Array,
  y: number,
  weight: number,
  atMs: number,
): void {
  const w = weightAt(shape, own, weight, atMs);
  const row = rowOf(shape, own, key);
  const gram = shape.weight;
  const wy = w * y;
  row[OUTCOMES] += weight < 0 ? -1 : 1;
  row[WW] += w * Math.abs(w);
  row[WYY] += wy * y;
  for (let i = 0; i < gram - B; i++) row[B + i] += wy * x[i];
  addOuter(row, gram, x, gram - B, w);
  if (weight < 0 || row[OUTCOMES] === 0) settleRow(shape, own.arms, key, row);
}

// What cancellation leaves of light outcomes beside heavy ones is moved to where Cauchy and Schwarz allow it.
function settle(row: Float64Array, dimension: number, bounds: Float64Array): void {
  const gram = B + dimension;
  const w = Math.max(row[gram], 0);
  row[gram] = w;
  row[WW] = between(row[WW], (w * w) / Math.max(1, row[OUTCOMES]), w * w);
  row[WYY] = between(row[WYY], 0, w / 4);
  for (let i = 0, at = gram; i < dimension; at += ++i) {
    const diagonal = between(row[at + i], 0, w * bounds[i] * bounds[i]);
    row[at + i] = diagonal;
    for (let j = 0, other = gram; j < i; other += ++j + 1) {
      const most = sqrt(diagonal * row[other]);
      row[at + j] = between(row[at + j], -most, most);
    }
    const most = sqrt(diagonal * row[WYY]);
    row[B + i] = between(row[B + i], -most, most);
  }
}

function between(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

// Every inequality holds for any real outcomes with weights ≥ 0; the slack is for rounding. That A is positive
// semidefinite as a whole is not asked (it costs a factorisation): the reader's factorisation copes with any A.
function implausible(row: Float64Array, dimension: number, bounds: Float64Array): string | undefined {
  const gram = B + dimension;
  if (row.length !== gram + packedLength(dimension)) return 'has another dimension';
  for (let i = 0; i < row.length; i++)
    if (!Number.isFinite(row[i])) return 'holds numbers that are not finite';
  const n = row[OUTCOMES];
  const w = row[gram];
  if (n < 0 || w < 0 || row[WW] < 0 || row[WYY] < 0) return 'holds negative sums';
  if (n === 0) return row.some((value) => value !== 0) ? 'has weight without outcomes' : undefined;
  if (row[WW] > w * w * (1 + SLACK)) return 'has Σw² above (Σw)²';
  if (row[WYY] > 0.25 * w * (1 + SLACK)) return 'varies more than its range allows';
  for (let i = 0, at = gram; i < dimension; at += ++i) {
    const square = row[at + i];
    const cap = bounds[i] * bounds[i];
    if (square < 0 || square > w * cap * (1 + SLACK)) return 'has features beyond their bounds';
    const by = row[B + i] * row[B + i];
    if (by > square * row[WYY] * (1 + SLACK) + SLACK * w * w * cap) return 'has rewards beyond their range';
    for (let j = 0, other = gram; j < i; other += ++j + 1) {
      const cross = row[at + j] * row[at + j];
      const most = square * row[other] * (1 + SLACK);
      if (cross > most + SLACK * w * w * cap * bounds[j] * bounds[j])
        return 'has features that vary together more than apart';
    }
  }
  return undefined;
}
