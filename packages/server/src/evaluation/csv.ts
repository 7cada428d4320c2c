import path from 'node:path';
import { type Column, sqlName, sqlText, type Tables } from '@ganglion/adapters/parquet';
import { GanglionError } from '@ganglion/core';
import {
  checkPropensities,
  checkRewards,
  coded,
  type DecisionLog,
  keepRows,
  rangeSeen,
} from './decision-log.ts';

/** Which column of a table is what. */
export interface Mapping {
  readonly arm: string;
  readonly reward: string;
  readonly propensity: string;
  /** When it was decided: a time, or ms since 1970. */
  readonly at?: string | undefined;
  /** When its outcome came, the same way. */
  readonly outcomeAt?: string | undefined;
  /** Columns of the context. */
  readonly context: readonly string[];
}

/** Clocks of two machines may differ by this much before an outcome counts as older than its decision. */
const SKEW_MS = 60_000;

/**
 * A table with one decision a row, CSV or Parquet by its ending, read by a mapping. Rows without a reward are left out
 * (their outcome never came), and so are those whose outcome is dated a minute or more before the decision; both are
 * counted.
 *
 * @throws GanglionError `invalid_input` naming column and row
 */
export async function readTable(
  tables: Tables,
  file: string,
  mapping: Mapping,
  onRows?: (rows: number) => void,
): Promise<DecisionLog> {
  const parquet = /\.parquet$/i.test(file);
  const from = parquet
    ? `read_parquet(${sqlText(file)})`
    : `read_csv(${sqlText(file)}, header = true, strict_mode = true)`;
  const types = await typesOf(tables, from);
  const text = (name: string): string => `${sqlName(existing(types, name, file))}::VARCHAR`;
  const numeric = (name: string): string => `${sqlName(existing(types, name, file))}::DOUBLE`;
  const instant = (name: string): string => {
    const type = types.get(existing(types, name, file)) ?? '';
    // By way of a TIMESTAMP an instant would be what clocks show in the zone of the session.
    if (type === 'TIMESTAMP WITH TIME ZONE') return `epoch_ms(${sqlName(name)})::DOUBLE`;
    return /^(TIMESTAMP|DATE)/.test(type) ? `epoch_ms(${sqlName(name)}::TIMESTAMP)::DOUBLE` : numeric(name);
  };
  const field = (name: string): string =>
    /INT|DOUBLE|FLOAT|DECIMAL|BOOLEAN/.test(types.get(existing(types, name, file)) ?? '')
      ? numeric(name)
      : text(name);
  const { at, outcomeAt } = mapping;
  const columns = await tables.columns(
    `SELECT ${[
      `${text(mapping.arm)} AS arm`,
      `${numeric(mapping.reward)} AS reward`,
      `${numeric(mapping.propensity)} AS propensity`,
      ...(at === undefined ? [] : [`${instant(at)} AS at`]),
      ...(outcomeAt === undefined ? [] : [`${instant(outcomeAt)} AS outcome_at`]),
      ...mapping.context.map((name, k) => `${field(name)} AS ${sqlName(`context ${k}`)}`),
    ].join(', ')} FROM ${from}`,
    onRows,
  );
  return tableLog(file, mapping, columns);
}

function tableLog(file: string, mapping: Mapping, columns: Readonly<Record<string, Column>>): DecisionLog {
  const [reward, propensity] = [columns.reward as Float64Array, columns.propensity as Float64Array];
  checkPropensities(propensity, mapping.propensity);
  checkRewards(reward, mapping.reward);
  const { codes, names } = coded(columns.arm, mapping.arm);
  const at = columns.at as Float64Array | undefined;
  const outcomeAt = columns.outcome_at as Float64Array | undefined;
  let log: DecisionLog = {
    name: path.basename(file),
    rows: reward.length,
    arms: names,
    arm: codes,
    propensity,
    reward,
    range: [0, 1],
    atMs: at,
    context: new Map(mapping.context.map((name, k) => [name, columns[`context ${k}`]])),
    available: undefined,
    skipped: {},
  };
  if (at !== undefined && outcomeAt !== undefined)
    log = keepRows(log, (i) => !(outcomeAt[i] < at[i] - SKEW_MS), 'outcome dated before its decision');
  log = keepRows(log, (i) => !Number.isNaN(log.reward[i]), 'no outcome');
  return { ...log, range: rangeSeen(log.reward), rangeSeen: true };
}

/** Columns of a table and what they hold. */
async function typesOf(tables: Tables, from: string): Promise<Map<string, string>> {
  const described = await tables.columns(`DESCRIBE SELECT * FROM ${from}`);
  const [names, types] = [described.column_name, described.column_type] as string[][];
  return new Map(names.map((name, i) => [name, types[i]]));
}

function existing(types: ReadonlyMap<string, string>, name: string, file: string): string {
  if (types.has(name)) return name;
  throw new GanglionError('invalid_input', `${file} has no column ${JSON.stringify(name)}`, {
    field: '--map',
    value: name,
    mend: `It has: ${[...types.keys()].slice(0, 20).join(', ')}.`,
  });
}
