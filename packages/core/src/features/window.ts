import type { FeatureFactory } from '../feature.ts';
import { duration, number, rejectUnknown, text } from '../options.ts';
import { amountOf, finite } from './amount.ts';

/**
 * `{ window: click, for: 1h, buckets: 60 }`: events (or the sum of a property) of the last hour, in steps of a minute.
 * The window is cut into `buckets` parts that lie on multiples of their length since the epoch; what counts is the part
 * under way and the buckets − 1 before it. So it spans between 1 − 1/buckets of `for` and all of it, the same for all.
 */
export const window: FeatureFactory = (options, path) => {
  rejectUnknown(options, ['window', 'for', 'buckets', 'sum'], path);
  const amount = amountOf(options, path);
  const spanMs = duration(options, 'for', { min: 10, max: 400 * 86_400_000 }, path);
  const buckets = number(options, 'buckets', { min: 2, max: 512, integer: true, default: 60 }, path);
  const lengthMs = spanMs / buckets;
  return {
    name: 'window/1',
    gives: 'number',
    on: text(options, 'window', undefined, path),
    // The newest part, by its number since the epoch; then a ring of them.
    numbers: 1 + buckets,
    others: 0,
    fold({ numbers, at }, event) {
      const part = Math.floor(event.atMs / lengthMs);
      const ring = at + 1;
      const newest = numbers[at];
      const place = ring + (part % buckets);
      const x = amount(event);
      if (part <= newest - buckets || Number.isNaN(x)) return false;
      if (part > newest) {
        for (let p = Math.max(newest + 1, part - buckets + 1); p <= part; p++)
          numbers[ring + (p % buckets)] = 0;
        numbers[at] = part;
      }
      const total = numbers[place] + x;
      if (!Number.isFinite(total)) return part > newest;
      numbers[place] = total;
      return true;
    },
    read({ numbers, at }, nowMs) {
      const newest = numbers[at];
      const oldest = Math.floor(nowMs / lengthMs) - buckets + 1;
      let sum = 0;
      if (oldest <= newest - buckets + 1) {
        for (let i = at + 1; i <= at + buckets; i++) sum += numbers[i];
        return finite(sum);
      }
      for (let p = oldest; p <= newest; p++) sum += numbers[at + 1 + (p % buckets)];
      return finite(sum);
    },
  };
};
