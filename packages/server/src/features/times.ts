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
 * A column of times as milliseconds since 1970: timestamps, texts in ISO 8601, or numbers that are that already.
 * @throws GanglionError `invalid_input` where there is no such column
 */
export function millis(types: ReadonlyMap<string, string>, name: string, file: string, mend: string): string {
  const type = types.get(name);
  if (type === undefined)
    throw new GanglionError('invalid_input', `${file} has no column ${name}`, { field: name, mend });
  const column = sqlName(name);
  if (/^(TIMESTAMP|DATE)/.test(type)) return `epoch_ms(${column}::TIMESTAMP)::DOUBLE`;
  if (/VARCHAR/.test(type)) return `epoch_ms(${column}::TIMESTAMPTZ)::DOUBLE`;
  return `${column}::DOUBLE`;
}
