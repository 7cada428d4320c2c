import { number, rejectUnknown } from '../options.ts';
import type { Policy } from '../policy.ts';
import type { Factory } from '../registry.ts';
import { exp } from '../stats/math.ts';
import { indexed } from './indexed.ts';

/**
 * `{ kind: softmax, temperature, halfLife, prior }`: an arm is proposed in proportion to exp(mean / temperature) (Sutton
 * & Barto, "Reinforcement Learning", 2nd ed., §2.8). An arm never tried counts as worth the top of the range.
 *
 * - `temperature` (units of the reward; default a tenth of the range): the lower, the greedier.
 */
export const softmax: Factory<Policy> = (options, input) => {
  rejectUnknown(options, ['temperature', 'halfLife', 'prior'], input.path);
  const [low, high] = input.range;
  const width = high - low;
  const temperature = number(options, 'temperature', { min: width / 1000, default: width / 10 }, input.path);
  return indexed(options, input, {
    name: 'softmax/1',
    // Exponents about the top of the range, so that none overflows.
    index: (seen) => seen.mean.map((mean, a) => (seen.n[a] > 0 ? mean - high : 0) / temperature),
    fill: (index, at, p) => {
      let best = -Infinity;
      for (let a = 0; a < at.arms; a++) if (at.allowed[a] === 1 && index[a] > best) best = index[a];
      let sum = 0;
      for (let a = 0; a < at.arms; a++) {
        p[a] = at.allowed[a] === 1 ? exp(index[a] - best) : 0;
        sum += p[a];
      }
      for (let a = 0; a < at.arms; a++) p[a] /= sum;
    },
  });
};
