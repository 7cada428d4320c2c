import { sqlName, type Tables } from '@ganglion/adapters/parquet';
import { GanglionError } from '@ganglion/core';

/** What the engine reads a file with, by its ending. @throws GanglionError `invalid_input` */
export function fromFile(file: string): string {
  const quoted = `'${file.replaceAll("'", "''")}'`;
  if (/\.parquet$/i.test(file)) return `read_parquet(${quoted}, union_by_name = true)`;
  if (/\.csv$/i.test(file)) return `read_csv(${quoted}, header = true, strict_mode = true)`;
  if (/\.(ndjson|jsonl)$/i.test(file)) return `read_json(${quoted}, format = 'newline_delimited')`;
  throw new GanglionError('invalid_input', `${file} is of no kind that is read here`, {
    field: 'file',
    value: file,
    mend: 'Give a .parquet, .csv or .ndjson file.',
  });
}

/** Types of the columns of a table, by name. */
export async function columnTypes(tables: Tables, from: string): Promise<ReadonlyMap<string, string>> {
  const { column_name: names, column_type: types } = await tables.columns(`DESCRIBE SELECT * FROM ${from}`);
  return new Map((names as string[]).map((name, i) => [name, String((types as string[])[i])]));
}

/**
 * A column of times as milliseconds since 1970: timestamps, texts in ISO 8601, or numbers that are that already (which
 * `refuseSeconds` sees to, once they are loaded).
 * @throws GanglionError `invalid_input` where there is no such column
 */
export function millis(types: ReadonlyMap<string, string>, name: string, file: string, mend: string): string {
  const type = types.get(name);
  if (type === undefined)
    throw new GanglionError('invalid_input', `${file} has no column ${name}`, { field: name, mend });
  const column = sqlName(name);
  // An instant as it is: by way of a TIMESTAMP it would be what clocks show in the zone of the session.
  if (type === 'TIMESTAMP WITH TIME ZONE') return `epoch_ms(${column})::DOUBLE`;
  if (/^(TIMESTAMP|DATE)/.test(type)) return `epoch_ms(${column}::TIMESTAMP)::DOUBLE`;
  if (/VARCHAR/.test(type)) return `epoch_ms(${column}::TIMESTAMPTZ)::DOUBLE`;
  return `${column}::DOUBLE`;
}

/** Milliseconds of March 1973; seconds are as many only in the year 5138. */
const LEAST_MS = 1e11;

/**
 * Refuses numbers that look like seconds: as milliseconds they are of January 1970, and whatever leaks was long known.
 * @param ms - where in the loaded `table` the times of the column `name` stand
 * @throws GanglionError `invalid_input` naming column, value, unit and mend
 */
export async function refuseSeconds(
  tables: Tables,
  types: ReadonlyMap<string, string>,
  name: string,
  file: string,
  { table, ms }: { readonly table: string; readonly ms: string },
): Promise<void> {
  if (/^(TIMESTAMP|DATE)|VARCHAR/.test(types.get(name) ?? '')) return;
  const { value } = await tables.columns(
    `SELECT ${ms} AS value FROM ${table} WHERE ${ms} < ${LEAST_MS} LIMIT 1`,
  );
  if (value.length === 0) return;
  throw new GanglionError(
    'invalid_input',
    `${name} of ${file} holds ${value[0]}, which looks like seconds: numbers are milliseconds since 1970`,
    {
      field: name,
      value: value[0],
      mend: 'Give milliseconds since 1970 (seconds times 1000), or timestamps.',
    },
  );
}

/**
 * Refuses days where a time is needed: a day would count from its midnight on, and what became known in its course would be
 * known to the decisions before.
 * @throws GanglionError `invalid_input` naming column, value and mend
 */
export async function refuseDays(
  tables: Tables,
  types: ReadonlyMap<string, string>,
  name: string,
  file: string,
): Promise<void> {
  const type = types.get(name) ?? '';
  const column = sqlName(name);
  const days =
    type === 'DATE'
      ? `${column} IS NOT NULL`
      : type === 'VARCHAR'
        ? `regexp_full_match(${column}, '\\s*\\d{4}-\\d{1,2}-\\d{1,2}\\s*')`
        : undefined;
  if (days === undefined) return;
  const { day } = await tables.columns(
    `SELECT ${column}::VARCHAR AS day FROM ${fromFile(file)} WHERE ${days} LIMIT 1`,
  );
  if (day.length === 0) return;
  throw new GanglionError('invalid_input', `${name} of ${file} holds ${day[0]}, a day, not a time`, {
    field: name,
    value: String(day[0]),
    mend: 'Give the time at which the value was there; where only the day is known, the end of the day: the midnight after it.',
  });
}
