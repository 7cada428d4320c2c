import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTables, sqlName, sqlText, type Tables } from './parquet.ts';

const installed = await openTables().then(
  (tables) => {
    tables.close();
    return true;
  },
  () => false,
);

describe.skipIf(!installed)('tables on disk', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ganglion-tables-'));
  const at = (name: string): string => path.join(folder, name);
  let tables: Tables;
  beforeAll(async () => {
    tables = await openTables({ threads: 1, memoryMiB: 256 });
  });
  afterAll(() => {
    tables.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('numbers and booleans come as numbers, with NaN for nothing; all else as text', async () => {
    const columns = await tables.columns(
      `SELECT * FROM (VALUES (1.5::DOUBLE, 7::BIGINT, true, 'a', DATE '2026-01-02'), (NULL, NULL, NULL, NULL, NULL)) t(d, i, b, t, day)`,
    );
    expect(columns).toEqual({
      d: Float64Array.of(1.5, Number.NaN),
      i: Float64Array.of(7, Number.NaN),
      b: Float64Array.of(1, Number.NaN),
      t: ['a', null],
      day: ['2026-01-02', null],
    });
    expect((await tables.columns('SELECT 1::DOUBLE AS x WHERE false')).x).toEqual(new Float64Array(0));
  });

  test('what is appended and written to Parquet is read again, more than a chunk of it', async () => {
    const n = 5000;
    await tables.run('CREATE TABLE t (x DOUBLE, name VARCHAR)');
    await tables.append('t', [
      Array.from({ length: n }, (_, i) => (i % 3 === 0 ? null : i / 7)),
      Array.from({ length: n }, (_, i) => `it's ${i}`),
    ]);
    await tables.run(`COPY t TO ${sqlText(at("it's.parquet"))} (FORMAT parquet)`);
    const told: number[] = [];
    const { x, name } = await tables.columns(`SELECT * FROM ${sqlText(at("it's.parquet"))}`, (rows) =>
      told.push(rows),
    );
    expect([x.length, x[0], x[4], name[4999]]).toEqual([n, Number.NaN, 4 / 7, "it's 4999"]);
    expect(told.at(-1)).toBe(n);
    await tables.run('DROP TABLE t');
  });

  test('times without a zone are UTC, whatever the zone of the machine', async () => {
    expect(
      await tables.columns(
        `SELECT current_setting('TimeZone') AS zone, epoch_ms('2026-01-31 10:00:00'::TIMESTAMPTZ)::DOUBLE AS ms`,
      ),
    ).toEqual({ zone: ['UTC'], ms: Float64Array.of(Date.UTC(2026, 0, 31, 10)) });
  });

  test('names and texts are quoted', () => {
    expect([sqlName('a"b'), sqlText("a'b")]).toEqual(['"a""b"', "'a''b'"]);
  });

  test.each([
    [
      'a file that is not there',
      () => `read_parquet(${sqlText(at('none.parquet'))})`,
      /path of a file that is there/,
    ],
    ['a truncated one', () => `read_parquet(${sqlText(at('cut.parquet'))})`, /truncated/],
    ['a column that is not there', () => '(SELECT missing FROM (SELECT 1 AS x))', /column that the file has/],
  ])('%s is refused with what to do', async (_, from, mend) => {
    await tables.run(
      `COPY (SELECT range AS x FROM range(100000)) TO ${sqlText(at('whole.parquet'))} (FORMAT parquet)`,
    );
    const bytes = readFileSync(at('whole.parquet'));
    writeFileSync(at('cut.parquet'), bytes.subarray(0, bytes.length / 2));
    await expect(tables.columns(`SELECT * FROM ${from()}`)).rejects.toMatchObject({
      code: 'invalid_input',
      mend: expect.stringMatching(mend),
    });
  });

  test('nothing is fetched from anywhere', async () => {
    const { on } = await tables.columns(
      "SELECT (current_setting('autoinstall_known_extensions') OR current_setting('autoload_known_extensions')) AS \"on\"",
    );
    expect([...on]).toEqual([0]);
  });
});
