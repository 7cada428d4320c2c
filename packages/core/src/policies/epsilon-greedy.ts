import { choice, rejectUnknown, share } from '../options.ts';
import type { Policy } from '../policy.ts';
import type { Factory } from '../registry.ts';
import { MODEL_OPTIONS } from './contextual.ts';
import { fillGreedy, indexed } from './indexed.ts';
import { rated } from './rated.ts';

/**
 * `{ kind: epsilon-greedy, epsilon, model, halfLife, prior, … }`: the arm that looks best, and with probability ε
 * (default 10 %) any allowed arm. Arms that look equally good share the greedy part evenly, so the propensity is exact:
 * ε / allowed + (1 − ε) / ties. Arms never tried come first.
 *
 * - `model`: `means` (default): the best arm on average; `linear` or `logistic`: the best in this context, with the
 *   options of `linear-thompson` on features. `prior` goes with means only.
 */
export const epsilonGreedy: Factory<Policy> = (options, input) => {
  rejectUnknown(options, ['epsilon', 'model', 'prior', ...MODEL_OPTIONS], input.path);
  const epsilon = share(options, 'epsilon', { default: 0.1 }, input.path);
  const model = choice(options, 'model', ['means', 'linear', 'logistic'], 'means', input.path);
  if (model === 'means') {
    rejectUnknown(options, ['epsilon', 'model', 'prior', 'halfLife'], input.path);
    return indexed(options, input, {
      name: 'epsilon-greedy/1',
      index: (seen) => seen.mean.map((mean, a) => (seen.n[a] > 0 ? mean : Infinity)),
      fill: (index, at, p) => fillGreedy(index, epsilon, at, p),
    });
  }
  rejectUnknown(options, ['epsilon', 'model', ...MODEL_OPTIONS], input.path);
  return rated(options, input, {
    name: `epsilon-greedy-${model}/1`,
    model,
    untriedFirst: true,
    fill: (value, _n, at, p) => fillGreedy(value, epsilon, at, p),
  });
};
