import type { FeatureFactory } from '../feature.ts';
import { choice, number, rejectUnknown, text } from '../options.ts';
import { finite, numberOf } from './amount.ts';

/**
 * `{ last: amount, of: purchase, n: 5, as: mean }`: of the newest `n` events (by their time) with a number under that
 * property its mean, sum, least, most or latest. Not known before the first. Of one time, the smaller comes first.
 */
export const last: FeatureFactory = (options, path) => {
  rejectUnknown(options, ['last', 'of', 'n', 'as'], path);
  const property = text(options, 'last', undefined, path);
  const most = number(options, 'n', { min: 1, max: 128, integer: true, default: 1 }, path);
  const as = choice(
    options,
    'as',
    ['mean', 'sum', 'min', 'max', 'latest'],
    most === 1 ? 'latest' : 'mean',
    path,
  );
  const summary = SUMMARIES[as];
  return {
    name: 'last/1',
    gives: 'number',
    on: text(options, 'of', undefined, path),
    // How many there are; then time and value of each, oldest first.
    numbers: 1 + 2 * most,
    others: 0,
    fold({ numbers, at }, { atMs, data }) {
      const value = numberOf(data, property);
      if (Number.isNaN(value)) return false;
      const full = numbers[at] === most;
      const from = at + 1;
      let place = from + 2 * numbers[at];
      while (place > from && isAfter(numbers[place - 2], numbers[place - 1], atMs, value)) place -= 2;
      if (full && place === from) return false;
      if (full) {
        numbers.copyWithin(from, from + 2, place);
        place -= 2;
      } else {
        numbers.copyWithin(place + 2, place, from + 2 * numbers[at]);
        numbers[at]++;
      }
      numbers[place] = atMs;
      numbers[place + 1] = value;
      return true;
    },
    read: ({ numbers, at }) => {
      const n = numbers[at];
      return n === 0 ? Number.NaN : summary(numbers, at + 2, n);
    },
  };
};

const isAfter = (timeA: number, a: number, timeB: number, b: number): boolean =>
  timeA > timeB || (timeA === timeB && a > b);

type Summary = (numbers: Float64Array, first: number, n: number) => number;

const sum: Summary = (numbers, first, n) => {
  let total = 0;
  for (let i = 0; i < n; i++) total += numbers[first + 2 * i];
  return total;
};

/** Over `n` values, two apart. A sum beyond what can be represented is not known. */
const SUMMARIES: Readonly<Record<'mean' | 'sum' | 'min' | 'max' | 'latest', Summary>> = {
  sum: (numbers, first, n) => finite(sum(numbers, first, n)),
  mean: (numbers, first, n) => finite(sum(numbers, first, n) / n),
  min(numbers, first, n) {
    let least = numbers[first];
    for (let i = 1; i < n; i++) least = Math.min(least, numbers[first + 2 * i]);
    return least;
  },
  max(numbers, first, n) {
    let most = numbers[first];
    for (let i = 1; i < n; i++) most = Math.max(most, numbers[first + 2 * i]);
    return most;
  },
  latest: (numbers, first, n) => numbers[first + 2 * (n - 1)],
};
