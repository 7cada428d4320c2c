import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { hasTables } from '../testing/log-data.ts';
import { declaredCandidate } from './candidate.ts';
import { keepRows } from './decision-log.ts';
import { type LogFormat, openLog } from './open-log.ts';
import { uniformCandidate } from './published-candidates.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ganglion-logs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function read(format: LogFormat, text: string, map: Record<string, string> = {}, name = 'log.csv') {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return await openLog({ path: file, format, map }, () => {});
}

describe('Vowpal Wabbit’s text', () => {
  test('a line a decision: reward is −cost, and features are the context', async () => {
    const log = await read('vw', '1:2:0.4 | a c  \n3:0.5:0.2 |u age:0.5 b\n| c\n4:-1:0.1 | a:3\n');
    expect(log.arms).toEqual(['1', '2', '3', '4']);
    expect([...log.arm]).toEqual([0, 2, 3]);
    expect([...log.reward]).toEqual([-2, -0.5, 1]);
    expect([...log.propensity]).toEqual([0.4, 0.2, 0.1]);
    expect(log.range).toEqual([-2, 1]);
    expect(Object.fromEntries([...log.context].map(([name, column]) => [name, [...column]]))).toEqual({
      a: [1, 0, 3],
      c: [1, 0, 0],
      'u.age': [0, 0.5, 0],
      'u.b': [0, 1, 0],
    });
  });

  test('a block a decision: arms are places, and there may be fewer of them', async () => {
    const log = await read(
      'vw',
      'shared |s x:2\n| a\n0:1:0.5 | b\n| c\n\nshared |s x:3\n0:0:0.25 | a\n| b\n\nshared | y\n| a\n',
    );
    expect([...log.arm]).toEqual([1, 0]);
    expect(log.available!.map((row) => row && [...row])).toEqual([undefined, [0, 1]]);
    expect([...(log.context.get('s.x') as Float64Array)]).toEqual([2, 3]);
    expect(log.skipped).toEqual({ 'no label': 1 });
  });

  test('a line may list all its actions: the one with a cost was chosen, the others were there', async () => {
    const log = await read('vw', "1 2:1:0.4 3 | f\n2 4:0:0.5 't| f\n3:1:0.3 5 6 | g\n1:0:0.2 | f\n");
    expect([...log.arm]).toEqual([1, 3, 2, 0]);
    expect(log.arms).toHaveLength(6);
    expect(log.available!.map((row) => row && [...row])).toEqual([[0, 1, 2], [1, 3], [2, 4, 5], undefined]);
    const evenly = (row: number) => {
      const p = new Float64Array(6);
      declaredCandidate(log, { kind: 'split' }, 'c', { folds: 2, seed: 1 }).fill(row, p);
      return [...p];
    };
    expect(evenly(1)).toEqual([0, 0.5, 0, 0.5, 0, 0]);
    const uniform = new Float64Array(6);
    uniformCandidate(log).fill(2, uniform);
    expect(uniform[4]).toBeCloseTo(1 / 3, 14);
    expect([uniform[0], uniform[1], uniform[3]]).toEqual([0, 0, 0]);
    expect(keepRows(log, (row) => row > 0, 'gone').available).toHaveLength(3);
  });

  test('an empty line after each makes no blocks of lines: their actions are their numbers', async () => {
    for (const end of ['\n', '\r\n']) {
      const log = await read('vw', ['2:1:0.4 | a', '', '1:0:0.5 | b', '', '3:1:0.2 | c', ''].join(end));
      expect([[...log.arm], log.available]).toEqual([[1, 0, 2], undefined]);
    }
    await expect(read('vw', '2:1:0.4 | a\n\n1:0:0.5 | b\n\n| c\n1:1:0.2 | d\n')).resolves.toMatchObject({
      rows: 3,
      arms: ['1', '2'],
    });
    const late = `${'2:1:0.4 | some features\n\n'.repeat(4000)}| a\n1:0:0.5 | b\n`;
    await expect(read('vw', late)).rejects.toThrow(/line 8002.*block/);
  });

  test.each([
    ['4000000000:0:0.5 | a\n', 'line 1', /action 4000000000/],
    ['1:0:0.5 | a\n1:0:0.5 65537 | a\n', 'line 2', /action 65537/],
    ['1:1:0.4 2:0:0.6 | a\n', 'line 1', /second/],
    ['0 1:1:0.4 | a\n', 'line 1', /action 0/],
    ['1:1:0.4 2.5 | a\n', 'line 1', /no label/],
    ['1:1e300:0.4 | a\n', 'line 1', /no label/],
    ['1:0:0 | a\n', 'line 1', /probability of 0/],
    ['1:1:0.5 | a\n1:0:1.5 | a\n', 'line 2', /probability of 1.5/],
    ['1:x:0.5 | a\n', 'line 1', /no label/],
    ['hello\n', 'line 1', /no \|/],
    ['1:1:0.5 | a:b:c:x\n', 'line 1', /no feature/],
  ])('%j is refused by its line', async (text, field, message) => {
    await expect(read('vw', text)).rejects.toMatchObject({ code: 'invalid_input', field });
    await expect(read('vw', text)).rejects.toThrow(message);
  });
});

