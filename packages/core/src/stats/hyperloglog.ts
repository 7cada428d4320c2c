import { GanglionError } from '../errors.ts';
import { hash32 } from './hash.ts';
import { LN2, sqrt } from './math.ts';

/**
 * How many different values there were: HyperLogLog (Flajolet et al. 2007) with 2^p registers of a byte, two independent
 * 32-bit hashes a value (the register from one, the rank from the other), and Ertl's estimator (arXiv:1702.01284, §4),
 * which needs no tables and no change of formula at small counts. Standard error about 1.04/√2^p.
 */

/** Ranks go to 33: a hash of 32 zeros. */
const RANKS = 33;
const SEEDS = [0x2545f491, 0x9e3779b9] as const;

/** A value's two hashes. A number and its text are different values. */
export function distinctHashes(value: string | number | boolean): readonly [number, number] {
  const text = `${typeof value}:${value}`;
  return [hash32(text, SEEDS[0]), hash32(text, SEEDS[1])];
}

/** Bits p for a relative standard error, in [0.01, 0.1]. @throws GanglionError `invalid_input` */
export function registerBits(error: number): number {
  if (!(error >= 0.01 && error <= 0.1))
    throw new GanglionError('invalid_input', 'the error must lie in [0.01, 0.1]', { value: error });
  let bits = 6;
  while (standardError(bits) > error) bits++;
  return bits;
}

/** Of the estimate, relative, with 2^bits registers. */
export const standardError = (bits: number): number => 1.04 / sqrt(2 ** bits);

/** Whether a register rose. The length of `registers` is a power of two. */
export function observe(registers: Uint8Array, first: number, second: number): boolean {
  const at = first & (registers.length - 1);
  const rank = Math.clz32(second) + 1;
  if (rank <= registers[at]) return false;
  registers[at] = rank;
  return true;
}

/** The estimated number of different values. */
export function estimate(registers: Uint8Array): number {
  const m = registers.length;
  const having = new Float64Array(RANKS + 1);
  for (let i = 0; i < m; i++) having[registers[i]]++;
  let z = m * tau(1 - having[RANKS] / m);
  for (let rank = RANKS - 1; rank >= 1; rank--) z = 0.5 * (z + having[rank]);
  z += m * sigma(having[0] / m);
  return ((m / z) * m) / (2 * LN2);
}

function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY;
  let x = share;
  let y = 1;
  let z = x;
  for (;;) {
    x *= x;
    const before = z;
    z += x * y;
    y += y;
    if (z === before) return z;
  }
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0;
  let x = share;
  let y = 1;
  let z = 1 - x;
  for (;;) {
    x = sqrt(x);
    const before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
    if (z === before) return z / 3;
  }
}
