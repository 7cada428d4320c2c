import { sqlName, sqlText, type Tables } from '@ganglion/adapters/parquet';
import { GanglionError } from '@ganglion/core';
import { columnTypes, fromFile, millis, notMillis, refuseDays, refuseTimes } from './times.ts';

/** Where the times of a value stand. */
export interface ValueColumns {
  /** When what it rests on had happened. */
  readonly eventAt: string;
  /** When it was there to be used: computed, or arrived. */
  readonly knownAt: string;
}

/** What was joined. */
export interface Joined {
  readonly decisions: number;
  readonly features: readonly JoinedFeature[];
}

export interface JoinedFeature {
  readonly feature: string;
  /** Decisions with a value, and without. */
  readonly found: number;
  readonly missing: number;
  /** Decisions whose newest value by event time was not known yet: an older one stands in its place (`late: drop`). */
  readonly late: number;
}

/**
 * Joins to every decision, for each feature, the value as of its time. `file` has a row a value: `entity`, `feature`,
 * `value` and two times; or, without a column `feature`, all other columns are features.
 *
 * A value is usable from the later of both times, for an event that arrives late, and a batch that is computed at night,
 * were not known when they happened. The join goes by event time, as one that trusts it would; where that takes a value
 * that was not usable yet, the decision would learn from what it could not know: `refuse` refuses the whole, `drop` takes
 * the newest that was. Needs the table `decision`; makes the table `joined` (`row_`, `feature`, `value`, `event_ms`,
 * `known_ms`).
 *
 * @throws GanglionError `invalid_input` naming decision, feature, both times and the mend
 */
export async function joinAsOf(
  tables: Tables,
  file: string,
  columns: ValueColumns,
  late: 'refuse' | 'drop',
): Promise<Joined> {
  await loadValues(tables, file, columns);
  await tables.run(`CREATE OR REPLACE TABLE wanted AS
    SELECT row_, key_, at_, feature FROM decision CROSS JOIN (SELECT DISTINCT feature FROM known_value)`);
  // By event time, whatever was known; of one time the one known last, for the leak to show.
  await tables.run(`CREATE OR REPLACE TABLE by_event AS
    SELECT w.row_, w.at_, w.key_, w.feature, v.usable_ms, v.event_ms, v.known_ms
    FROM wanted w ASOF LEFT JOIN (SELECT * FROM known_value
      QUALIFY row_number() OVER (PARTITION BY entity, feature, event_ms ORDER BY usable_ms DESC) = 1) v
    ON w.key_ = v.entity AND w.feature = v.feature AND w.at_ >= v.event_ms`);
  if (late === 'refuse') await refuseLeak(tables);
  // By the time from which a value is usable; what a newer event had overtaken by then is left out first.
  await tables.run(`CREATE OR REPLACE TABLE joined AS
    SELECT w.row_, w.feature, v.value, v.event_ms, v.known_ms
    FROM wanted w ASOF LEFT JOIN (SELECT * FROM (SELECT * FROM known_value
      QUALIFY event_ms >= max(event_ms) OVER (PARTITION BY entity, feature ORDER BY usable_ms, event_ms
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW))
      QUALIFY row_number() OVER (PARTITION BY entity, feature, usable_ms ORDER BY event_ms DESC, known_ms DESC) = 1) v
    ON w.key_ = v.entity AND w.feature = v.feature AND w.at_ >= v.usable_ms`);
  await refuseFromTheFuture(tables);
  return counts(tables);
}

