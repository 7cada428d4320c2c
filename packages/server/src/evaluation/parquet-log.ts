import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { sqlText, type Tables } from '@ganglion/adapters/parquet';
import { GanglionError, type LoggedDecision } from '@ganglion/core';

/**
 * The decision log as Parquet, in Hive's layout: `FOLDER/point=P/day=YYYY-MM-DD/NODE-0.parquet`, a row a decision. Days are
 * UTC. Exporting again writes the node's days again; what other nodes wrote stays.
 */
const COLUMNS = {
  id: 'VARCHAR',
  point: 'VARCHAR',
  at: 'TIMESTAMP',
  day: 'VARCHAR',
  stratum: 'VARCHAR',
  proposed: 'VARCHAR',
  arm: 'VARCHAR',
  arms: 'VARCHAR',
  propensity: 'DOUBLE',
  confidence: 'DOUBLE',
  reason: 'VARCHAR',
  tier: 'VARCHAR',
  spec_version: 'INTEGER',
  view_version: 'INTEGER',
  unit: 'VARCHAR',
  context: 'VARCHAR',
  /** JSON: by field, which feature it showed and since when that could be known. */
  features: 'VARCHAR',
  trains: 'BOOLEAN',
  self_caused: 'BOOLEAN',
  exposed: 'BOOLEAN',
  outcome: 'VARCHAR',
  metrics: 'VARCHAR',
  truth: 'VARCHAR',
  reward: 'DOUBLE',
  reward_min: 'DOUBLE',
  reward_max: 'DOUBLE',
  /** When the row was written: the newest of one id counts. */
  written: 'TIMESTAMP',
} as const;

const ROWS_AT_ONCE = 100_000;

/** Writes a node's decisions. @returns how many */
export async function writeParquet(
  tables: Tables,
  folder: string,
  node: string,
  decisions: readonly LoggedDecision[],
  writtenMs: number,
): Promise<number> {
  if (decisions.length === 0) return 0;
  mkdirSync(folder, { recursive: true });
  // Times enter as milliseconds and become timestamps in the query that writes.
  const types = Object.entries({ ...COLUMNS, at: 'DOUBLE', written: 'DOUBLE' }).map(
    ([name, type]) => `"${name}" ${type}`,
  );
  await tables.run(`CREATE OR REPLACE TABLE log (${types.join(', ')})`);
  for (let from = 0; from < decisions.length; from += ROWS_AT_ONCE)
    await tables.append('log', columnsOf(decisions.slice(from, from + ROWS_AT_ONCE), writtenMs));
  await tables.run(`COPY (SELECT * REPLACE (make_timestamp(("at" * 1000)::BIGINT) AS "at", make_timestamp((written * 1000)::BIGINT) AS written) FROM log ORDER BY point, "at")
    TO ${sqlText(folder)} (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (point, day), WRITE_PARTITION_COLUMNS false,
    OVERWRITE_OR_IGNORE true, FILENAME_PATTERN ${sqlText(`${node}-{i}`)})`);
  await tables.run('DROP TABLE log');
  return decisions.length;
}

function columnsOf(
  decisions: readonly LoggedDecision[],
  writtenMs: number,
): (string | number | boolean | null)[][] {
  const make: Readonly<
    Record<keyof typeof COLUMNS, (d: LoggedDecision) => string | number | boolean | null>
  > = {
    id: (d) => d.id,
    point: (d) => d.point,
    at: (d) => d.atMs,
    day: (d) => new Date(d.atMs).toISOString().slice(0, 10),
    stratum: (d) => d.stratum,
    proposed: (d) => d.proposed,
    arm: (d) => d.arm,
    arms: (d) => JSON.stringify(d.arms),
    propensity: (d) => d.propensity,
    confidence: (d) => d.confidence,
    reason: (d) => d.reason,
    tier: (d) => d.tier,
    spec_version: (d) => d.specVersion,
    view_version: (d) => d.viewVersion,
    unit: (d) => d.unit,
    context: (d) => JSON.stringify(d.context),
    features: (d) => (d.features === undefined ? null : JSON.stringify(d.features)),
    trains: (d) => d.trains,
    self_caused: (d) => d.selfCaused ?? null,
    exposed: (d) => d.exposed,
    outcome: (d) => d.outcome,
    metrics: (d) => JSON.stringify(d.metrics),
    truth: (d) => d.truth,
    reward: (d) => d.reward,
    reward_min: (d) => d.range[0],
    reward_max: (d) => d.range[1],
    written: () => writtenMs,
  };
  return Object.keys(COLUMNS).map((name) => decisions.map(make[name as keyof typeof COLUMNS]));
}

