import { sqlName, sqlText, type Tables } from '@ganglion/adapters/parquet';
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
 * A column of times as milliseconds since 1970: timestamps, texts in ISO 8601, or numbers that are that already, as texts or
 * not. What is none of these is null; `refuseTimes` sees to that, and to numbers of another unit, once they are loaded.
 * @throws GanglionError `invalid_input` where there is no such column
 */
export function millis(types: ReadonlyMap<string, string>, name: string, file: string, mend: string): string {
  const type = types.get(name);
  if (type === undefined)
    throw new GanglionError('invalid_input', `${file} has no column ${name}`, { field: name, mend });
  const column = sqlName(name);
  // An instant as it is: by way of a TIMESTAMP it would be what clocks show in the zone of the session.
  if (type === 'TIMESTAMP WITH TIME ZONE') return `epoch_ms(${column})::DOUBLE`;
  if (TIMESTAMPS.test(type)) return `epoch_ms(${column}::TIMESTAMP)::DOUBLE`;
  if (!isText(type)) return `${column}::DOUBLE`;
  // Numbers first: no text is both.
  const text = textOf(column, type);
  return `coalesce(try_cast(${text} AS DOUBLE), epoch_ms(try_cast(${text} AS TIMESTAMPTZ))::DOUBLE)`;
}

const TIMESTAMPS = /^(TIMESTAMP|DATE)/;
/** A column of JSON is one of numbers and texts. */
const isText = (type: string): boolean => /VARCHAR|JSON/.test(type);
const textOf = (column: string, type: string): string =>
  type === 'JSON' ? `(${column} ->> '$')` : `${column}::VARCHAR`;

/** Milliseconds of March 1973; seconds are as many only in the year 5138. */
const LEAST_MS = 1e11;
/** Milliseconds of the year 5138; microseconds are as many since March 1973. */
const MOST_MS = 1e14;
/** Nanoseconds of March 1973; microseconds are as many only in the year 5138. */
const LEAST_NS = 1e17;

/** Whether a number can be milliseconds since 1970 of a time that anything was logged at. */
export const isMillis = (ms: number): boolean => ms >= LEAST_MS && ms < MOST_MS;

/** As `isMillis`, of an expression. */
export const notMillis = (sql: string): string =>
  `(${sql} IS NULL OR NOT isfinite(${sql}) OR ${sql} < ${LEAST_MS} OR ${sql} >= ${MOST_MS})`;

/** What a number that cannot be milliseconds since 1970 looks like, and its mend. */
export function unitOf(value: number): { readonly looks: string; readonly mend: string } {
  const size = Math.abs(value);
  const or = 'or give timestamps.';
  if (!Number.isFinite(value))
    return { looks: 'is no time', mend: 'Give milliseconds since 1970, or timestamps.' };
  if (size < LEAST_MS)
    return {
      looks: 'looks like seconds',
      mend: `Give milliseconds since 1970: multiply by 1000 (seconds times 1000), ${or}`,
    };
  if (size >= LEAST_NS)
    return {
      looks: 'looks like nanoseconds',
      mend: `Give milliseconds since 1970: divide by 1000000, ${or}`,
    };
  if (size >= MOST_MS)
    return { looks: 'looks like microseconds', mend: `Give milliseconds since 1970: divide by 1000, ${or}` };
  return { looks: 'lies before 1970', mend: `Give milliseconds since 1970, ${or}` };
}

/**
 * Refuses numbers in columns of times that cannot be milliseconds since 1970, and texts that are no times. Seconds would be
 * of January 1970, and whatever leaks was long known; microseconds are of a far future, in which everything is. Reads the
 * file anew: ask only where what was loaded of it has something that is `notMillis`. Empty cells are left to others.
 * @throws GanglionError `invalid_input` naming file, row (the first is 1), column, value, unit and mend
 */
export async function refuseTimes(
  tables: Tables,
  types: ReadonlyMap<string, string>,
  names: readonly string[],
  from: string,
  file: string,
): Promise<void> {
  const { rows, where, number } = numbered(from, file);
  for (const name of names) {
    const type = types.get(name) ?? '';
    const column = sqlName(name);
    const ms = millis(types, name, file, '');
    // What is a timestamp may be of 1970; what is a number, or a text that is one, is of another unit then.
    const numeric = isText(type)
      ? `try_cast(${textOf(column, type)} AS DOUBLE) IS NOT NULL`
      : `${!TIMESTAMPS.test(type)}`;
    const bad = `${column} IS NOT NULL AND ${ms} IS NULL OR NOT isfinite(${ms}) OR ${ms} >= ${MOST_MS} OR (${numeric} AND ${ms} < ${LEAST_MS})`;
    const found = await tables.columns(
      `SELECT ${where} AS file, ${number} AS n, ${isText(type) ? textOf(column, type) : `${column}::VARCHAR`} AS said, ${ms} AS ms FROM ${rows} WHERE ${bad} LIMIT 1`,
    );
    if (found.n.length === 0) continue;
    const said = String(found.said[0]);
    const { looks, mend } = unitOf(Number(found.ms[0] ?? Number.NaN));
    throw new GanglionError(
      'invalid_input',
      `${found.file[0]}, row ${Number(found.n[0])}: ${name} is ${said}, which ${looks}: numbers are milliseconds since 1970`,
      { field: name, value: String(Number(said)) === said ? Number(said) : said, mend },
    );
  }
}

/** Rows with the file that each is of, and its number in it. */
function numbered(
  from: string,
  file: string,
): { readonly rows: string; readonly where: string; readonly number: string } {
  if (from.startsWith('read_parquet'))
    return {
      rows: from.replace(/\)$/, ', filename = true, file_row_number = true)'),
      where: 'filename',
      number: 'file_row_number + 1',
    };
  // The engine keeps the order of the file.
  return {
    rows: `(SELECT *, row_number() OVER () AS "row number" FROM ${from})`,
    where: sqlText(file),
    number: '"row number"',
  };
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
