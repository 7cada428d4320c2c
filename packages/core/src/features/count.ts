import type { FeatureFactory } from '../feature.ts';
import { rejectUnknown, text } from '../options.ts';
import { amountOf } from './amount.ts';

/** `{ count: click }`: how many events since the entity was first seen; `sum: amount` adds a property instead. */
export const count: FeatureFactory = (options, path) => {
  rejectUnknown(options, ['count', 'sum'], path);
  const amount = amountOf(options, path);
  return {
    name: 'count/1',
    gives: 'number',
    on: text(options, 'count', undefined, path),
    numbers: 1,
    others: 0,
    fold(cell, event) {
      const total = cell.numbers[cell.at] + amount(event);
      if (!Number.isFinite(total)) return false;
      cell.numbers[cell.at] = total;
      return true;
    },
    read: (cell) => cell.numbers[cell.at],
  };
};
