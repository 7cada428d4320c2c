/** A small seeded generator (sfc32): uniform doubles in [0, 1), and the two laws the recipe draws from. */
export interface Random {
  /** A double in [0, 1) of 32 random bits. */
  uniform(): number;
  /** An integer in [0, n). */
  below(n: number): number;
  /** Exponential with the given mean, in the unit of the mean. */
  exponential(mean: number): number;
  /** Normal, by Box and Muller's polar method. */
  normal(mean: number, deviation: number): number;
}

/**
 * One independent stream: the same seed and name give the same draws. Streams are named so that every row
 * of the table sees the same arrivals, work and capacities (common random numbers), whatever it draws itself.
 */
export function stream(seed: number, name: string): Random {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  let a = hash | 0;
  let b = Math.imul(seed, 0x9e3779b1) | 0;
  let c = 0x243f6a88 | 0;
  let counter = 1;
  const uniform = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 4294967296;
  };
  for (let i = 0; i < 16; i++) uniform();
  let spare = Number.NaN;
  const normal = (mean: number, deviation: number): number => {
    if (!Number.isNaN(spare)) {
      const z = spare;
      spare = Number.NaN;
      return mean + deviation * z;
    }
    let u = 0;
    let v = 0;
    let s = 0;
    do {
      u = 2 * uniform() - 1;
      v = 2 * uniform() - 1;
      s = u * u + v * v;
    } while (s >= 1 || s === 0);
    const scale = Math.sqrt((-2 * Math.log(s)) / s);
    spare = v * scale;
    return mean + deviation * u * scale;
  };
  return {
    uniform,
    below: (n) => Math.floor(uniform() * n),
    exponential: (mean) => -mean * Math.log(1 - uniform()),
    normal,
  };
}