describe.skipIf(!hasTables)('a table by a mapping', () => {
  const map = { arm: 'choice', reward: 'click', propensity: 'p', context: 'device,age' };

  test('gives arms, numbers and categories', async () => {
    const log = await read(
      'csv',
      'choice,click,p,device,age\nx,1,0.5,phone,30\ny,0,,web,\nx,,0.5,web,20\n',
      map,
    );
    expect(log.arms).toEqual(['x', 'y']);
    expect([...log.reward]).toEqual([1, 0]);
    expect([...log.propensity]).toEqual([0.5, Number.NaN]);
    expect(log.context.get('device')).toEqual(['phone', 'web']);
    expect([...(log.context.get('age') as Float64Array)]).toEqual([30, Number.NaN]);
    expect(log.skipped).toEqual({ 'no outcome': 1 });
  });

  test('leaves out outcomes that are older than their decision, and says so', async () => {
    const times = { ...map, context: '', at: 'at', outcomeAt: 'then' };
    const log = await read(
      'csv',
      'choice,click,p,at,then\nx,1,0.5,2026-01-01 00:10:00,2026-01-01 00:10:05\nx,1,0.5,2026-01-01 00:10:00,2026-01-01 00:05:00\n',
      times,
    );
    expect(log.rows).toBe(1);
    expect(log.skipped).toEqual({ 'outcome dated before its decision': 1 });
    expect(log.atMs![0]).toBe(Date.parse('2026-01-01T00:10:00Z'));
  });

  test.each([
    ['a zero propensity', 'choice,click,p,device,age\nx,1,0.5,a,1\nx,1,0,a,1\n', 'p', /row 2/],
    ['one above 1', 'choice,click,p,device,age\nx,1,2,a,1\n', 'p', /row 1/],
    ['an infinite reward', 'choice,click,p,device,age\nx,1,0.5,a,1\nx,inf,0.5,a,1\n', 'click', /row 2/],
    ['one beyond reckoning', 'choice,click,p,device,age\nx,-1e300,0.5,a,1\n', 'click', /row 1/],
    ['a missing column', 'choice,click,device,age\nx,1,a,1\n', '--map', /"p"/],
  ])('refuses %s', async (_, text, field, message) => {
    await expect(read('csv', text, map)).rejects.toMatchObject({ code: 'invalid_input', field });
    await expect(read('csv', text, map)).rejects.toThrow(message);
  });

  test('refuses a reward that is no number, and a line cut short', async () => {
    await expect(
      read('csv', 'choice,click,p,device,age\nx,1,0.5,a,1\nx,yes,0.5,a,1\n', map),
    ).rejects.toMatchObject({ code: 'invalid_input' });
    const rows = Array.from({ length: 500 }, () => 'x,1,0.5,a,1').join('\n');
    await expect(read('csv', `choice,click,p,device,age\n${rows}\nx,1\n`, map)).rejects.toMatchObject({
      code: 'invalid_input',
    });
  });

  test('refuses a truncated Parquet file', async () => {
    await expect(read('csv', 'PAR1 and then nothing', map, 'log.parquet')).rejects.toThrow(
      expect.objectContaining({ code: 'invalid_input', mend: expect.stringContaining('truncated') }),
    );
  });

  test('refuses a file that is not there, and one without a row', async () => {
    await expect(openLog({ path: `${folder}/none.csv`, format: 'csv', map }, () => {})).rejects.toThrow(
      /not there/,
    );
    await expect(read('csv', 'choice,click,p,device,age\n', map)).rejects.toMatchObject({
      code: 'invalid_input',
    });
  });
});

describe.skipIf(!hasTables)('an Open Bandit log', () => {
  const head =
    'timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,user_feature_2,user_feature_3\n';
  const row = (item: string): string => `2019-11-24 00:00:00+00:00,${item},1,0,0.02,a,b,c,d\n`;

  test.each(['2000000000', '65536', '-1'])('with item %s is refused by its row', async (item) => {
    await expect(read('obd', head + row('3') + row(item), {}, 'women.csv')).rejects.toThrow(
      expect.objectContaining({
        code: 'invalid_input',
        field: 'item_id',
        message: expect.stringMatching(/row 2/),
      }),
    );
  });
});
