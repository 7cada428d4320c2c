import {
  blocked,
  type Kernels,
  MOST_COLUMNS,
  MOST_ROWS,
  placeOf,
  SIDE,
  triangleLength,
  trianglePlaceOf,
} from '../kernels.ts';
import type { Stream } from '../stats/random.ts';
import { demand, type Law } from './law.ts';

/** What every `Kernels` must do (see the contract): the bits of a sum written out, whatever the numbers are. */
export function kernelLaws(make: () => Kernels): readonly Law[] {
  return [
    {
      law: 'products with a rectangle are its sums in the declared order, bit for bit, from any row to any other',
      run(random) {
        const kernels = make();
        for (let round = 0; round < 3; round++) rectangleLaw(kernels, random);
      },
    },
    {
      law: 'the squared length by a triangle is its sums in the declared order, bit for bit',
      run(random) {
        const kernels = make();
        for (let round = 0; round < 3; round++) triangleLaw(kernels, random);
      },
    },
    {
      law: 'a table answers the same however many others were made and asked about since',
      run(random) {
        const kernels = make();
        const columns = 1 + random.integer(MOST_COLUMNS);
        const [rows, x] = [SIDE * (1 + random.integer(4)), numbersOf(random, columns)];
        const tables = Array.from({ length: 2 + random.integer(6) }, () => {
          const elements = matrixOf(random, rows, columns);
          return {
            table: kernels.rectangle(rectangular(elements), columns),
            sums: elements.map((row) => sumOf(row, x)),
          };
        });
        for (let ask = 0; ask < 40; ask++) {
          const { table, sums } = tables[random.integer(tables.length)];
          kernels.take(x, columns);
          table.multiply(0, rows);
          sameBits(kernels.sums.subarray(0, rows), sums);
        }
      },
    },
    {
      law: 'what becomes of x after it was taken changes nothing',
      run(random) {
        const kernels = make();
        const columns = 1 + random.integer(64);
        const elements = matrixOf(random, SIDE, columns);
        const table = kernels.rectangle(rectangular(elements), columns);
        const x = numbersOf(random, columns);
        const sums = elements.map((row) => sumOf(row, x));
        kernels.take(x, columns);
        x.fill(7);
        table.multiply(0, SIDE);
        sameBits(kernels.sums.subarray(0, SIDE), sums);
      },
    },
  ];
}

function rectangleLaw(kernels: Kernels, random: Stream): void {
  const columns = 1 + random.integer(random.integer(4) === 0 ? MOST_COLUMNS : 40);
  const rows = blocked(1 + random.integer(random.integer(8) === 0 ? MOST_ROWS : 100));
  const elements = matrixOf(random, rows, columns);
  const x = numbersOf(random, columns);
  const table = kernels.rectangle(rectangular(elements), columns);
  kernels.take(x, columns);
  const blocks = rows / SIDE;
  for (let ask = 0; ask < 3; ask++) {
    const from = SIDE * random.integer(blocks);
    const to = from + SIDE * random.integer(blocks - from / SIDE + 1);
    table.multiply(from, to);
    const sums = elements.slice(from, to).map((row) => sumOf(row, x));
    sameBits(kernels.sums.subarray(0, to - from), sums);
  }
}

function triangleLaw(kernels: Kernels, random: Stream): void {
  const dimension = 1 + random.integer(random.integer(4) === 0 ? MOST_COLUMNS : 40);
  const numbers = new Float64Array(triangleLength(dimension));
  const rows = matrixOf(random, dimension, dimension).map((row, i) => row.slice(0, i + 1));
  for (const [i, row] of rows.entries())
    for (const [j, value] of row.entries()) numbers[trianglePlaceOf(i, j)] = value;
  const x = numbersOf(random, dimension);
  kernels.take(x, dimension);
  const s = new Array<number>(SIDE).fill(0);
  for (const [i, row] of rows.entries()) s[i % SIDE] += sumOf(row, x) ** 2;
  const squared = s[0] + s[2] + (s[4] + s[6]) + (s[1] + s[3] + (s[5] + s[7]));
  const found = kernels.triangle(numbers, dimension).squaredLength();
  sameBits(Float64Array.of(found), [squared]);
}

/** As the contract says it: from 0, over rising columns. */
function sumOf(row: Float64Array, x: Float64Array): number {
  let sum = 0;
  for (let c = 0; c < row.length; c++) sum += x[c] * row[c];
  return sum;
}

function sameBits(found: Float64Array, expected: readonly number[]): void {
  for (const [i, value] of expected.entries())
    demand(Object.is(found[i], value), `sum ${i} is ${found[i]}, not ${value}`);
}

function rectangular(elements: readonly Float64Array[]): Float64Array {
  const columns = elements[0].length;
  const numbers = new Float64Array(elements.length * columns);
  for (const [r, row] of elements.entries())
    for (let c = 0; c < columns; c++) numbers[placeOf(r, c, columns)] = row[c];
  return numbers;
}

const matrixOf = (random: Stream, rows: number, columns: number): Float64Array[] =>
  Array.from({ length: rows }, () => numbersOf(random, columns));

/** Of all sizes whose products stay finite: ordinary, 0 and −0, subnormal, and so large that small ones are lost beside them. */
function numbersOf(random: Stream, length: number): Float64Array {
  const kind = random.integer(4);
  return Float64Array.from({ length }, () => {
    const sign = random.integer(2) === 0 ? 1 : -1;
    const value = sign * random.next();
    switch (kind === 0 ? 0 : random.integer(6)) {
      case 0:
      case 1:
        return value;
      case 2:
        return sign * 0;
      case 3:
        return value * 2 ** -1060;
      case 4:
        return value * 2 ** (random.integer(900) - 450);
      default:
        return sign;
    }
  });
}
