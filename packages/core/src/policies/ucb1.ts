import { number, rejectUnknown } from '../options.ts';
import type { Policy } from '../policy.ts';
import type { Factory } from '../registry.ts';
import { log, sqrt } from '../stats/math.ts';
import { fillGreedy, indexed } from './indexed.ts';
import type { Seen } from './posterior.ts';

/**
 * `{ kind: ucb1, alpha, halfLife, prior }`: the arm whose mean plus α √(2 ln N / n) is highest, in units of the range
 * (Auer, Cesa-Bianchi & Fischer, "Finite-time analysis of the multiarmed bandit problem", 2002; with `halfLife` the
 * discounted form of Garivier & Moulines, 2011). Arms never tried come first; ties are split.
 *
 * It is greedy: one arm has all the mass until the view is made anew, so nothing else can be evaluated from its log. Put
 * an exploration guard over it where that matters.
 */
export const ucb1: Factory<Policy> = (options, input) => {
  rejectUnknown(options, ['alpha', 'halfLife', 'prior'], input.path);
  const alpha = number(options, 'alpha', { min: 0, max: 100, default: 1 }, input.path);
  const width = input.range[1] - input.range[0];
  return indexed(options, input, {
    name: 'ucb1/1',
    index: (seen) => {
      const n = tried(seen);
      return seen.mean.map((mean, a) =>
        seen.n[a] > 0 ? mean + alpha * width * sqrt((2 * log(Math.max(1, n))) / seen.n[a]) : Infinity,
      );
    },
    fill: (index, at, p) => fillGreedy(index, 0, at, p),
  });
};

/** Effective number of outcomes over all arms. */
export const tried = (seen: Seen): number => seen.n.reduce((sum, n) => sum + n, 0);
