import { exp, log, log1p, SQRT_2PI, sqrt } from './math.ts';

/**
 * Distribution functions, each with its source and its error as the tests hold it to. All deterministic (see `math.ts`).
 */

/** ln Γ(x) for x > 0: Stirling's series (Abramowitz & Stegun 6.1.41) from 8 on, the recurrence below. Error ≤ 1e-13. */
export function logGamma(x: number): number {
  if (!(x > 0)) return x === 0 ? Infinity : Number.NaN;
  let shift = 0;
  let at = x;
  if (at < 8) {
    let product = 1;
    while (at < 8) product *= at++;
    shift = log(product);
  }
  const r = 1 / at;
  const rr = r * r;
  const series =
    r *
    (1 / 12 -
      rr * (1 / 360 - rr * (1 / 1260 - rr * (1 / 1680 - rr * (1 / 1188 - rr * (691 / 360360 - rr / 156))))));
  return (at - 0.5) * log(at) - at + HALF_LOG_2PI + series - shift;
}

const HALF_LOG_2PI = 0.9189385332046728;

/** ln B(a, b). */
export function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/**
 * P(Z ≤ x), standard normal: Hart (1968) as given by West (2005); absolute error ≤ 1e-14, relative error of
 * tails ≤ 1e-8 (the published coefficients have 15 digits).
 */
export function normalCdf(x: number): number {
  const z = Math.abs(x);
  let tail = 0;
  if (z < 7.07106781186547) {
    const top =
      (((((0.0352624965998911 * z + 0.700383064443688) * z + 6.37396220353165) * z + 33.912866078383) * z +
        112.079291497871) *
        z +
        221.213596169931) *
        z +
      220.206867912376;
    const bottom =
      ((((((0.0883883476483184 * z + 1.75566716318264) * z + 16.064177579207) * z + 86.7807322029461) * z +
        296.564248779674) *
        z +
        637.333633378831) *
        z +
        793.826512519948) *
        z +
      440.413735824752;
    tail = (exp(-0.5 * z * z) * top) / bottom;
  } else if (z <= 37) {
    tail = exp(-0.5 * z * z) / (z + 1 / (z + 2 / (z + 3 / (z + 4 / (z + 0.65))))) / SQRT_2PI;
  } else if (Number.isNaN(z)) return Number.NaN;
  return x > 0 ? 1 - tail : tail;
}

/** The x with P(Z ≤ x) = p: Wichura's AS 241, PPND16 (1988); relative error ≤ 1e-15. */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) return p === 0 ? -Infinity : p === 1 ? Infinity : Number.NaN;
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * horner(CENTRE_TOP, r)) / horner(CENTRE_BOTTOM, r);
  }
  let r = sqrt(-log(q < 0 ? p : 1 - p));
  let x: number;
  if (r <= 5) {
    r -= 1.6;
    x = horner(MIDDLE_TOP, r) / horner(MIDDLE_BOTTOM, r);
  } else {
    r -= 5;
    x = horner(TAIL_TOP, r) / horner(TAIL_BOTTOM, r);
  }
  return q < 0 ? -x : x;
}

function horner(coefficients: readonly number[], x: number): number {
  let value = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) value = value * x + coefficients[i];
  return value;
}

/** I_x(a, b), regularised incomplete beta: Lentz's continued fraction (Numerical Recipes §6.4). Error ≤ 1e-12. */
export function incompleteBeta(a: number, b: number, x: number): number {
  if (!(x > 0)) return x <= 0 ? 0 : Number.NaN;
  if (x >= 1) return 1;
  const front = exp(a * log(x) + b * log1p(-x) - logBeta(a, b));
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(a, b, x)) / a
    : 1 - (front * betaFraction(b, a, 1 - x)) / b;
}

function betaFraction(a: number, b: number, x: number): number {
  const tiny = 1e-300;
  const guard = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / guard(1 - ((a + b) * x) / (a + 1));
  let h = d;
  // Converges in O(√max(a, b)) steps; the bound is for a and b of 10⁸.
  for (let m = 1; m <= 20_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guard(1 + even * d);
    c = guard(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guard(1 + odd * d);
    c = guard(1 + odd / c);
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < 1e-15) break;
  }
  return h;
}

/** P(T ≤ t), Student's t with `df` > 0 degrees of freedom (need not be whole). Error ≤ 1e-12. */
export function studentCdf(t: number, df: number): number {
  if (Number.isNaN(t)) return t;
  const square = t * t;
  // The tail's own argument, so that it keeps its precision far out; 1 − x is formed without cancellation near 0.
  const tail =
    square > df
      ? 0.5 * incompleteBeta(df / 2, 0.5, df / (df + square))
      : 0.5 - 0.5 * incompleteBeta(0.5, df / 2, square / (df + square));
  return t > 0 ? 1 - tail : tail;
}

/** The t with P(T ≤ t) = p, by bisection and secants on `studentCdf`; absolute error ≤ 1e-10 · max(1, |t|). */
export function studentQuantile(p: number, df: number): number {
  if (!(p > 0 && p < 1)) return p === 0 ? -Infinity : p === 1 ? Infinity : Number.NaN;
  if (p === 0.5) return 0;
  const upper = Math.max(p, 1 - p);
  let low = 0;
  let high = 1;
  while (studentCdf(high, df) < upper && high < 1e300) {
    low = high;
    high *= 2;
  }
  for (let i = 0; i < 100 && high - low > 1e-11 * Math.max(1, high); i++) {
    const middle = (low + high) / 2;
    if (studentCdf(middle, df) < upper) low = middle;
    else high = middle;
  }
  return p > 0.5 ? (low + high) / 2 : -(low + high) / 2;
}

const CENTRE_TOP = [
  3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.693765509461, 45921.95393154987,
  67265.7709270087, 33430.57558358813, 2509.0809287301227,
];
const CENTRE_BOTTOM = [
  1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
  28729.085735721943, 5226.495278852854,
];
const MIDDLE_TOP = [
  1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
  0.2417807251774506, 0.022723844989269184, 7.745450142783414e-4,
];
const MIDDLE_BOTTOM = [
  1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
  5.475938084995345e-4, 1.0507500716444169e-9,
];
const TAIL_TOP = [
  6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
  0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
];
const TAIL_BOTTOM = [
  1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 7.868691311456133e-4, 1.8463183175100548e-5,
  1.421511758316446e-7, 2.0442631033899397e-15,
];
