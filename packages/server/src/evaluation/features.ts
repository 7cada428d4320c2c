import type { DecisionLog } from './decision-log.ts';

/** Categories beyond this many are left to the intercept. */
const MAX_VALUES = 16;

/** A log's context as numbers for a reward model: numbers as they are, each of the commoner values of a category 0 or 1. */
export function featuresOf(log: DecisionLog): { readonly features: Float64Array; readonly width: number } {
  const columns: ((row: number) => number)[] = [];
  for (const column of log.context.values()) {
    if (column instanceof Float64Array) {
      columns.push((row) => column[row]);
      continue;
    }
    const counts = new Map<string, number>();
    for (const value of column) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
    const common = [...counts].sort((a, b) => b[1] - a[1]).slice(0, MAX_VALUES);
    // One value less than there are: the last follows from the others.
    for (const [value] of common.length > 1 ? common.slice(0, -1) : [])
      columns.push((row) => (column[row] === value ? 1 : 0));
  }
  const width = columns.length;
  const features = new Float64Array(log.rows * width);
  for (let row = 0; row < log.rows; row++)
    for (let j = 0; j < width; j++) features[row * width + j] = columns[j](row);
  return { features, width };
}
