import { sqlName, sqlText, type Tables } from '@ganglion/adapters/parquet';
import { GanglionError, type LoggedDecision } from '@ganglion/core';
import { iso } from './as-of.ts';
import { columnTypes, fromFile, isMillis, unitOf } from './times.ts';

/**
 * Refuses decisions that froze a feature which was known only after them: nobody could have seen it, so the log is wrong.
 * @throws GanglionError `invalid_input` naming decision, feature, both times and the mend
 */
export async function refuseFrozenLeaks(tables: Tables): Promise<number> {
  if (!(await columnTypes(tables, 'decision')).has('features')) return 0;
  const { id, at_, features } = await tables.columns(
    'SELECT id::VARCHAR AS id, at_, features::VARCHAR AS features FROM decision WHERE features IS NOT NULL ORDER BY row_',
  );
  let checked = 0;
  (features as string[]).forEach((json, i) => {
    for (const [field, { feature, source, eventAtMs, knownAtMs }] of Object.entries(
      JSON.parse(json) as NonNullable<LoggedDecision['features']>,
    )) {
      if (source !== 'events') continue;
      checked++;
      for (const [name, ms] of Object.entries({ eventAtMs, knownAtMs }))
        if (ms !== null && ms !== undefined && !isMillis(ms)) {
          const { looks, mend } = unitOf(ms);
          throw new GanglionError(
            'invalid_input',
            `${field} (${feature}) of decision ${id[i]}: ${name} is ${ms}, which ${looks}: numbers are milliseconds since 1970`,
            { field, value: ms, mend },
          );
        }
      const usableMs = Math.max(eventAtMs ?? 0, knownAtMs ?? 0);
      if (usableMs > Number(at_[i]))
        throw new GanglionError(
          'invalid_input',
          `${field} (${feature}) leaks into decision ${id[i]} of ${iso(Number(at_[i]))}: it was known only at ${iso(usableMs)}`,
          {
            field,
            value: iso(usableMs),
            mend: 'Find out how the log got it (a clock that went back, a file that was mended by hand), and leave the decision out.',
          },
        );
    }
  });
  return checked;
}

/** Writes the decisions with what was joined: a column a feature, and when it was known. @throws GanglionError `invalid_input` */
export async function writeTraining(
  tables: Tables,
  features: readonly string[],
  file: string,
): Promise<void> {
  fromFile(file);
  const own = await columnTypes(tables, 'decision');
  const columns = features.flatMap((feature) => [feature, `${feature}.known_at`]);
  const twice = columns.find((name) => own.has(name));
  if (twice !== undefined)
    throw new GanglionError('invalid_input', `${twice} is a feature and a column of the decisions`, {
      field: twice,
      mend: 'Rename the feature in the file of values.',
    });
  const parts: string[] = [];
  for (const feature of features) {
    const at = `feature = ${sqlText(feature)}`;
    const { n } = await tables.columns(
      `SELECT count(*) AS n FROM joined WHERE ${at} AND value IS NOT NULL AND try_cast(value AS DOUBLE) IS NULL`,
    );
    const value = Number(n[0]) === 0 ? 'try_cast(value AS DOUBLE)' : 'value';
    parts.push(
      `max(${value}) FILTER (WHERE ${at}) AS ${sqlName(feature)}`,
      `make_timestamp((max(known_ms) FILTER (WHERE ${at} AND value IS NOT NULL) * 1000)::BIGINT) AS ${sqlName(`${feature}.known_at`)}`,
    );
  }
  const form = /\.csv$/i.test(file)
    ? 'csv, HEADER'
    : /\.parquet$/i.test(file)
      ? 'parquet, COMPRESSION zstd'
      : 'json';
  const with_ =
    parts.length === 0
      ? ''
      : `LEFT JOIN (SELECT row_, ${parts.join(', ')} FROM joined GROUP BY row_) USING (row_)`;
  await tables.run(`COPY (SELECT * EXCLUDE (row_, at_, key_) FROM decision ${with_} ORDER BY row_)
    TO ${sqlText(file)} (FORMAT ${form})`);
}
