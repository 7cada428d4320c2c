import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Column, sqlText, type Tables } from '@ganglion/adapters/parquet';
import { GanglionError } from '@ganglion/core';
import { badRow, checkPropensities, coded, type DecisionLog, MAX_ARMS } from './decision-log.ts';

/**
 * The Open Bandit Dataset (Saito, Aihara, Matsutani, Narita 2020): a folder with `men.csv`, `women.csv` or `all.csv`,
 * one row an item shown at one of three positions, with the probability of the item at its position.
 *
 * @param at - the folder, or the file @throws GanglionError `invalid_input`
 */
export async function readOpenBandit(tables: Tables, at: string): Promise<DecisionLog> {
  const file = csvOf(at);
  const from = `read_csv(${sqlText(file)}, header = true, strict_mode = true)`;
  const columns = await tables.columns(`SELECT item_id::INTEGER AS item, position::DOUBLE AS position,
    click::DOUBLE AS click, propensity_score::DOUBLE AS propensity, epoch_ms("timestamp"::TIMESTAMPTZ)::DOUBLE AS at,
    user_feature_0 AS u0, user_feature_1 AS u1, user_feature_2 AS u2, user_feature_3 AS u3
    FROM ${from}`);
  return openBanditLog(file, columns);
}

function openBanditLog(file: string, columns: Readonly<Record<string, Column>>): DecisionLog {
  const numbers = (name: string): Float64Array => columns[name] as Float64Array;
  const item = numbers('item');
  const { codes, names } = coded(item, 'item_id', itemsOf(item));
  checkPropensities(numbers('propensity'), 'propensity_score');
  return {
    name: `Open Bandit ${path.basename(file, '.csv')}`,
    rows: item.length,
    arms: names,
    arm: codes,
    propensity: numbers('propensity'),
    reward: numbers('click'),
    range: [0, 1],
    atMs: numbers('at'),
    context: new Map([
      ['position', columns.position],
      ...[0, 1, 2, 3].map((k): [string, Column] => [`user_feature_${k}`, columns[`u${k}`]]),
    ]),
    available: undefined,
    skipped: {},
  };
}

function csvOf(at: string): string {
  if (!existsSync(at)) throw missing(at);
  if (statSync(at).isFile()) return at;
  const found = ['all', 'men', 'women']
    .map((name) => path.join(at, `${name}.csv`))
    .filter((file) => existsSync(file));
  if (found.length === 1) return found[0];
  if (found.length > 1)
    throw new GanglionError('invalid_input', `${at} holds several campaigns`, {
      field: 'path',
      value: found.map((file) => path.basename(file)),
      mend: 'Give the path of one of the files.',
    });
  throw missing(at, readdirSync(at).slice(0, 10));
}

function missing(at: string, holds?: readonly string[]): GanglionError {
  return new GanglionError('invalid_input', `${at} holds no Open Bandit log`, {
    field: 'path',
    value: holds ?? at,
    mend: 'Give a folder with men.csv, women.csv or all.csv, or one of these files.',
  });
}

/** Items are numbered from 0. */
function itemsOf(item: Float64Array): string[] {
  let largest = -1;
  for (let i = 0; i < item.length; i++) {
    if (item[i] < 0 || item[i] >= MAX_ARMS)
      throw badRow('item_id', i, item[i], `Items are numbered from 0 to ${MAX_ARMS - 1}.`);
    if (item[i] > largest) largest = item[i];
  }
  return Array.from({ length: largest + 1 }, (_, k) => String(k));
}
