/**
 * Chance for the demo's processes: a seeded stream of numbers, so that a demo can be shown twice. SplitMix32 (Steele,
 * Lea, Flood 2014, in its 32-bit form): tiny, and good enough for traffic; nothing here is a secret.
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    mixed ^= mixed >>> 15;
    return (mixed >>> 0) / 2 ** 32;
  };
}

/** Exponential with this mean: the gaps of Poisson arrivals. */
export function exponential(random: () => number, mean: number): number {
  return -Math.log(1 - random()) * mean;
}

/** Log-normal with this median; `sigma` is the standard deviation of the logarithm (Box and Muller 1958). */
export function logNormal(random: () => number, median: number, sigma: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return median * Math.exp(sigma * normal);
}