async function loadValues(tables: Tables, file: string, { eventAt, knownAt }: ValueColumns): Promise<void> {
  const from = fromFile(file);
  const types = await columnTypes(tables, from);
  for (const name of ['entity', ...(types.has('feature') ? ['value'] : [])])
    if (!types.has(name))
      throw new GanglionError('invalid_input', `${file} has no column ${name}`, {
        field: name,
        mend: 'Give entity, feature and value, or entity and a column for each feature.',
      });
  const event = millis(
    types,
    eventAt,
    file,
    'Name the column that says when the value’s events had happened with --event-at.',
  );
  const known = millis(
    types,
    knownAt,
    file,
    `Name the column that says when the value was there with --known-at; --known-at ${eventAt} says that it was at once.`,
  );
  await refuseDays(tables, types, knownAt, file);
  const long = types.has('feature');
  const features = [...types.keys()].filter((name) => !['entity', eventAt, knownAt].includes(name));
  const values = long
    ? `SELECT entity::VARCHAR AS entity, feature::VARCHAR AS feature, value::VARCHAR AS value, ${event} AS event_ms, ${known} AS known_ms FROM ${from}`
    : features
        .map(
          (name) =>
            `SELECT entity::VARCHAR AS entity, ${sqlText(name)} AS feature, ${sqlName(name)}::VARCHAR AS value, ${event} AS event_ms, ${known} AS known_ms FROM ${from}`,
        )
        .join(' UNION ALL ');
  await tables.run(
    `CREATE OR REPLACE TABLE known_value AS SELECT *, greatest(event_ms, known_ms) AS usable_ms FROM (${values})`,
  );
  const odd = await tables.columns(
    `SELECT 1 AS odd FROM known_value WHERE ${notMillis('event_ms')} OR ${notMillis('known_ms')} LIMIT 1`,
  );
  if (odd.odd.length > 0) await refuseTimes(tables, types, [eventAt, knownAt], from, file);
  const bad = await tables.columns(
    'SELECT entity, feature FROM known_value WHERE event_ms IS NULL OR known_ms IS NULL LIMIT 1',
  );
  if (bad.entity.length > 0)
    throw new GanglionError(
      'invalid_input',
      `${file} has a value of ${bad.feature[0]} for ${bad.entity[0]} without its times`,
      {
        field: `${eventAt}, ${knownAt}`,
        mend: 'Give both, or leave the row out: nobody can say whether it was known.',
      },
    );
}

/** A decision that would see what was not known yet. */
async function refuseLeak(tables: Tables): Promise<void> {
  const leaks =
    await tables.columns(`SELECT row_, at_, key_, feature, event_ms, known_ms, count(*) OVER () AS n
    FROM by_event WHERE usable_ms > at_ ORDER BY row_, feature LIMIT 1`);
  if (leaks.row_.length === 0) return;
  const [row, atMs, eventMs, knownMs, n] = ['row_', 'at_', 'event_ms', 'known_ms', 'n'].map((name) =>
    Number(leaks[name][0]),
  );
  const id = await nameOf(tables, row);
  throw new GanglionError(
    'invalid_input',
    `${leaks.feature[0]} of ${leaks.key_[0]} leaks into decision ${id} of ${iso(atMs)}: it is stamped ${iso(eventMs)}, but was known only at ${iso(knownMs)}` +
      (n > 1 ? ` (and ${n - 1} more)` : ''),
    {
      field: String(leaks.feature[0]),
      value: iso(knownMs),
      mend: 'Compute the values as of their decisions, or join with --late drop: then each decision gets the newest value that was known.',
    },
  );
}

/** A file of values that were all known only after every decision they are for joins nothing: that is no empty feature. */
async function refuseFromTheFuture(tables: Tables): Promise<void> {
  const future = await tables.columns(`SELECT w.feature, min(v.usable_ms) AS first, max(w.at_) AS last
    FROM wanted w JOIN known_value v ON w.key_ = v.entity AND w.feature = v.feature
    GROUP BY w.feature HAVING min(v.usable_ms) > max(w.at_) ORDER BY w.feature LIMIT 1`);
  if (future.feature.length === 0) return;
  const [first, last] = [Number(future.first[0]), Number(future.last[0])];
  throw new GanglionError(
    'invalid_input',
    `every value of ${future.feature[0]} is newer than the decisions it is for: the first was known at ${iso(first)}, and the last decision was at ${iso(last)}`,
    {
      field: String(future.feature[0]),
      value: iso(first),
      mend: 'Compute the values as of their decisions; those of today say what came of decisions, and no model could have known it.',
    },
  );
}

async function counts(tables: Tables): Promise<Joined> {
  const rows =
    await tables.columns(`SELECT j.feature, count(j.value) AS found, count(*) - count(j.value) AS missing,
      count(*) FILTER (WHERE e.usable_ms > e.at_) AS late
    FROM joined j JOIN by_event e ON j.row_ = e.row_ AND j.feature = e.feature GROUP BY j.feature ORDER BY j.feature`);
  const total = await tables.columns('SELECT count(*) AS n FROM decision');
  return {
    decisions: Number(total.n[0]),
    features: (rows.feature as string[]).map((feature, i) => ({
      feature,
      found: Number(rows.found[i]),
      missing: Number(rows.missing[i]),
      late: Number(rows.late[i]),
    })),
  };
}

/** What a decision is called: its id, or its row by time. */
export async function nameOf(tables: Tables, row: number): Promise<string> {
  const types = await columnTypes(tables, 'decision');
  if (!types.has('id')) return `number ${row} by time`;
  const { id } = await tables.columns(`SELECT id FROM decision WHERE row_ = ${row}`);
  return String(id[0]);
}

export const iso = (ms: number): string => new Date(ms).toISOString();
