import { ByteReader, ByteWriter } from '../bytes.ts';
import type { ComparedMetric, Comparison } from '../comparison.ts';
import type { Evidence } from '../evidence.ts';
import type { Limits, Problem } from '../limits.ts';
import { log1p, sqrt } from '../stats/math.ts';
import type { AdaptiveSums } from './adaptive.ts';
import type { PairSums } from './cuped.ts';
import { BETS, type MismatchArm } from './mismatch.ts';
import {
  isSample,
  mergeSamples,
  readSample,
  repeatsOf,
  SAMPLE_LENGTH,
  sampleUnit,
  scaleSample,
  writeSample,
} from './unit-sample.ts';
import { addWager, WAGERS, type WagerSums, wagerSums } from './wagers.ts';

/**
 * Evidence `comparisons/2`: what is known of a point's experiments, as rows of additive sums by key. It travels like any
 * learner's, in slots: durable, counted once, taken out again with its node.
 *
 * Keys: `s` counts of a variant; `m` a metric of a variant with its covariate; `a` a metric of an arm weighted by
 * propensity, `b` its bets (see `mismatch.ts`), `w` its
 * wagers on a metric of this range (see `wagers.ts`), `m` and `a` about the centre of the metric (see `centreOf`); `u` a sample of the units of a comparison (see `unit-sample.ts`). Each is
 * followed by comparison, phase, variant and metric, tab between.
 */
export interface Tally {
  readonly rows: Map<string, Float64Array>;
}

/** Length of a row by the first letter of its key. */
const LENGTHS: Readonly<Record<string, number>> = {
  // decisions whose window has closed; those of them that count: exposed, with an outcome
  s: 2,
  // n, Σy, Σy², Σx, Σx², Σxy, outcomes outside the declared range
  m: 7,
  // n, Σp^−½, Σyp^−½, Σp⁻¹, Σyp⁻¹, Σy²p⁻¹
  a: 6,
  // n, then the gains of each bet
  b: 1 + BETS.length,
  // n, outcomes outside the range, the gains of each wager on more, and on less
  w: 2 + 2 * WAGERS.length,
  // hash and how many nodes counted it, of every unit in the sample
  u: SAMPLE_LENGTH,
};

/**
 * Most rows of a tally, so that it fits a slot: beyond them new ones are not counted. An experiment takes a row, one more for
 * every variant and one for every metric of it: 1,000 of two variants and one metric fit.
 */
export const ROWS_MAX = 5120;
const KEY_MAX = 400;

const tab = '\t';
/** `comparison`, phase and variant name the row; `metric` where it has one. */
export function rowKey(
  kind: 's' | 'm' | 'a' | 'b' | 'u' | 'w',
  { key, phase }: Pick<Comparison, 'key' | 'phase'>,
  variant: string,
  metric = '',
): string {
  return kind + tab + key + tab + phase + tab + variant + (metric === '' ? '' : tab + metric);
}

// As many widths of its range from 0 a metric is summed about the middle of it.
const FAR = 10;

/**
 * What the sums of a metric are taken about: as declared, or the middle of a range that is far from 0, or 0. All nodes know it
 * from the declaration, and about another centre the rows are others: they never add.
 */
export function centreOf(
  { centre }: Pick<ComparedMetric, 'centre'>,
  range: readonly [number, number] | undefined,
): number {
  if (centre !== undefined) return centre;
  if (range === undefined) return 0;
  const middle = range[0] / 2 + range[1] / 2;
  return Math.abs(middle) > FAR * (range[1] - range[0]) ? middle : 0;
}

/** Names the metric in its rows about this centre. */
export const centredOn = (metric: string, centre: number): string =>
  centre === 0 ? metric : `${metric} ${centre}`;

/** The comparison that a row belongs to. */
export const comparisonOf = (key: string): string => key.split(tab, 2)[1];

/** The phase that a row belongs to. */
export const phaseOf = (key: string): number => Number(key.split(tab, 3)[2]);

function rowFor(tally: Tally, key: string): Float64Array | undefined {
  const known = tally.rows.get(key);
  if (known !== undefined || tally.rows.size >= ROWS_MAX) return known;
  const row = new Float64Array(LENGTHS[key[0]]);
  tally.rows.set(key, row);
  return row;
}

