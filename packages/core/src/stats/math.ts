/**
 * The one module through which transcendental functions pass, so that a replay is bit-identical.
 *
 * ECMAScript lets every engine round `Math.exp`, `Math.log` and `Math.pow` as it likes, and engines do change them. The
 * functions here use only +, −, ×, ÷ and bit moves, which IEEE 754 fixes to the last bit, in a fixed order: the same
 * argument gives the same bits on every engine, operating system and processor. `sqrt` is the engine's: IEEE 754
 * requires its correct rounding and every engine uses the instruction. `Math.abs`, `floor`, `min`, `max` and the like
 * are exact by their specification and need no wrapper.
 *
 * `exp` and `log` follow the reductions and minimax coefficients of Sun's fdlibm 5.3 (error below 1 ulp).
 */

/** ln 2. */
export const LN2 = Math.LN2;
/** √(2π). */
export const SQRT_2PI = 2.5066282746310002;

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const INVERSE_LN2 = Math.LOG2E;
const TWO_54 = 18014398509481984;
const TWO_1023 = 8.98846567431158e307;
const TWO_MINUS_1022 = 2.2250738585072014e-308;

// 2^k for −1022 ≤ k ≤ 1023, by exact halving and doubling.
const POWERS = new Float64Array(2046);
POWERS[1022] = 1;
for (let k = 1; k <= 1022; k++) POWERS[1022 - k] = POWERS[1023 - k] / 2;
for (let k = 1; k <= 1023; k++) POWERS[1022 + k] = POWERS[1021 + k] * 2;

// One double seen as two words. Scratch only: written and read within one call, never carrying anything between two.
const scratch = new Float64Array(1);
const words = new Uint32Array(scratch.buffer);
const HIGH = new Uint32Array(new Float64Array([1]).buffer)[1] === 0 ? 0 : 1;

/** √x, correctly rounded. */
export const sqrt: (x: number) => number = Math.sqrt;

/** x · 2^k for a whole k: exact unless the result is subnormal or overflows. */
export function scaleByPowerOfTwo(x: number, k: number): number {
  if (k > 1023) return k > 2100 ? x * Infinity : scaleByPowerOfTwo(x * TWO_1023, k - 1023);
  if (k < -1022) return k < -2200 ? x * 0 : scaleByPowerOfTwo(x * TWO_MINUS_1022, k + 1022);
  return x * POWERS[k + 1022];
}

/** eˣ; error below 1 ulp. */
export function exp(x: number): number {
  if (!(x > -745.2)) return Number.isNaN(x) ? x : 0;
  if (x > 709.79) return Infinity;
  const k = Math.floor(x * INVERSE_LN2 + 0.5);
  return expReduced(x - k * LN2_HIGH, k * LN2_LOW, k);
}

/** 2ˣ; exact for whole x. */
export function exp2(x: number): number {
  if (!(x > -1080)) return Number.isNaN(x) ? x : 0;
  if (x >= 1024) return Infinity;
  const k = Math.floor(x + 0.5);
  const rest = x - k;
  return rest === 0 ? scaleByPowerOfTwo(1, k) : expReduced(rest * LN2, 0, k);
}

// e^(high − low) · 2^k for |high − low| ≤ ln2 / 2.
function expReduced(high: number, low: number, k: number): number {
  const r = high - low;
  const t = r * r;
  const c =
    r -
    t *
      (0.16666666666666602 +
        t *
          (-0.0027777777777015593 +
            t * (6.613756321437934e-5 + t * (-1.6533902205465252e-6 + t * 4.1381367970572385e-8))));
  const y = 1 - (low - (r * c) / (2 - c) - high);
  return k === 0 ? y : scaleByPowerOfTwo(y, k);
}

/** Natural logarithm; error below 1 ulp. log(0) = −∞, NaN below. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : Number.NaN;
  if (x === Infinity) return x;
  let k = 0;
  let value = x;
  if (value < TWO_MINUS_1022) {
    value *= TWO_54;
    k = -54;
  }
  scratch[0] = value;
  const high = words[HIGH];
  // Mantissas above √2 belong to the next power, so that |f| stays below √2 − 1.
  const power = (high >>> 20) - 1023 + (((high & 0xfffff) + 0x95f64) >>> 20);
  k += power;
  const f = (power > 1022 ? value * POWERS[0] * POWERS[2044 - power] : value * POWERS[1022 - power]) - 1;
  if (f === 0) return k * LN2_HIGH + k * LN2_LOW;
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const even = w * (0.3999999999940942 + w * (0.22222198432149784 + w * 0.15313837699209373));
  const odd =
    z * (0.6666666666666735 + w * (0.2857142874366239 + w * (0.1818357216161805 + w * 0.14798198605116586)));
  const half = 0.5 * f * f;
  return k * LN2_HIGH - (half - (s * (half + even + odd) + k * LN2_LOW) - f);
}

/** ln(1 + x), accurate near 0 (Kahan's correction); error below 4 ulp. */
export function log1p(x: number): number {
  const u = 1 + x;
  if (u === 1) return x;
  if (u === Infinity) return u;
  return log(u) * (x / (u - 1));
}

/** eˣ − 1, accurate near 0 (Kahan's correction); error below 8 ulp. */
export function expm1(x: number): number {
  const u = exp(x);
  if (u === 1) return x;
  const minusOne = u - 1;
  if (minusOne === -1 || u === Infinity) return minusOne;
  return minusOne * (x / log(u));
}

/** log₂ x; exact for powers of two. */
export function log2(x: number): number {
  if (!(x >= TWO_MINUS_1022) || x === Infinity) return log(x) / LN2;
  scratch[0] = x;
  const k = (words[HIGH] >>> 20) - 1023;
  const mantissa = scaleByPowerOfTwo(x, -k);
  return mantissa === 1 ? k : k + log(mantissa) / LN2;
}

/**
 * x^y for x ≥ 0. Whole |y| ≤ 64 by repeated squaring; otherwise exp(y · ln x), whose relative error grows with
 * |y · ln x|: below 1e-13 while the result is within 1e±200.
 */
export function pow(x: number, y: number): number {
  if (y === Math.floor(y) && y <= 64 && y >= -64) return y < 0 ? 1 / integerPower(x, -y) : integerPower(x, y);
  return exp(y * log(x));
}

function integerPower(x: number, n: number): number {
  let result = 1;
  let square = x;
  for (let rest = n; rest > 0; rest >>>= 1) {
    if ((rest & 1) === 1) result *= square;
    square *= square;
  }
  return result;
}
