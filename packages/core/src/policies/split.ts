import { choice, given, number, object, onlyKeys, refuse, rejectUnknown } from '../options.ts';
import type { Policy } from '../policy.ts';
import type { Factory } from '../registry.ts';
import { saltOf } from '../stats/hash.ts';
import { fillShares } from './distribution.ts';
import { unlearned } from './unlearned.ts';

/**
 * `{ kind: split, weights: { a: 3, b: 1 } }`: drawn by weight; without `weights`, evenly. `by: unit`: by the hash of the
 * unit, which keeps its arm as long as the weights stand.
 */
export const split: Factory<Policy> = (options, input) => {
  rejectUnknown(options, ['weights', 'by'], input.path);
  const byUnit = choice(options, 'by', ['chance', 'unit'], 'chance', input.path) === 'unit';
  const shares = new Float64Array(input.arms.length).fill(1);
  if (given(options, 'weights')) {
    const path = input.path === '' ? 'weights' : `${input.path}.weights`;
    const weights = object(options.weights, path);
    onlyKeys(
      weights,
      input.arms.map((arm) => arm.id),
      path,
    );
    input.arms.forEach((arm, i) => {
      shares[i] = number(weights, arm.id, { min: 0, max: 1e9 }, path);
    });
  }
  const total = shares.reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0))
    refuse(input.path, 'weights', options.weights, 'are all 0', 'Give at least one arm a weight.');
  for (let i = 0; i < shares.length; i++) shares[i] /= total;
  const policy = unlearned('split/1', input, (at, out) => fillShares(shares, at, out)) as Policy;
  return byUnit ? { ...policy, unitSalt: saltOf('split', input.point) } : policy;
};
