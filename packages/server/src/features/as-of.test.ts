import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openTables, type Tables } from '@ganglion/adapters/parquet';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasTables } from '../testing/log-data.ts';
import { joinAsOf } from './as-of.ts';
import { loadDecisions } from './decisions.ts';
import { loadEvents } from './event-file.ts';
import { refuseFrozenLeaks } from './training.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ganglion-as-of-'));
const file = (name: string): string => path.join(folder, name);
const DAY = Date.UTC(2026, 0, 31);
const TIMES = { eventAt: 'event_at', knownAt: 'known_at' };
const UNIT = { key: 'unit', at: 'at', point: undefined };

interface Value {
  readonly entity: string;
  readonly feature: string;
  readonly value: number | string;
  readonly event_at: number;
  readonly known_at: number;
}
interface Decision {
  readonly id: string;
  readonly unit: string;
  readonly at: number;
}

const lines = (name: string, rows: readonly object[]): string => {
  writeFileSync(file(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return file(name);
};

describe.skipIf(!hasTables)('an as-of join', () => {
  let tables: Tables;
  beforeAll(async () => {
    tables = await openTables({ threads: 1 });
  });
  afterAll(() => {
    tables.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const joined = async (decisions: readonly object[], values: readonly object[], late: 'refuse' | 'drop') => {
    await loadDecisions(tables, lines('decisions.ndjson', decisions), UNIT);
    const said = await joinAsOf(tables, lines('values.ndjson', values), TIMES, late);
    const rows = await tables.columns(
      'SELECT id::VARCHAR AS id, feature, value FROM joined JOIN decision USING (row_) ORDER BY id, feature',
    );
    return {
      said,
      rows: (rows.id as string[]).map((id, i) => [id, rows.feature[i], rows.value[i]]),
    };
  };

  it('takes for each decision the newest value that was known, as a search through all of them does', async () => {
    const time = fc.integer({ min: 0, max: 30 }).map((x) => DAY + x * 1000);
    const values = fc.array(
      fc.record({
        entity: fc.constantFrom('a', 'b'),
        feature: fc.constantFrom('x', 'y'),
        event_at: time,
        known_at: time,
      }),
      { minLength: 1, maxLength: 25 },
    );
    const decisions = fc.array(fc.record({ unit: fc.constantFrom('a', 'b', 'c'), at: time }), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(values, decisions, async (drawn, asked) => {
        const all: Value[] = drawn.map((value, i) => ({ ...value, value: i }));
        const made: Decision[] = asked.map((decision, i) => ({
          ...decision,
          id: `d${String(i).padStart(2, '0')}`,
        }));
        const usable = ({ event_at, known_at }: Value): number => Math.max(event_at, known_at);
        const features = [...new Set(all.map(({ feature }) => feature))].sort();
        /** Events of one time tell nothing of which is newer: any of those may be taken. */
        const candidates = ({ unit, at }: Decision, feature: string): (string | null)[] => {
          const known = all.filter((v) => v.entity === unit && v.feature === feature && usable(v) <= at);
          const newest = Math.max(...known.map(({ event_at }) => event_at));
          return known.length === 0
            ? [null]
            : known.filter((v) => v.event_at === newest).map((v) => String(v.value));
        };
        const leaks = made.flatMap((decision) =>
          features.filter((feature) => {
            const seen = all.filter(
              (v) => v.entity === decision.unit && v.feature === feature && v.event_at <= decision.at,
            );
            const newest = Math.max(...seen.map(({ event_at }) => event_at));
            return seen.some((v) => v.event_at === newest && usable(v) > decision.at);
          }),
        );
        const future = features.some((feature) => {
          const pairs = made.flatMap(({ unit, at }) =>
            all.filter((v) => v.entity === unit && v.feature === feature).map((v) => [usable(v), at]),
          );
          return (
            pairs.length > 0 &&
            pairs.every(([known, at]) => known > Math.max(...pairs.map(([, last]) => last)) && at < known)
          );
        });
        const dropping = joined(made, all, 'drop');
        if (future) await expect(dropping).rejects.toMatchObject({ code: 'invalid_input' });
        else {
          const { rows } = await dropping;
          expect(rows.length).toBe(made.length * features.length);
          for (const [id, feature, value] of rows)
            expect(candidates(made[Number(String(id).slice(1))], String(feature))).toContain(value);
        }
        const refusing = joined(made, all, 'refuse');
        if (leaks.length > 0 || future)
          await expect(refusing).rejects.toMatchObject({ code: 'invalid_input' });
        else expect((await refusing).rows).toEqual((await dropping).rows);
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it('refuses a planted leak: values of a batch that was computed after the decisions, stamped before them', async () => {
    const decisions = [
      { id: 'd1', unit: 'ann', at: '2026-01-31T10:00:00Z' },
      { id: 'd2', unit: 'bob', at: '2026-01-31T11:00:00Z' },
    ];
    const batch = ['ann', 'bob'].map((entity) => ({
      entity,
      feature: 'spent_today',
      value: 30,
      event_at: '2026-01-31T00:00:00Z',
      known_at: '2026-02-01T02:00:00Z',
    }));
    await expect(joined(decisions, batch, 'refuse')).rejects.toMatchObject({
      code: 'invalid_input',
      field: 'spent_today',
      message:
        'spent_today of ann leaks into decision d1 of 2026-01-31T10:00:00.000Z: it is stamped 2026-01-31T00:00:00.000Z, but was known only at 2026-02-01T02:00:00.000Z (and 1 more)',
      mend: expect.stringContaining('--late drop'),
    });
    // Nor is it any use to drop them: nothing would be left, and that is no empty feature.
    await expect(joined(decisions, batch, 'drop')).rejects.toMatchObject({
      message: expect.stringContaining('every value of spent_today is newer than the decisions it is for'),
    });
  });

  it('refuses a leak wherever the machine stands: a time with its zone is the same one in New York', () => {
    const decisions = lines('zone.ndjson', [{ id: 'd1', unit: 'ann', at: '2026-01-31T07:00:00Z' }]);
    writeFileSync(
      file('zone.csv'),
      'entity,feature,value,event_at,known_at\nann,x,1,2026-01-31T06:00:00Z,2026-01-31T10:00:00Z\n',
    );
    // The engine takes its zone from the process as that starts.
    const { status, stderr } = spawnSync(
      process.execPath,
      [
        ...['--conditions=source', path.join(import.meta.dirname, '../main.ts'), 'features', 'join'],
        ...['--decisions', decisions, '--values', file('zone.csv'), '--out', file('zone-out.csv')],
        ...['--key', 'unit', '--at', 'at'],
      ],
      { env: { ...process.env, TZ: 'America/New_York' }, encoding: 'utf8' },
    );
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining(
        'x of ann leaks into decision d1 of 2026-01-31T07:00:00.000Z: it is stamped 2026-01-31T06:00:00.000Z, but was known only at 2026-01-31T10:00:00.000Z',
      ),
    });
  }, 30_000);

  it.each(['event_at', 'known_at'] as const)(
    'refuses seconds in %s: as milliseconds all is long known',
    async (name) => {
      const leak = { entity: 'ann', feature: 'x', value: 1, event_at: DAY, known_at: DAY + 9000 };
      const values = [{ ...leak, [name]: leak[name] / 1000 }];
      await expect(joined([{ id: 'd1', unit: 'ann', at: DAY + 5000 }], values, 'drop')).rejects.toMatchObject(
        {
          code: 'invalid_input',
          field: name,
          value: String(leak[name] / 1000),
          message: expect.stringMatching(/looks like seconds.*milliseconds since 1970/),
          mend: expect.stringContaining('1000'),
        },
      );
    },
  );

  it.each([
    ['microseconds', 1e3, /looks like microseconds.*milliseconds since 1970/, /divide by 1000,/],
    ['nanoseconds', 1e6, /looks like nanoseconds.*milliseconds since 1970/, /divide by 1000000,/],
    ['seconds', 1e-3, /looks like seconds.*milliseconds since 1970/, /multiply by 1000/],
    ['a time before all logs', -1, /lies before 1970/, /milliseconds since 1970/],
  ])(
    'refuses %s wherever times are numbers, naming file, row, field and value',
    async (_, times, what, mend) => {
      const other = DAY * times;
      const text = BigInt(other).toString();
      const refused = (name: string, field: string, row: number) => ({
        code: 'invalid_input',
        field,
        value: text,
        message: expect.stringMatching(
          new RegExp(`${name}, row ${row}: ${field} is ${text}, .*${what.source}`),
        ),
        mend: expect.stringMatching(mend),
      });
      writeFileSync(file('units.csv'), `id,unit,at\nd1,ann,${DAY}\nd2,ann,${text}\n`);
      await expect(loadDecisions(tables, file('units.csv'), UNIT)).rejects.toMatchObject(
        refused('units.csv', 'at', 2),
      );
      mkdirSync(file('units/point=p'), { recursive: true });
      for (const [name, at] of [
        ['a', `${DAY}`],
        ['b', `unnest([${DAY}, ${DAY}, ${text}]::BIGINT[])`],
      ])
        await tables.run(
          `COPY (SELECT 'd1' AS id, 'ann' AS unit, ${at} AS "at") TO '${file('units/point=p')}/${name}.parquet'`,
        );
      await expect(loadDecisions(tables, file('units'), UNIT)).rejects.toMatchObject(
        refused('b.parquet', 'at', 3),
      );
      const whole = { entity: 'ann', feature: 'x', value: 1, event_at: DAY, known_at: DAY };
      await loadDecisions(tables, lines('units-d.ndjson', [{ id: 'd1', unit: 'ann', at: DAY + 5000 }]), UNIT);
      for (const name of ['event_at', 'known_at'] as const) {
        const values = lines('units-v.ndjson', [whole, { ...whole, [name]: other }]);
        await expect(joinAsOf(tables, values, TIMES, 'drop')).rejects.toMatchObject(
          refused('units-v.ndjson', name, 2),
        );
      }
      const event = { domain: 'd', type: 't', entities: '["user:ann"]', source: 's', data: '{}', at_ms: DAY };
      for (const name of ['at_ms', 'known_ms']) {
        const events = [
          { ...event, id: 'e1', known_ms: DAY + 1 },
          { ...event, id: 'e2', known_ms: DAY, [name]: other },
        ];
        await expect(loadEvents(tables, lines('units-e.ndjson', events))).rejects.toMatchObject(
          refused('units-e.ndjson', name, 2),
        );
      }
    },
  );

  it('takes numbers that stand among texts for what they are', async () => {
    const load = (second: string) => {
      writeFileSync(file('mixed.csv'), `id,unit,at\nd1,ann,2026-01-31T10:00:00Z\nd2,ann,${second}\n`);
      return loadDecisions(tables, file('mixed.csv'), UNIT);
    };
    await load(String(DAY));
    expect((await tables.columns('SELECT at_ FROM decision ORDER BY at_')).at_).toEqual(
      Float64Array.of(DAY, DAY + 36_000_000),
    );
    await expect(load(`${DAY}000`)).rejects.toMatchObject({
      field: 'at',
      value: `${DAY}000`,
      message: expect.stringMatching(/mixed\.csv, row 2: .*looks like microseconds/),
    });
    await expect(load('yesterday')).rejects.toMatchObject({
      field: 'at',
      value: '"yesterday"',
      message: expect.stringMatching(/mixed\.csv, row 2: at is yesterday, which is no time/),
    });
    lines('mixed.ndjson', [
      { id: 'd1', unit: 'ann', at: '2026-01-31T10:00:00Z' },
      { id: 'd2', unit: 'ann', at: DAY / 1000 },
    ]);
    await expect(loadDecisions(tables, file('mixed.ndjson'), UNIT)).rejects.toMatchObject({
      message: expect.stringMatching(/mixed\.ndjson, row 2: .*looks like seconds/),
    });
  });

  it('refuses frozen features that are timed in another unit: whatever leaked would be long known', async () => {
    const features = {
      pace: { feature: 'user.pace', source: 'events', eventAtMs: DAY, knownAtMs: DAY / 1000 },
    };
    await loadDecisions(
      tables,
      lines('frozen-s.ndjson', [{ id: 'd1', unit: 'ann', at: DAY, features }]),
      UNIT,
    );
    await expect(refuseFrozenLeaks(tables)).rejects.toMatchObject({
      field: 'pace',
      message: expect.stringMatching(/decision d1: knownAtMs is \d+, which looks like seconds/),
    });
  });

  it('refuses decisions timed in seconds, and takes timestamps of any year', async () => {
    const load = (at: number | string) =>
      loadDecisions(tables, lines('seconds.ndjson', [{ id: 'd1', unit: 'ann', at }]), UNIT);
    await expect(load(DAY / 1000)).rejects.toMatchObject({ field: 'at', value: String(DAY / 1000) });
    await expect(load('1970-01-02T00:00:00Z')).resolves.toContain('at');
    await expect(load(1e11)).resolves.toContain('at');
  });

  it.each([
    ['a day', ['2026-01-31']],
    ['a day as text', ['2026-01-31', 'Sat 31']],
  ])('refuses %s for when a value was known: it would be from midnight on', async (_, [day, other]) => {
    const values = [day, ...(other === undefined ? [] : [other])].map((known_at) => ({
      entity: 'ann',
      feature: 'x',
      value: 1,
      event_at: '2026-01-31T00:00:00Z',
      known_at,
    }));
    const decisions = [{ id: 'd1', unit: 'ann', at: '2026-01-31T10:00:00Z' }];
    await expect(joined(decisions, values, 'refuse')).rejects.toMatchObject({
      code: 'invalid_input',
      field: 'known_at',
      message: expect.stringContaining('a day, not a time'),
      mend: expect.stringContaining('end of the day'),
    });
  });

  it('refuses a late arrival, or joins the value before it', async () => {
    const decisions = [{ id: 'd1', unit: 'ann', at: DAY + 5000 }];
    const values = [
      { entity: 'ann', feature: 'x', value: 1, event_at: DAY + 1000, known_at: DAY + 1100 },
      { entity: 'ann', feature: 'x', value: 2, event_at: DAY + 4000, known_at: DAY + 6000 },
    ];
    await expect(joined(decisions, values, 'refuse')).rejects.toMatchObject({ field: 'x' });
    const { rows, said } = await joined(decisions, values, 'drop');
    expect(rows).toEqual([['d1', 'x', '1']]);
    expect(said.features).toEqual([{ feature: 'x', found: 1, missing: 0, late: 1 }]);
  });

  it.each([
    [
      'without the time it became known',
      { entity: 'ann', feature: 'x', value: 1, event_at: DAY },
      'known_at',
    ],
    [
      'with one of its times empty',
      { entity: 'ann', feature: 'x', value: 1, event_at: DAY, known_at: null },
      'event_at, known_at',
    ],
    ['of nobody', { feature: 'x', value: 1, event_at: DAY, known_at: DAY }, 'entity'],
  ])('refuses a value %s', async (_, value, field) => {
    const whole = { entity: 'bob', feature: 'x', value: 1, event_at: DAY, known_at: DAY };
    const values = field === 'event_at, known_at' ? [whole, value] : [value];
    await expect(joined([{ id: 'd1', unit: 'ann', at: DAY + 5000 }], values, 'drop')).rejects.toMatchObject({
      code: 'invalid_input',
      field,
      mend: expect.any(String),
    });
  });

  it('reads a column a feature', async () => {
    const values = [
      { entity: 'ann', x: 1, y: 'gold', event_at: DAY, known_at: DAY },
      { entity: 'bob', x: 2, y: 'tin', event_at: DAY, known_at: DAY },
    ];
    const { rows } = await joined([{ id: 'd1', unit: 'ann', at: DAY }], values, 'refuse');
    expect(rows).toEqual([
      ['d1', 'x', '1'],
      ['d1', 'y', 'gold'],
    ]);
  });

  it('refuses a decision that froze a feature which was known only after it', async () => {
    const frozen = (knownAtMs: number) => ({
      id: 'd1',
      unit: 'ann',
      at: DAY + 5000,
      features: { pace: { feature: 'user.pace', source: 'events', eventAtMs: DAY, knownAtMs } },
    });
    await loadDecisions(tables, lines('frozen.ndjson', [frozen(DAY + 5000)]), UNIT);
    expect(await refuseFrozenLeaks(tables)).toBe(1);
    await loadDecisions(tables, lines('frozen.ndjson', [frozen(DAY + 5001)]), UNIT);
    await expect(refuseFrozenLeaks(tables)).rejects.toMatchObject({ code: 'invalid_input', field: 'pace' });
  });

  it.each([
    [{ ...UNIT, key: 'who' }, '--key'],
    [{ ...UNIT, at: 'when' }, 'when'],
  ])('refuses decisions that lack %j', async (options, field) => {
    await expect(
      loadDecisions(tables, lines('few.ndjson', [{ id: 'd1', unit: 'ann', at: DAY }]), options),
    ).rejects.toMatchObject({ field });
  });
});
