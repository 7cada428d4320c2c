import type { FeatureFactory } from '../feature.ts';
import { duration, rejectUnknown, text } from '../options.ts';
import { exp2, LN2 } from '../stats/math.ts';
import { amountOf, finite } from './amount.ts';

/**
 * `{ rate: click, halfLife: 1h, per: 1m }`: events (or, with `sum`, a property of theirs) per `per`, default a second;
 * an event weighs half after `halfLife`.
 *
 * value = Σᵢ xᵢ · 2^((tᵢ − now)/h) · per · ln 2 / h, by forward decay (Cormode et al., ICDE 2009): events at a constant
 * rate give that rate. Kept as the sum at the time of the newest event, so that nothing overflows and late events fit in.
 */
export const rate: FeatureFactory = (options, path) => {
  rejectUnknown(options, ['rate', 'halfLife', 'per', 'sum'], path);
  const amount = amountOf(options, path);
  const halfLifeMs = duration(options, 'halfLife', { min: 1, max: 400 * 86_400_000 }, path);
  const perMs = duration(options, 'per', { min: 1, max: 400 * 86_400_000, default: 1000 }, path);
  const scale = (perMs * LN2) / halfLifeMs;
  return {
    name: 'rate/1',
    gives: 'number',
    on: text(options, 'rate', undefined, path),
    numbers: 2,
    others: 0,
    fold({ numbers, at }, event) {
      const x = amount(event);
      const newestMs = numbers[at + 1];
      const ahead = event.atMs - newestMs;
      const sum =
        newestMs === 0
          ? x
          : ahead >= 0
            ? numbers[at] * exp2(-ahead / halfLifeMs) + x
            : numbers[at] + x * exp2(ahead / halfLifeMs);
      if (!Number.isFinite(sum)) return false;
      numbers[at] = sum;
      if (ahead > 0) numbers[at + 1] = event.atMs;
      return true;
    },
    // A clock that went back finds what it would have found at the newest event.
    read: ({ numbers, at }, nowMs) =>
      finite(numbers[at] * exp2(Math.min(0, (numbers[at + 1] - nowMs) / halfLifeMs)) * scale),
  };
};
