import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ours, run } from './drive.ts';
import { linUcb } from './published.ts';
import { linearProblem } from './synthetic.ts';
import { asBandit, load, TABLES } from './tables.ts';

const folder = mkdtempSync(join(tmpdir(), 'ganglion-tables-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a table is read as its columns say, and every row pays for its class alone', () => {
  const path = join(folder, 'elec.csv');
  writeFileSync(path, 'period,a,b,c,d,e,class\n0.0,0.1,0.2,0.3,0.4,0.5,UP\n0.5,0.1,0.2,0.3,0.4,0.9,DOWN\n');
  const table = TABLES.find(({ name }) => name === 'Elec2')!;
  const loaded = load(table, path)!;
  expect(loaded.classes).toEqual(['DOWN', 'UP']);
  const problem = asBandit(loaded, 1);
  const [context, mean] = [new Float64Array(6), new Float64Array(2)];
  problem.at(1, context, mean);
  expect([...context]).toEqual([0.5, 0.1, 0.2, 0.3, 0.4, 0.9]);
  expect([...mean]).toEqual([1, 0]);
  expect(load(table, join(folder, 'nowhere.csv'))).toBeUndefined();
});

/** Shares of right answers that always the most frequent class cannot reach, with room below what was measured. */
const LEAST: Readonly<Record<string, number>> = { 'Adult (UCI)': 0.82, 'NSL-KDD': 0.93, Elec2: 0.78 };

describe.each(TABLES)('$name', (table) => {
  const loaded = load(table);
  test.skipIf(loaded === undefined)(
    `is learned in one pass from what was chosen alone (skipped where GANGLION_DATA has no ${table.file})`,
    () => {
      const problem = asBandit(loaded!, 1);
      for (const kind of ['linear-thompson', 'lin-ucb', 'square-cb'])
        expect(run(problem, ours({ kind }, problem, 1), 1).reward).toBeGreaterThan(LEAST[table.name]);
    },
  );
});

test('on a linear problem ours costs what the published rule costs, within what chance leaves', () => {
  let mine = 0;
  let theirs = 0;
  for (let seed = 1; seed <= 10; seed++) {
    const problem = linearProblem(seed, 5, 4, 2000);
    mine += run(problem, ours({ kind: 'lin-ucb' }, problem, seed), seed).regret;
    theirs += run(problem, linUcb(5, 4, 0.5), seed).regret;
  }
  expect(mine).toBeLessThan(1.25 * theirs);
});
