import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stream } from '@ganglion/core/testing';
import type { Problem } from './drive.ts';

/** Where data sets of others are: GANGLION_DATA, else beside the repository. */
const DATA = process.env.GANGLION_DATA ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url));

/** A table whose last word of a row is its class. */
export interface Table {
  readonly name: string;
  /** Where it is, from the folder of data. */
  readonly file: string;
  /** Whether its order is time; otherwise rows are shuffled by the seed. */
  readonly inTime: boolean;
  readonly columns: readonly string[];
  /** Columns whose values are names; others are numbers. */
  readonly names: readonly string[];
  /** Class of a row, or undefined to leave it out. */
  classOf(row: readonly string[]): string | undefined;
}

/** Families of attacks as the publishers of NSL-KDD group them; the two rarest are one. */
const ATTACKS: Readonly<Record<string, string>> = {
  normal: 'normal',
  ...Object.fromEntries(['neptune', 'smurf', 'back', 'teardrop', 'pod', 'land'].map((a) => [a, 'dos'])),
  ...Object.fromEntries(['ipsweep', 'satan', 'portsweep', 'nmap'].map((a) => [a, 'probe'])),
};

const KDD = [
  'duration protocol service flag src_bytes dst_bytes land wrong_fragment urgent hot failed_logins logged_in',
  'compromised root_shell su_attempted root file_creations shells access_files outbound host_login guest_login count',
  'srv_count serror srv_serror rerror srv_rerror same_srv diff_srv srv_diff_host dst_host_count dst_host_srv_count',
  'dst_host_same_srv dst_host_diff_srv dst_host_same_src_port dst_host_srv_diff_host dst_host_serror',
  'dst_host_srv_serror dst_host_rerror dst_host_srv_rerror',
]
  .join(' ')
  .split(' ');

/** The tables that are turned into bandits. */
export const TABLES: readonly Table[] = [
  {
    name: 'Adult (UCI)',
    file: 'fairness/adult.data',
    inTime: false,
    columns:
      'age workclass fnlwgt education education_num marital occupation relationship race sex gain loss hours country'.split(
        ' ',
      ),
    names: 'workclass education marital occupation relationship race sex country'.split(' '),
    classOf: (row) => row[14],
  },
  {
    name: 'NSL-KDD',
    file: 'nslkdd/KDDTrain+_20Percent.txt',
    inTime: false,
    columns: KDD,
    names: ['protocol', 'service', 'flag'],
    classOf: (row) => ATTACKS[row[41]] ?? 'access',
  },
  {
    name: 'Elec2',
    file: 'elec2/elec.csv',
    inTime: true,
    columns: 'period nswprice nswdemand vicprice vicdemand transfer'.split(' '),
    names: [],
    classOf: (row) => row[6],
  },
];

/** A table as it was read. */
export interface Loaded {
  readonly table: Table;
  readonly classes: readonly string[];
  readonly context: Readonly<Record<string, unknown>>;
  readonly rows: readonly { readonly x: Float64Array; readonly label: number }[];
}

/** Most rows of a table that are used; the first ones. */
const MOST_ROWS = 20_000;
// Categories rarer than this share of the rows are left to the hashed column.
const RARE = 0.01;

/** Reads a table; undefined where it is not on this machine. */
export function load(table: Table, path = `${DATA}/${table.file}`): Loaded | undefined {
  if (!existsSync(path)) return undefined;
  const lines = readFileSync(path, 'utf8').split('\n');
  const rows = lines
    .map((line) => line.split(',').map((cell) => cell.trim()))
    .filter((row) => row.length > table.columns.length && row[0] !== table.columns[0])
    .slice(0, MOST_ROWS);
  const labels = rows.map((row) => table.classOf(row));
  const classes = [...new Set(labels.filter((label) => label !== undefined))].sort();
  const fields = table.columns.map((name, i) => {
    const cells = rows.map((row) => row[i]);
    return table.names.includes(name) ? categories(cells) : scale(cells.map(Number));
  });
  return {
    table,
    classes,
    context: Object.fromEntries(table.columns.map((name, i) => [name, fields[i]])),
    rows: rows.map((row, k) => ({
      x: Float64Array.from(fields, (field, i) => {
        if (!('values' in field)) return Number(row[i]);
        const index = field.values.indexOf(row[i]);
        return index < 0 ? field.values.length : index;
      }),
      label: classes.indexOf(labels[k]!),
    })),
  };
}

function categories(cells: readonly string[]) {
  const counts = new Map<string, number>();
  for (const cell of cells) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  const values = [...counts].filter(([, n]) => n >= RARE * cells.length).map(([value]) => value);
  return { type: 'category', values: values.sort(), required: true };
}

function scale(values: readonly number[]) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { type: 'number', mean, sd: Math.sqrt(variance) || 1, required: true };
}

/** The table as a bandit: a class is an arm, the right one pays 1, and only the chosen one is seen. */
export function asBandit({ table, classes, context, rows }: Loaded, seed: number): Problem {
  const order = rows.map((_, i) => i);
  const random = stream(seed, 2);
  if (!table.inTime)
    for (let i = order.length - 1; i > 0; i--) {
      const j = random.integer(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
  return {
    arms: classes.length,
    steps: rows.length,
    context,
    at(step, into, mean) {
      const row = rows[order[step]];
      into.set(row.x);
      for (let a = 0; a < classes.length; a++) mean[a] = a === row.label ? 1 : 0;
    },
  };
}