/** Reads what `writeParquet` wrote, by time. @throws GanglionError `invalid_input` */
export async function readParquet(
  tables: Tables,
  folder: string,
  point: string | undefined,
  onRows?: (rows: number) => void,
): Promise<LoggedDecision[]> {
  const from = `read_parquet(${sqlText(`${folder}/**/*.parquet`)}, hive_partitioning = true, union_by_name = true)`;
  const columns = await tables.columns(
    `SELECT * REPLACE (epoch_ms("at")::DOUBLE AS "at") FROM ${from}
      ${point === undefined ? '' : `WHERE point = ${sqlText(point)}`}
      QUALIFY row_number() OVER (PARTITION BY id ORDER BY written DESC) = 1 ORDER BY "at", id`,
    onRows,
  );
  // Exports from before there were features, or causes, have no column of theirs.
  for (const name of Object.keys(COLUMNS))
    if (columns[name] === undefined && name !== 'features' && name !== 'self_caused')
      throw new GanglionError(
        'invalid_input',
        `${folder} holds no decision log: there is no column ${name}`,
        {
          field: 'path',
          value: folder,
          mend: 'Give a folder that "ganglion log export" wrote.',
        },
      );
  const text = (name: keyof typeof COLUMNS, row: number): string | null =>
    columns[name][row] as string | null;
  const number = (name: keyof typeof COLUMNS, row: number): number => columns[name][row] as number;
  const known = (value: number): number | null => (Number.isNaN(value) ? null : value);
  return Array.from(
    columns.id as string[],
    (id, row) =>
      ({
        id,
        point: text('point', row),
        atMs: number('at', row),
        stratum: text('stratum', row),
        proposed: text('proposed', row),
        arm: text('arm', row),
        arms: JSON.parse(text('arms', row) ?? '[]'),
        propensity: known(number('propensity', row)),
        confidence: known(number('confidence', row)),
        reason: text('reason', row),
        tier: text('tier', row),
        specVersion: number('spec_version', row),
        viewVersion: number('view_version', row),
        unit: text('unit', row),
        context: JSON.parse(text('context', row) ?? '{}'),
        ...featuresOf(columns.features?.[row]),
        trains: number('trains', row) === 1,
        ...causeOf(columns.self_caused?.[row]),
        exposed: number('exposed', row) === 1,
        outcome: text('outcome', row),
        metrics: JSON.parse(text('metrics', row) ?? '{}'),
        truth: text('truth', row),
        reward: known(number('reward', row)),
        range: [number('reward_min', row), number('reward_max', row)],
      }) as LoggedDecision,
  );
}

const featuresOf = (json: string | number | null | undefined): Pick<LoggedDecision, 'features'> =>
  typeof json === 'string' ? { features: JSON.parse(json) } : {};

const causeOf = (value: string | number | null | undefined): Pick<LoggedDecision, 'selfCaused'> =>
  typeof value === 'number' && !Number.isNaN(value) ? { selfCaused: value === 1 } : {};

/** A day's folder in an export. */
export interface Partition {
  readonly folder: string;
  readonly point: string;
  readonly day: string;
  readonly files: readonly string[];
}

/** All days of an export. */
export function partitionsOf(folder: string): Partition[] {
  if (!existsSync(folder))
    throw new GanglionError('invalid_input', `${folder} is not there`, {
      field: 'folder',
      value: folder,
      mend: 'Give a folder that "ganglion log export" wrote.',
    });
  const below = (at: string, key: string): string[] =>
    readdirSync(at).filter((name) => name.startsWith(`${key}=`));
  return below(folder, 'point').flatMap((point) =>
    below(path.join(folder, point), 'day').map((day) => {
      const at = path.join(folder, point, day);
      const files = readdirSync(at).filter((name) => name.endsWith('.parquet'));
      return { folder: at, point: decodeURIComponent(point.slice(6)), day: day.slice(4), files };
    }),
  );
}

/**
 * Makes one file of a day's many. It is written beside them and renamed before they go: after a crash between the two,
 * decisions are there twice, and readers count each id once.
 */
export async function compactPartition(tables: Tables, { folder, files }: Partition): Promise<boolean> {
  if (files.length < 2) return false;
  const whole = path.join(folder, 'all.parquet');
  const unfinished = `${whole}.tmp`;
  await tables.run(`COPY (SELECT * FROM read_parquet(${sqlText(`${folder}/*.parquet`)}, hive_partitioning = false, union_by_name = true)
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY written DESC) = 1 ORDER BY "at") TO ${sqlText(unfinished)} (FORMAT parquet, COMPRESSION zstd)`);
  renameSync(unfinished, whole);
  for (const file of files) if (file !== 'all.parquet') rmSync(path.join(folder, file));
  return true;
}
