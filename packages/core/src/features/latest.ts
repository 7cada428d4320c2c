import type { FeatureFactory } from '../feature.ts';
import { rejectUnknown, text } from '../options.ts';

/**
 * `{ latest: country, of: login }`: a text as the newest event with that property has it; numbers and booleans as they
 * are written. Not known before the first. Of one time, the greater text counts.
 */
export const latest: FeatureFactory = (options, path) => {
  rejectUnknown(options, ['latest', 'of'], path);
  const property = text(options, 'latest', undefined, path);
  return {
    name: 'latest/1',
    gives: 'category',
    on: text(options, 'of', undefined, path),
    numbers: 1,
    others: 1,
    fold({ numbers, at, others, other }, { atMs, data }) {
      if (!Object.hasOwn(data, property)) return false;
      const value = String(data[property]);
      const known = others[other];
      if (typeof known === 'string' && (atMs < numbers[at] || (atMs === numbers[at] && value <= known)))
        return false;
      numbers[at] = atMs;
      others[other] = value;
      return true;
    },
    read: () => Number.NaN,
    text({ others, other }) {
      const value = others[other];
      return typeof value === 'string' ? value : undefined;
    },
  };
};
