import { rejectUnknown } from '../options.ts';
import type { Policy } from '../policy.ts';
import type { Factory } from '../registry.ts';
import { log } from '../stats/math.ts';
import { fillGreedy, indexed } from './indexed.ts';
import { tried } from './ucb1.ts';

/**
 * `{ kind: kl-ucb, halfLife, prior }`: the arm whose mean could be highest: the largest q with n · kl(mean, q) ≤ ln N, kl
 * the divergence of two coins (Garivier & Cappé, "The KL-UCB algorithm for bounded stochastic bandits and beyond", COLT
 * 2011). For rewards of 0 or 1 no policy does better in the long run. Arms never tried come first; ties are split. It is
 * greedy as `ucb1` is.
 */
export const klUcb: Factory<Policy> = (options, input) => {
  rejectUnknown(options, ['halfLife', 'prior'], input.path);
  const [low, high] = input.range;
  return indexed(options, input, {
    name: 'kl-ucb/1',
    index: (seen) => {
      const budget = log(Math.max(1, tried(seen)));
      return seen.mean.map((mean, a) =>
        seen.n[a] > 0
          ? low + (high - low) * klBound((mean - low) / (high - low), budget / seen.n[a])
          : Infinity,
      );
    },
    fill: (index, at, p) => fillGreedy(index, 0, at, p),
  });
};

/** The largest q in [p, 1] with kl(p, q) ≤ bound, by bisection; p is clamped to [0, 1]. */
export function klBound(mean: number, bound: number): number {
  const p = Math.max(0, Math.min(1, mean));
  let low = p;
  let high = 1;
  // Halving 60 times leaves less than the spacing of numbers near 1.
  for (let i = 0; i < 60; i++) {
    const q = (low + high) / 2;
    if (coinDivergence(p, q) > bound) high = q;
    else low = q;
  }
  return low;
}

function coinDivergence(p: number, q: number): number {
  const head = p > 0 ? p * log(p / q) : 0;
  const tail = p < 1 ? (1 - p) * log((1 - p) / (1 - q)) : 0;
  return head + tail;
}
