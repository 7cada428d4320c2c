import { statSync } from 'node:fs';
import { sqlName, sqlText, type Tables } from '@ganglion/adapters/parquet';
import { GanglionError } from '@ganglion/core';
import { columnTypes, fromFile, millis, notMillis, refuseTimes } from './times.ts';

/**
 * Loads decisions into the table `decision`: their own columns, and `row_`, `at_` (ms since 1970) and `key_` (the entity).
 * A folder is one that `ganglion log export` wrote; of an id, what was written last counts.
 * @param key - `unit`, a column, or `context.NAME`: a member of the JSON in the column `context`
 * @returns the columns of their own
 * @throws GanglionError `invalid_input`
 */
export async function loadDecisions(
  tables: Tables,
  path: string,
  options: { readonly key: string; readonly at: string; readonly point: string | undefined },
): Promise<readonly string[]> {
  const folder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const from = folder
    ? `read_parquet(${sqlText(`${path}/**/*.parquet`)}, hive_partitioning = true, union_by_name = true)`
    : fromFile(path);
  const types = await columnTypes(tables, from);
  // JSON within JSON comes as a structure; everything here reads it as text.
  const structured = [...types]
    .filter(([, type]) => /^(STRUCT|MAP)/.test(type))
    .map(([name]) => sqlName(name));
  const flat =
    structured.length === 0
      ? from
      : `(SELECT * REPLACE (${structured.map((name) => `to_json(${name})::VARCHAR AS ${name}`).join(', ')}) FROM ${from})`;
  const at = millis(types, options.at, path, 'Name the column with the time of the decision with --at.');
  const where =
    options.point === undefined || !types.has('point') ? '' : `WHERE point = ${sqlText(options.point)}`;
  const newest =
    types.has('id') && types.has('written')
      ? 'QUALIFY row_number() OVER (PARTITION BY id ORDER BY written DESC) = 1'
      : '';
  await tables.run(`CREATE OR REPLACE TABLE decision AS
    SELECT *, row_number() OVER (ORDER BY at_) AS row_ FROM (
      SELECT *, ${at} AS at_, ${keyOf(types, options.key, path)} AS key_ FROM ${flat} ${where} ${newest})`);
  const odd = await tables.columns(`SELECT 1 AS odd FROM decision WHERE ${notMillis('at_')} LIMIT 1`);
  if (odd.odd.length > 0) await refuseTimes(tables, types, [options.at], from, path);
  const bad = await tables.columns(
    'SELECT count(*) AS n FROM decision WHERE at_ IS NULL OR NOT isfinite(at_)',
  );
  if ((bad.n as unknown as number[])[0] > 0)
    throw new GanglionError('invalid_input', `${path} has decisions without a time`, {
      field: options.at,
      mend: 'Without one nobody can say what was known: leave them out.',
    });
  return [...types.keys()];
}

function keyOf(types: ReadonlyMap<string, string>, key: string, path: string): string {
  const field = key.startsWith('context.') && !types.has(key) ? key.slice('context.'.length) : undefined;
  const column = field === undefined ? key : 'context';
  if (!types.has(column))
    throw new GanglionError('invalid_input', `${path} has no column ${column}`, {
      field: '--key',
      value: key,
      mend: `Name what says whom a decision is about: one of ${[...types.keys()].slice(0, 20).join(', ')}, or context.NAME.`,
    });
  return field === undefined
    ? `${sqlName(column)}::VARCHAR`
    : `json_extract_string(context::VARCHAR, ${sqlText(`$."${field.replaceAll('"', '')}"`)})`;
}
