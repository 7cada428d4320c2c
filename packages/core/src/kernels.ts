/**
 * The inner loops of linear models, as a port: a platform may run them faster than plain TypeScript does (adapters have
 * them in WebAssembly with SIMD). Every implementation gives the same bits, because the order of every sum is part of
 * the contract, and nothing is fused: what a node decides does not depend on the machine it runs on.
 *
 * One x at a time: `take` it, then ask tables about it, and read `sums` before the next question.
 */
export interface Kernels {
  /** What the last `multiply` gave: room for `MOST_ROWS` numbers. */
  readonly sums: Float64Array;
  /** The first `length` (≤ `MOST_COLUMNS`) numbers of x. Later changes to x are not seen. */
  take(x: Float64Array, length: number): void;
  /**
   * A table to be asked about many an x. `numbers` are in the layout of `placeOf`, finite, and not changed afterwards;
   * `columns` ≤ `MOST_COLUMNS`, rows a multiple of `SIDE`.
   */
  rectangle(numbers: Float64Array, columns: number): Rectangle;
  /** A lower triangle of this dimension in the layout of `trianglePlaceOf`. */
  triangle(numbers: Float64Array, dimension: number): Triangle;
}

export interface Rectangle {
  /**
   * sums[r − from] = Σ x_c T[r][c] for rows from … to − 1, each one sum over rising c that begins at 0. `from` and `to`
   * are multiples of `SIDE`, at most `MOST_ROWS` apart.
   */
  multiply(from: number, to: number): void;
}

export interface Triangle {
  /**
   * |T x|²: rows as in `multiply`, their squares in `SIDE` sums, one for each place in a block, over rising blocks; and
   * of these ((s₀ + s₂) + (s₄ + s₆)) + ((s₁ + s₃) + (s₅ + s₇)). Overwrites `sums`.
   */
  squaredLength(): number;
}

/** Rows that lie side by side, so that their sums are under way at once. */
export const SIDE = 8;
export const MOST_COLUMNS = 256;
export const MOST_ROWS = 1024;

/** `rows`, or the next multiple of `SIDE`: rows beyond are 0. */
export const blocked = (rows: number): number => Math.ceil(rows / SIDE) * SIDE;

/** Where element (r, c) stands: by block of `SIDE` rows, by column, by row. */
export const placeOf = (r: number, c: number, columns: number): number =>
  (r - (r % SIDE)) * columns + c * SIDE + (r % SIDE);

/** Where element (r, c ≤ r) of a lower triangle stands: block b has its first (b + 1) · `SIDE` columns, the rest being 0. */
export const trianglePlaceOf = (r: number, c: number): number => {
  const block = Math.floor(r / SIDE);
  return triangleLength(block * SIDE) + c * SIDE + (r % SIDE);
};

/** Numbers in a lower triangle of this dimension. */
export function triangleLength(dimension: number): number {
  const blocks = Math.ceil(dimension / SIDE);
  return ((blocks * (blocks + 1)) / 2) * SIDE * SIDE;
}

/** A packed lower triangle (element (i, j ≤ i) at i(i + 1)/2 + j), laid out for `triangle`. */
export function triangleOf(packed: Float64Array, dimension: number): Float64Array {
  const numbers = new Float64Array(triangleLength(dimension));
  for (let i = 0, at = 0; i < dimension; i++)
    for (let j = 0; j <= i; j++) numbers[trianglePlaceOf(i, j)] = packed[at++];
  return numbers;
}

/** x without its zeros, which add nothing to any sum: a one-hot context has few others. */
export interface Taken {
  readonly values: Float64Array;
  readonly columns: Int32Array;
  used: number;
}

export function takeInto(taken: Taken, x: Float64Array, length: number): void {
  const { values, columns } = taken;
  let used = 0;
  for (let i = 0; i < length; i++) {
    const value = x[i];
    // Written in any case, and kept if it counts: no branch to foresee.
    values[used] = value;
    columns[used] = i;
    if (value !== 0) used++;
  }
  taken.used = used;
}

/** The contract in plain TypeScript: what runs where nothing faster is given, and what others are compared with. */
export function scalarKernels(): Kernels {
  const sums = new Float64Array(MOST_ROWS);
  const taken: Taken = {
    values: new Float64Array(MOST_COLUMNS),
    columns: new Int32Array(MOST_COLUMNS),
    used: 0,
  };
  return {
    sums,
    take: (x, length) => takeInto(taken, x, length),
    rectangle: (numbers, columns) => ({
      multiply: (from, to) => multiply(numbers, columns, taken, from, to, sums),
    }),
    triangle: (numbers, dimension) => ({
      squaredLength: () => triangularSquare(numbers, dimension, taken, sums),
    }),
  };
}

/** `Rectangle.multiply` in plain TypeScript. */
export function multiply(
  numbers: Float64Array,
  columns: number,
  taken: Taken,
  from: number,
  to: number,
  sums: Float64Array,
): void {
  for (let row = from; row < to; row += HALF)
    sumHalf(numbers, placeOf(row, 0, columns), taken, taken.used, sums, row - from);
}

/** `Triangle.squaredLength` in plain TypeScript. @param sums - scratch */
export function triangularSquare(
  numbers: Float64Array,
  dimension: number,
  taken: Taken,
  sums: Float64Array,
): number {
  const { columns, used } = taken;
  let [q0, q1, q2, q3, q4, q5, q6, q7] = [0, 0, 0, 0, 0, 0, 0, 0];
  let within = 0;
  for (let row = 0, at = 0; row < dimension; row += SIDE, at += row * SIDE) {
    while (within < used && columns[within] < row + SIDE) within++;
    sumHalf(numbers, at, taken, within, sums, 0);
    sumHalf(numbers, at + HALF, taken, within, sums, HALF);
    q0 += sums[0] * sums[0];
    q1 += sums[1] * sums[1];
    q2 += sums[2] * sums[2];
    q3 += sums[3] * sums[3];
    q4 += sums[4] * sums[4];
    q5 += sums[5] * sums[5];
    q6 += sums[6] * sums[6];
    q7 += sums[7] * sums[7];
  }
  return q0 + q2 + (q4 + q6) + (q1 + q3 + (q5 + q7));
}

const HALF = SIDE / 2;

/** Four sums side by side: one alone would wait for itself at every step, and eight are more than V8 keeps at hand. */
function sumHalf(
  numbers: Float64Array,
  at: number,
  { values, columns }: Taken,
  used: number,
  sums: Float64Array,
  to: number,
): void {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let k = 0; k < used; k++) {
    const value = values[k];
    const p = at + SIDE * columns[k];
    s0 += value * numbers[p];
    s1 += value * numbers[p + 1];
    s2 += value * numbers[p + 2];
    s3 += value * numbers[p + 3];
  }
  sums[to] = s0;
  sums[to + 1] = s1;
  sums[to + 2] = s2;
  sums[to + 3] = s3;
}
