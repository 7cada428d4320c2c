import type { FeatureFactory } from '../feature.ts';
import { given, list, refuse, rejectUnknown } from '../options.ts';
import { finite } from './amount.ts';

/**
 * `{ ratio: [clicks, views], plus: [1, 20] }`: (clicks + 1) / (views + 20) of two other features of the entity. Without
 * `plus`, not known while the second is 0.
 */
export const ratio: FeatureFactory = (options, path) => {
  rejectUnknown(options, ['ratio', 'plus'], path);
  const of = list(options, 'ratio', path, 2);
  if (of.length !== 2 || of.some((name) => typeof name !== 'string'))
    refuse(path, 'ratio', of, 'must name two features', 'Give [above, below].');
  const plus = given(options, 'plus') ? list(options, 'plus', path, 2) : [0, 0];
  if (plus.length !== 2 || !plus.every((x) => typeof x === 'number' && x >= 0 && Number.isFinite(x)))
    refuse(path, 'plus', plus, 'must be two numbers of at least 0', 'Give [added above, added below].');
  const [above, below] = plus as readonly number[];
  return {
    name: 'ratio/1',
    gives: 'number',
    on: undefined,
    numbers: 0,
    others: 0,
    fold: () => false,
    read: () => Number.NaN,
    of: of as unknown as readonly [string, string],
    combine: (first, second) => finite((first + above) / (second + below)),
  };
};
