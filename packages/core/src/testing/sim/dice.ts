import { uniform } from '../../stats/random.ts';

/** All chance of a run, from its seed. Streams of different names do not disturb one another. */
export interface Dice {
  /** In [0, 1). */
  next(): number;
  /** A whole number in [0, n). */
  below(n: number): number;
  /** In [low, high). */
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** A delay with this mean, exponentially distributed. */
  wait(meanMs: number): number;
  uint32(): number;
  /** A stream of its own. */
  fork(name: number): Dice;
}

export function dice(seed: number, stream = 0): Dice {
  let counter = 0;
  const next = (): number => uniform(seed >>> 0, stream >>> 0, counter++);
  return {
    next,
    below: (n) => Math.floor(next() * n),
    between: (low, high) => low + next() * (high - low),
    chance: (probability) => next() < probability,
    pick: (items) => items[Math.floor(next() * items.length)],
    // The logarithm by hand: Math.log is not the same on every engine, and a run must be.
    wait: (meanMs) => meanMs * exponential(next),
    uint32: () => Math.floor(next() * 4294967296),
    fork: (name) => dice(seed, (Math.imul(stream + 1, 0x9e3779b1) + name) >>> 0),
  };
}

/** Von Neumann's comparison method (1951): exponential variates from uniforms and comparisons alone. */
function exponential(next: () => number): number {
  for (let whole = 0; ; whole++) {
    const first = next();
    let previous = first;
    let length = 1;
    for (;;) {
      const u = next();
      if (u >= previous) break;
      previous = u;
      length++;
    }
    if (length % 2 === 1) return whole + first;
  }
}
