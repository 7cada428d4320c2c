import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testFolder } from '../testing/folder.ts';
import { kept, type LastRun, type ModelRecord, stateFile } from './state-file.ts';

const time = fc.integer({ min: 0, max: 4e12 });
const text = fc.string({ maxLength: 60 });
const value = fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0);
const last: fc.Arbitrary<LastRun> = fc.record({
  atMs: time,
  endedMs: time,
  asked: text,
  by: text,
  outcome: fc.constantFrom('promoted', 'rejected', 'first', 'unchanged', 'failed', 'interrupted'),
  version: fc.option(text),
  why: text,
  verdict: fc.option(
    fc.record({
      passed: fc.boolean(),
      why: text,
      decisions: fc.nat(),
      candidate: fc.option(value),
      champion: fc.option(value),
      difference: fc.option(fc.record({ value, low: value, high: value })),
    }),
  ),
});
const record: fc.Arbitrary<ModelRecord> = fc.record({
  settledMs: time,
  missed: fc.nat(),
  asked: fc.option(fc.record({ startMs: time, why: text, by: text })),
  running: fc.option(fc.record({ atMs: time, why: text, by: text })),
  last: fc.option(last),
});
const some: ModelRecord = { settledMs: 1, missed: 0, asked: null, running: null, last: null };

describe('what is kept of training', () => {
  it('is read as it was written, whatever it is', async () => {
    const file = stateFile(join(testFolder(), 'hq.training.json'));
    expect(file.load().size).toBe(0);
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/), record, { maxKeys: 5 }),
        async (models) => {
          const map = new Map(Object.entries(models));
          await file.save(map);
          // As JSON has it: no record has a prototype, and -0 is 0.
          expect([...file.load()]).toEqual(JSON.parse(JSON.stringify([...map])));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('is what was said last, whoever was quicker, and leaves nothing beside it', async () => {
    const folder = testFolder();
    const at = join(folder, 'hq.training.json');
    const file = stateFile(at);
    await Promise.all(
      Array.from({ length: 20 }, (_, missed) => file.save(new Map([['m', { ...some, missed }]]))),
    );
    expect(file.load().get('m')?.missed).toBe(19);
    expect(readdirSync(folder)).toEqual(['hq.training.json']);
  });

  it('is whole where a crash left half of the next beside it', async () => {
    const at = join(testFolder(), 'hq.training.json');
    await stateFile(at).save(new Map([['m', some]]));
    writeFileSync(`${at}.part`, '{"version":1,"mod');
    expect(stateFile(at).load().get('m')).toEqual(some);
    await stateFile(at).save(new Map([['m', { ...some, missed: 2 }]]));
    expect(stateFile(at).load().get('m')?.missed).toBe(2);
    expect(existsSync(`${at}.part`)).toBe(false);
  });

  it('can be read again though a gate found no numbers, or a program talked without end', async () => {
    const file = stateFile(join(testFolder(), 'hq.training.json'));
    const difference = { value: Number.NaN, low: Number.NEGATIVE_INFINITY, high: 1 };
    const long = 'x'.repeat(5000);
    const verdict = {
      passed: false,
      why: long,
      decisions: 0,
      candidate: Number.NaN,
      champion: 1,
      difference,
    };
    const run = { atMs: 1, endedMs: 2, asked: long, by: 'ada', outcome: 'rejected', version: 'v', why: long };
    await file.save(new Map([['m', { ...some, last: kept({ ...run, verdict } as LastRun) }]]));
    expect(file.load().get('m')?.last).toMatchObject({
      why: 'x'.repeat(2000),
      verdict: { candidate: null, champion: 1, difference: null },
    });
  });

  it('that cannot be written is said, and holds up nothing that comes after', async () => {
    const at = join(testFolder(), 'hq.training.json');
    mkdirSync(`${at}.part`);
    const file = stateFile(at);
    await expect(file.save(new Map())).rejects.toMatchObject({ code: 'storage_failed' });
    await expect(stateFile(at.replace('hq', 'lab')).save(new Map([['m', some]]))).resolves.toBeUndefined();
  });

  const models = (m: object) => ({ version: 1, models: { m } });
  it.each([
    ['is half of one', '{"version":1,"mod', /JSON/],
    ['a newer version wrote', { version: 2, models: {} }, /version/],
    ['has something that this version does not know', models({ ...some, more: 1 }), /models\.m\.more/],
    ['lacks something', models({ settledMs: 1 }), /models\.m/],
    ['has a time that is none', models({ ...some, settledMs: -1 }), /models\.m\.settledMs/],
    ['counts what cannot be counted', models({ ...some, missed: 0.5 }), /models\.m\.missed/],
    [
      'has an outcome that there is not',
      models({
        ...some,
        last: {
          atMs: 1,
          endedMs: 1,
          asked: '',
          by: '',
          outcome: 'won',
          version: null,
          why: '',
          verdict: null,
        },
      }),
      /models\.m\.last\.outcome/,
    ],
    [
      'has a text without end',
      models({ ...some, asked: { startMs: 1, why: 'x'.repeat(2001), by: 'ada' } }),
      /models\.m\.asked\.why/,
    ],
    [
      'has models without end',
      { version: 1, models: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`m${i}`, some])) },
      /at most 1000/,
    ],
  ])('is refused where it %s, and left as it is', (_, content, what) => {
    const at = join(testFolder(), 'hq.training.json');
    const said = typeof content === 'string' ? content : JSON.stringify(content);
    writeFileSync(at, said);
    expect(() => stateFile(at).load()).toThrow(
      expect.objectContaining({
        code: 'storage_corrupt',
        field: '--training',
        message: expect.stringMatching(what),
        mend: expect.stringContaining('backup'),
      }),
    );
    expect(readFileSync(at, 'utf8')).toBe(said);
  });
});
