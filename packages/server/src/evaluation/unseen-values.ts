import type { CompiledPoint } from '@ganglion/core';
import type { DecisionLog } from './decision-log.ts';

/** Categories of a log that a candidate does not declare: to it they are all alike, or none at all. */
export interface UnseenValues {
  readonly field: string;
  /** The most frequent first, at most ten. */
  readonly values: readonly string[];
  /** Of the log's decisions, those that have any of them; in (0, 1]. */
  readonly share: number;
}

const SHOWN = 10;

/** By field that declares its values, those that the log has beside them. A slip in one spelling makes a candidate judge blindly. */
export function unseenValues(log: DecisionLog, { fields }: Pick<CompiledPoint, 'fields'>): UnseenValues[] {
  return fields.flatMap(({ name, type, values }) => {
    const column = log.context.get(name);
    if (type !== 'category' || values === undefined || column === undefined) return [];
    const declared = new Set(values);
    const seen = new Map<string, number>();
    let rows = 0;
    for (const raw of column) {
      if (raw === null || Number.isNaN(raw) || declared.has(String(raw))) continue;
      seen.set(String(raw), (seen.get(String(raw)) ?? 0) + 1);
      rows++;
    }
    if (rows === 0) return [];
    const most = [...seen].sort((a, b) => b[1] - a[1]).slice(0, SHOWN);
    return [{ field: name, values: most.map(([value]) => value), share: rows / log.rows }];
  });
}
