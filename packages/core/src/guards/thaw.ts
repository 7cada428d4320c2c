import { GanglionError } from '../errors.ts';
import type { JsonValue } from '../guard.ts';

/**
 * Reading a snapshot back. It comes from a disk, so it may be older, cut or foreign: whatever does not fit throws
 * `undecodable`, and the node starts that guard afresh instead of guessing.
 */
export type Frozen = { readonly [key: string]: JsonValue };

/** Throws `undecodable` for one field of a snapshot. */
export function unfit(field: string, value: unknown): never {
  throw new GanglionError('undecodable', `a guard's snapshot does not fit: ${field}`, {
    field,
    value,
    mend: 'Start this guard afresh.',
  });
}

/** A plain object. */
export function thawObject(json: unknown, field: string): Frozen {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) unfit(field, json);
  return json as Frozen;
}

/** A list of at most `most` items. */
export function thawList(json: unknown, field: string, most: number): readonly JsonValue[] {
  if (!Array.isArray(json) || json.length > most) unfit(field, json);
  return json;
}

/** A finite number within [min, max]. */
export function thawNumber(
  json: unknown,
  field: string,
  min = Number.MIN_SAFE_INTEGER,
  max = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof json !== 'number' || !(json >= min && json <= max)) unfit(field, json);
  return json;
}

/** A list of finite numbers, ≥ `min` each, at most `most` of them. */
export function thawNumbers(json: unknown, field: string, most: number, min?: number): number[] {
  return thawList(json, field, most).map((item) => thawNumber(item, field, min));
}

/** A ring's row: the number of its newest slot, at most `newest`, then one to `slots` sums ≥ 0. */
export function thawRow(json: unknown, field: string, slots: number, newest: number): number[] {
  const row = thawNumbers(json, field, slots + 1);
  if (row.length < 2 || row[0] > newest || !Number.isInteger(row[0]) || row.some((x, i) => i > 0 && x < 0))
    unfit(field, json);
  return row;
}

/** A short text. */
export function thawText(json: unknown, field: string, maxLength: number): string {
  if (typeof json !== 'string' || json.length > maxLength) unfit(field, json);
  return json;
}
