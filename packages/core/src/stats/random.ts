import { exp, log, sqrt } from './math.ts';

const TO_UNIT = 1 / 9007199254740992; // 2⁻⁵³

/**
 * A uniform variate in [0, 1) with 53 random bits: the `counter`-th of the stream named by a 64-bit seed.
 *
 * Counter-based: there is no state, so any draw can be made again from what the record holds. Nothing is allocated.
 * The words pass through multiply–xorshift rounds in the manner of MurmurHash3's finaliser (Appleby 2011), with the key
 * entering between rounds so that neighbouring seeds give unrelated streams. Not for secrets: the seed can be inferred.
 *
 * @param seedHi - 32 bits. @param seedLo - 32 bits. @param counter - a whole number in [0, 2⁵³).
 */
export function uniform(seedHi: number, seedLo: number, counter: number): number {
  const counterHi = counter < 4294967296 ? 0 : Math.floor(counter / 4294967296);
  // A Weyl step spreads neighbouring counters over the words; the key is added, not xored, so that carries mix.
  let a = (Math.imul(counter, 0x9e3779b1) + seedLo) | 0;
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b);
  a = (a ^ (a >>> 15)) + ((seedHi ^ Math.imul(counterHi, 0xd3a2646d)) | 0);
  a = Math.imul(a ^ (a >>> 16), 0x7feb352d);
  // The second word leaves the chain here under other constants, so that both finish side by side.
  let b = Math.imul(a ^ (a >>> 14) ^ seedLo, 0xc2b2ae35);
  a = Math.imul(a ^ (a >>> 15), 0x846ca68b);
  b = Math.imul(b ^ (b >>> 15), 0x2c1b3c6d);
  a ^= a >>> 16;
  b ^= b >>> 13;
  return ((a >>> 5) * 67108864 + (b >>> 6)) * TO_UNIT;
}

/** A seeded stream of variates: plain state, deterministic on every engine. */
export interface Stream {
  /** Uniform in [0, 1), 53 bits. */
  next(): number;
  /** Uniform whole number in [0, n), n ≤ 2³²; bias below n · 2⁻⁵³. */
  integer(n: number): number;
  /** Standard normal. */
  normal(): number;
  /** Exponential with mean 1. */
  exponential(): number;
  /** Gamma with this shape > 0 and scale 1. */
  gamma(shape: number): number;
  /** Beta(a, b), a and b > 0. */
  beta(a: number, b: number): number;
}

/** A stream of its own for this 64-bit seed. */
export function stream(seedHi: number, seedLo = 0): Stream {
  let counter = 0;
  const next = (): number => uniform(seedHi, seedLo, counter++);
  const normal = (): number => {
    // Marsaglia's polar method (1964); the second variate is dropped so that the counter alone is the state.
    for (;;) {
      const u = 2 * next() - 1;
      const v = 2 * next() - 1;
      const s = u * u + v * v;
      if (s > 0 && s < 1) return u * sqrt((-2 * log(s)) / s);
    }
  };
  const gamma = (shape: number): number => {
    // Marsaglia and Tsang (2000), "A simple method for generating gamma variables".
    const boosted = shape < 1 ? shape + 1 : shape;
    const d = boosted - 1 / 3;
    const c = 1 / sqrt(9 * d);
    for (;;) {
      const x = normal();
      const root = 1 + c * x;
      if (root <= 0) continue;
      const v = root * root * root;
      const u = 1 - next();
      if (log(u) < 0.5 * x * x + d - d * v + d * log(v)) return shape < 1 ? d * v * boost(shape) : d * v;
    }
  };
  const boost = (shape: number): number => {
    const u = 1 - next();
    return u === 1 ? 1 : exp(log(u) / shape);
  };
  return {
    next,
    integer: (n) => Math.floor(next() * n),
    normal,
    exponential: () => -log(1 - next()),
    gamma,
    beta: (a, b) => {
      const x = gamma(a);
      const y = gamma(b);
      return x + y > 0 ? x / (x + y) : next() * (a + b) < a ? 1 : 0;
    },
  };
}