/** A decision's window has closed; `counts`: it was exposed and something came back. In place. */
export function addDecision(tally: Tally, key: string, counts: boolean): void {
  const row = rowFor(tally, key);
  if (row === undefined) return;
  row[0]++;
  if (counts) row[1]++;
}

/** Largest sum of a row: many of them, of as many nodes as there are, still add up to a finite number. */
const SUM_MAX = 1e250;

/**
 * Adds to a row, unless a sum would be too large: what is not finite cannot be written, or not read again. Returns whether it
 * was added. In place.
 */
function addRow(tally: Tally, key: string, terms: readonly number[]): boolean {
  const row = rowFor(tally, key);
  if (row === undefined) return true; // there is no room: not for what the outcome is
  for (let i = 0; i < terms.length; i++) if (!(Math.abs(row[i] + terms[i]) <= SUM_MAX)) return false;
  for (let i = 0; i < terms.length; i++) row[i] += terms[i];
  return true;
}

/** One outcome of a metric, less its centre, with its covariate (0 where there is none). Whether it could be added. In place. */
export function addValue(tally: Tally, key: string, y: number, x: number, outside: boolean): boolean {
  return addRow(tally, key, [1, y, y * y, x, x * x, x * y, outside ? 1 : 0]);
}

/** One outcome, less its centre, of an arm that was drawn with this propensity in (0, 1]. Whether it could be added. In place. */
export function addWeighted(tally: Tally, key: string, y: number, propensity: number): boolean {
  const inverse = 1 / propensity;
  const root = sqrt(inverse);
  return addRow(tally, key, [1, root, y * root, inverse, y * inverse, y * y * inverse]);
}

/** A drawn arm that counts; see `countArm`. Whether it could be added. In place. */
export function addBets(tally: Tally, key: string, propensity: number): boolean {
  return addRow(tally, key, [1, ...BETS.map((bet) => log1p(bet * (1 / propensity - 1)))]);
}

/** Names the metric in the row of wagers on it: on another range they are others. */
export const wageredOn = (metric: string, [least, most]: readonly [number, number]): string =>
  `${metric} ${least} ${most}`;

/** One outcome of an arm within a range, drawn with this propensity in (0, 1]. Whether it could be added. In place. */
export function addWagered(
  tally: Tally,
  key: string,
  y: number,
  propensity: number,
  range: readonly [number, number],
): boolean {
  const sums = wagerSums();
  addWager(sums, y, propensity, range);
  return addRow(tally, key, [sums.n, sums.outside, ...sums.low, ...sums.high]);
}

export function wagersIn(tally: Tally, key: string): WagerSums {
  const row = tally.rows.get(key) ?? new Float64Array(LENGTHS.w);
  const middle = 2 + WAGERS.length;
  return { n: row[0], outside: row[1], low: [...row.subarray(2, middle)], high: [...row.subarray(middle)] };
}

/** A unit is counted, for the first time here; `hash`: of the unit within the comparison, in [0, 2³²). In place. */
export function addUnit(tally: Tally, key: string, hash: number): void {
  const row = rowFor(tally, key);
  if (row !== undefined) sampleUnit(row, hash);
}

/** See `repeatsOf`: 1 where every unit was counted by one node. */
export const repeatsIn = (tally: Tally, key: string): number => repeatsOf(tally.rows.get(key));

export function decisionsIn(
  tally: Tally,
  key: string,
): { readonly closed: number; readonly counted: number } {
  const row = tally.rows.get(key);
  return { closed: row?.[0] ?? 0, counted: row?.[1] ?? 0 };
}

/** @param repeats - see `repeatsIn`: the sums of as many units as say as much */
export function pairsIn(tally: Tally, key: string, repeats: number): PairSums & { readonly outside: number } {
  const row = tally.rows.get(key) ?? ZEROS;
  const [n, sum, squares, x, xx, xy, outside] = row.map((value) => value / repeats);
  return { n, sum, squares, x, xx, xy, outside };
}

export function weightedIn(tally: Tally, key: string): AdaptiveSums {
  const [n, root, rootSum, inverse, inverseSum, inverseSquares] = tally.rows.get(key) ?? ZEROS;
  return { n, root, rootSum, inverse, inverseSum, inverseSquares };
}

