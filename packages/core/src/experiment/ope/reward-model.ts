import { GanglionError } from '../../errors.ts';
import { sqrt } from '../../stats/math.ts';
import { stream } from '../../stats/random.ts';
import { addOuter, solveRidge } from './ridge.ts';
import type { ModelColumns } from './sample.ts';

/** What a reward model is fitted to. */
export interface RewardRows {
  readonly reward: Float64Array;
  /** Arm executed, in [0, arms). */
  readonly arm: Int32Array;
  readonly arms: number;
  /** Row-major, rows × width; no intercept, it is added. NaN counts as the column's mean. */
  readonly features: Float64Array;
  /** Features a row; may be 0. */
  readonly width: number;
}

export interface RewardModelOptions {
  /** Default 5. */
  readonly folds?: number | undefined;
  /** Which row is in which fold. Default 1. */
  readonly seed?: number | undefined;
  /** Rows' worth of belief that an arm is like all the others. Default 10. */
  readonly penalty?: number | undefined;
}

/**
 * Cross-fitted ridge regression, an arm apart: r ≈ r̄ + θₐ·[1, x], features standardised, and all of θₐ held toward 0, so
 * that an arm hardly seen is predicted like the log as a whole. A row is predicted by a model that has not seen its fold:
 * without this, doubly robust estimates are biased by their own noise (Chernozhukov et al. 2018, "Double/debiased machine
 * learning"). One pass gathers each fold's normal equations, so memory does not grow with the rows but for two columns.
 *
 * @param candidate - fills π(·|xᵢ), `arms` long.
 * @throws GanglionError `invalid_input`
 */
export function crossFit(
  rows: RewardRows,
  candidate: (row: number, out: Float64Array) => void,
  options: RewardModelOptions = {},
): ModelColumns {
  const { folds = 5, seed = 1, penalty = 10 } = options;
  check(rows, folds, penalty);
  const n = rows.reward.length;
  const scale = standardise(rows);
  const fold = foldsOf(n, folds, seed);
  const models = fit(rows, scale, fold, folds, penalty);
  const taken = new Float64Array(n);
  const expected = new Float64Array(n);
  const x = new Float64Array(rows.width + 1);
  const p = new Float64Array(rows.arms);
  for (let i = 0; i < n; i++) {
    const model = models[fold[i]];
    encode(rows, scale, i, x);
    taken[i] = predict(model, rows.arm[i], x);
    candidate(i, p);
    let sum = 0;
    for (let a = 0; a < rows.arms; a++) if (p[a] > 0) sum += p[a] * predict(model, a, x);
    expected[i] = sum;
  }
  return { taken, expected };
}

/** Which fold each row is in: equal parts but for one row, shuffled. */
export function foldsOf(n: number, folds: number, seed: number): Uint8Array {
  const fold = new Uint8Array(n);
  for (let i = 0; i < n; i++) fold[i] = i % folds;
  const draws = stream(seed, 0x666f6c64);
  for (let i = n - 1; i > 0; i--) {
    const j = draws.integer(i + 1);
    [fold[i], fold[j]] = [fold[j], fold[i]];
  }
  return fold;
}

interface Scale {
  readonly mean: Float64Array;
  /** 1 / standard deviation; 0 for a column that never varies. */
  readonly inverse: Float64Array;
}

interface FoldModel {
  readonly centre: number;
  /** By arm: weights of [1, x]; undefined: the arm is not in the training rows. */
  readonly weights: readonly (Float64Array | undefined)[];
}

function fit(rows: RewardRows, scale: Scale, fold: Uint8Array, folds: number, penalty: number): FoldModel[] {
  const d = rows.width + 1;
  const size = d * d + 2 * d + 1;
  const n = rows.reward.length;
  // By fold and arm: XᵀX, Xᵀr, Xᵀ1 (for the centring) and the count, in one stretch.
  const sums = Array.from({ length: folds }, () => new Float64Array(rows.arms * size));
  const totals = new Float64Array(folds * 2);
  const x = new Float64Array(d);
  for (let i = 0; i < n; i++) {
    encode(rows, scale, i, x);
    addOuter(sums[fold[i]], rows.arm[i] * size, x, rows.reward[i]);
    totals[2 * fold[i]] += rows.reward[i];
    totals[2 * fold[i] + 1] += 1;
  }
  return sums.map((_, k) => {
    let total = 0;
    let count = 0;
    for (let j = 0; j < folds; j++)
      if (j !== k) {
        total += totals[2 * j];
        count += totals[2 * j + 1];
      }
    const centre = total / count;
    const others = sums.filter((_, j) => j !== k);
    const weights = Array.from({ length: rows.arms }, (_, a) => {
      const part = new Float64Array(size);
      for (const each of others) for (let s = 0; s < size; s++) part[s] += each[a * size + s];
      return part[size - 1] === 0 ? undefined : solveRidge(part, d, centre, penalty);
    });
    return { centre, weights };
  });
}

function predict({ centre, weights }: FoldModel, arm: number, x: Float64Array): number {
  const theta = weights[arm];
  if (theta === undefined) return centre;
  let sum = centre;
  for (let j = 0; j < x.length; j++) sum += theta[j] * x[j];
  return sum;
}

function encode(rows: RewardRows, scale: Scale, i: number, out: Float64Array): void {
  out[0] = 1;
  for (let j = 0; j < rows.width; j++) {
    const value = rows.features[i * rows.width + j];
    out[j + 1] = Number.isNaN(value) ? 0 : (value - scale.mean[j]) * scale.inverse[j];
  }
}

function standardise({ features, width, reward }: RewardRows): Scale {
  const mean = new Float64Array(width);
  const inverse = new Float64Array(width);
  for (let j = 0; j < width; j++) {
    let count = 0;
    let centre = 0;
    let squares = 0;
    for (let i = 0; i < reward.length; i++) {
      const value = features[i * width + j];
      if (Number.isNaN(value)) continue;
      // Welford's update: a large offset must not eat the variance.
      count++;
      const step = value - centre;
      centre += step / count;
      squares += step * (value - centre);
    }
    mean[j] = centre;
    inverse[j] = squares > 0 ? 1 / sqrt(squares / count) : 0;
  }
  return { mean, inverse };
}

function check(rows: RewardRows, folds: number, penalty: number): void {
  const { reward, arm, arms, features, width } = rows;
  const refuse = (field: string, value: unknown, mend: string): never => {
    throw new GanglionError('invalid_input', `${field} is not usable`, { field, value, mend });
  };
  if (!(Number.isInteger(folds) && folds >= 2 && folds <= 20)) refuse('folds', folds, 'Give 2 to 20.');
  if (reward.length < folds) refuse('rows', reward.length, `Give at least one row a fold, ${folds}.`);
  if (!(penalty > 0)) refuse('penalty', penalty, 'Give a number above 0.');
  if (features.length !== reward.length * width)
    refuse('features', features.length, `Give ${width} features a row.`);
  if (arm.length !== reward.length) refuse('arm', arm.length, `Give ${reward.length} arms.`);
  for (let i = 0; i < arm.length; i++)
    if (!(arm[i] >= 0 && arm[i] < arms)) refuse(`arm[${i}]`, arm[i], `Arms are numbered 0 to ${arms - 1}.`);
  for (let i = 0; i < features.length; i++)
    if (features[i] === Infinity || features[i] === -Infinity)
      refuse(`features[${i}]`, features[i], 'Give finite numbers, NaN where one is missing.');
}
