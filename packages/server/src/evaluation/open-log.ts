import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Tables, withTables } from '@ganglion/adapters/parquet';
import { GanglionError } from '@ganglion/core';
import { type Mapping, readTable } from './csv.ts';
import type { DecisionLog } from './decision-log.ts';
import { pointLog } from './node-log.ts';
import { readOpenBandit } from './open-bandit.ts';
import { readParquet } from './parquet-log.ts';
import { readVw } from './vw.ts';

export const LOG_FORMATS = ['obd', 'vw', 'csv', 'ganglion'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LogSource {
  readonly path: string;
  readonly format: LogFormat;
  /** What `--map` says, by name. */
  readonly map: Readonly<Record<string, string>>;
  /** ganglion: which point. */
  readonly point?: string | undefined;
}

/** Reads a log from files. @throws GanglionError `invalid_input` */
export async function openLog(source: LogSource, onRows: (rows: number) => void): Promise<DecisionLog> {
  if (!existsSync(source.path))
    throw new GanglionError('invalid_input', `${source.path} is not there`, {
      field: 'path',
      value: source.path,
      mend: 'Give the path of a log.',
    });
  const log =
    source.format === 'vw'
      ? await readVw(source.path, onRows)
      : await withTables((tables) => tabled(tables, source, onRows));
  if (log.rows === 0)
    throw new GanglionError('invalid_input', `${source.path} holds no decision with an outcome`, {
      field: 'path',
      value: source.path,
      mend: 'Give a log with at least one.',
    });
  return log;
}

async function tabled(
  tables: Tables,
  source: LogSource,
  onRows: (rows: number) => void,
): Promise<DecisionLog> {
  if (source.format === 'obd') return await readOpenBandit(tables, source.path);
  if (source.format === 'ganglion') {
    const decisions = await readParquet(tables, source.path, source.point, onRows);
    return pointLog(decisions, source.point, path.basename(source.path));
  }
  if (statSync(source.path).isDirectory())
    throw new GanglionError('invalid_input', `${source.path} is a folder`, {
      field: 'path',
      value: source.path,
      mend: 'Give a CSV or Parquet file.',
    });
  return await readTable(tables, source.path, mappingOf(source.map), onRows);
}

const MAPPED = ['arm', 'reward', 'propensity', 'at', 'outcomeAt', 'context'];

/** Columns by the names that most logs have, and as `--map` says otherwise. */
function mappingOf(map: Readonly<Record<string, string>>): Mapping {
  for (const name of Object.keys(map))
    if (!MAPPED.includes(name))
      throw new GanglionError('invalid_input', `--map ${name}=… is not known`, {
        field: '--map',
        value: name,
        mend: `Map ${MAPPED.join(', ')}.`,
      });
  const { arm = 'arm', reward = 'reward', propensity = 'propensity', at, outcomeAt, context } = map;
  return {
    arm,
    reward,
    propensity,
    at,
    outcomeAt,
    context: (context ?? '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  };
}

/** The campaign of an Open Bandit log, as its file is named. */
export function campaignOf(log: DecisionLog): string {
  return path.basename(log.name.replace(/^Open Bandit /, ''));
}