export function betsIn(tally: Tally, key: string): MismatchArm {
  const row = tally.rows.get(key);
  return { n: row?.[0] ?? 0, gains: BETS.map((_, j) => row?.[1 + j] ?? 0) };
}

const ZEROS = new Float64Array(8);

/** What comparisons count, as evidence: rows add up. */
export const tallies: Evidence<Tally> = {
  name: 'comparisons/2',
  zero: () => ({ rows: new Map() }),
  add(a, b) {
    const rows = new Map<string, Float64Array>();
    for (const [key, row] of a.rows) rows.set(key, row.slice());
    for (const [key, row] of b.rows) {
      const into = rows.get(key);
      if (into === undefined) rows.set(key, row.slice());
      else if (key[0] === 'u') rows.set(key, mergeSamples(into, row));
      else for (let i = 0; i < row.length; i++) into[i] += row[i];
    }
    return { rows };
  },
  scale: ({ rows }, weight) => ({
    rows: new Map(
      [...rows].map(([key, row]) => [
        key,
        key[0] === 'u' ? scaleSample(row, weight) : row.map((value) => value * weight),
      ]),
    ),
  }),
  outcomes({ rows }) {
    let total = 0;
    for (const [key, row] of rows) if (key[0] === 's') total += row[0];
    return total;
  },
  validate({ rows }) {
    if (rows.size > ROWS_MAX) return problem('rows', `more than ${ROWS_MAX} rows`);
    for (const [key, row] of rows) {
      const wrong = implausible(key, row);
      if (wrong !== '') return problem(key, wrong);
    }
    return undefined;
  },
  encode({ rows }) {
    const writer = new ByteWriter(16 + rows.size * 96);
    writer.varint(rows.size);
    for (const key of [...rows.keys()].sort()) {
      writer.text(key);
      const row = rows.get(key) as Float64Array;
      if (key[0] === 'u') writeSample(writer, row);
      else for (const value of row) writer.float64(value);
    }
    return writer.finish();
  },
  decode(bytes, limits: Limits) {
    const reader = new ByteReader(bytes, limits.evidenceBytes);
    const count = reader.count(ROWS_MAX, 17);
    const rows = new Map<string, Float64Array>();
    let previous = '';
    for (let i = 0; i < count; i++) {
      const key = reader.text(KEY_MAX);
      if (i > 0 && !(key > previous)) reader.fail('the rows are not in order');
      previous = key;
      const length = key[1] === tab ? LENGTHS[key[0]] : undefined;
      if (length === undefined) return reader.fail('a row of no known kind');
      if (key[0] === 'u') rows.set(key, readSample(reader));
      else
        rows.set(
          key,
          Float64Array.from({ length }, () => reader.finite()),
        );
    }
    reader.end();
    return { rows };
  },
};

function problem(field: string, message: string): Problem {
  return { code: 'implausible_evidence', field, message: `${JSON.stringify(field)}: ${message}` };
}

const SLACK = 1 + 1e-6;

// Every inequality holds for any real outcomes; the slack is for rounding.
function implausible(key: string, row: Float64Array): string {
  if (!row.every((value) => Math.abs(value) <= SUM_MAX))
    return 'holds numbers that are not finite, or too large';
  if (row[0] < 0) return 'counts fewer than none';
  switch (key[0]) {
    case 's':
      return row[1] < 0 || row[1] > row[0] * SLACK ? 'more count than there are' : '';
    case 'm':
      return square(row[0], row[1], row[2]) && square(row[0], row[3], row[4]) && row[6] <= row[0] * SLACK
        ? ''
        : 'has a negative variance';
    case 'a':
      return row[1] * SLACK >= row[0] && square(row[0], row[1], row[3]) && square(row[3], row[4], row[5])
        ? ''
        : 'has weights below 1 or a negative variance';
    case 'u':
      return isSample(row) ? '' : 'is no sample of units';
    case 'w':
      return row.every((value) => value >= 0) && row[1] <= row[0] * SLACK ? '' : 'gains less than nothing';
    default:
      return row.every((value) => value >= 0) ? '' : 'gains less than nothing';
  }
}

/** (Σx)² ≤ n Σx², as Cauchy and Schwarz have it. */
function square(n: number, sum: number, squares: number): boolean {
  return squares >= 0 && sum * sum <= n * squares * SLACK + 1e-9 * squares;
}
