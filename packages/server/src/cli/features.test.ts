import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { HostedNode } from '@ganglion/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { buildServer } from '../http/server.ts';
import { OFFER } from '../testing/feature-point.ts';
import { hasTables } from '../testing/log-data.ts';
import { startNode } from '../testing/node.ts';
import { listen } from '../testing/socket.ts';
import { run } from './run.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ganglion-features-'));
const at = (name: string): string => path.join(folder, name);
let node: HostedNode;
let app: Awaited<ReturnType<typeof buildServer>>;
let url: string;
beforeAll(async () => {
  node = await startNode([OFFER], at('data'));
  app = await buildServer({ nodes: [node] });
  ({ url } = await listen(app));
  writeFileSync(at('offer.yaml'), stringify(OFFER));
});
afterAll(async () => {
  await app.close();
  await node.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ganglion(args: readonly string[], input = '') {
  let out = '';
  let err = '';
  const code = await run(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    stdin: async () => input,
    env: { GANGLION_URL: url },
    isTerminal: false,
    columns: 100,
    interrupted: new AbortController().signal,
  });
  return { code, out, err };
}

const event = (id: string, more: object = {}): string =>
  JSON.stringify({
    id,
    type: 'click',
    entity: 'user:ann',
    domain: 'shop',
    data: { device: 'phone', item: id },
    ...more,
  });

describe('ganglion ingest', () => {
  it('sends a file line by line, and says what became of it', async () => {
    const lines = Array.from({ length: 2500 }, (_, i) => event(`f${i % 2400}`));
    lines.splice(1500, 0, '', event('bad', { entity: 'ann' }));
    writeFileSync(at('events.ndjson'), `${lines.join('\n')}\n`);
    const { code, out, err } = await ganglion(['ingest', at('events.ndjson')]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('2 400 taken, 100 known already, 0 that no feature reads, 1 refused\n');
    expect(out).toMatch(/1502 +bad +.*entity/);
    expect(node.entity('shop', 'user:ann').features[0].value).toBe(2400);
  });

  it('reads standard input, CloudEvents among it', async () => {
    const cloud = {
      specversion: '1.0',
      id: '1',
      source: '/s',
      type: 'click',
      subject: 'user:bo',
      domain: 'shop',
    };
    const { out } = await ganglion(
      ['ingest', '--json'],
      `${JSON.stringify(cloud)}\n${event('s1', { type: 'nap' })}`,
    );
    expect(JSON.parse(out)).toMatchObject({ accepted: 2, taken: 1, unused: 1, refused: 0 });
  });

  it.each([
    ['a line that is no JSON', `${event('j1')}\n{`, /line 2 of - is not JSON/],
    ['nothing that can be taken', event('j2', { type: '' }), /no event was taken/],
  ])('fails for %s', async (_, input, why) => {
    const { code, err } = await ganglion(['ingest'], input);
    expect(code).toBe(1);
    expect(err).toMatch(why);
  });

  it('fails for a file that is not there', async () => {
    expect(await ganglion(['ingest', at('none')])).toMatchObject({
      code: 1,
      err: expect.stringContaining('none'),
    });
  });
});

describe('ganglion features', () => {
  it('shows an entity', async () => {
    const { code, out } = await ganglion(['features', 'get', 'user:ann', '--domain', 'shop']);
    expect(code).toBe(0);
    expect(out).toMatch(/user\.clicks +2 400 +[\d.]+ m?s ago/);
    expect(out).toMatch(/user\.seen +2 \d{3} ± 4\.\d+ %/);
    expect(out).toMatch(/user\.device +phone/);
    const stranger = await ganglion(['features', 'get', 'user:nobody', '--domain', 'shop']);
    expect(stranger.out).toContain('cloud knows nothing of this one: decisions show defaults');
  });

  it.skipIf(!hasTables)(
    'makes a training set of log and journal, and what it computes is what was frozen',
    async () => {
      // Within one millisecond nobody can say which came first.
      const pause = () => new Promise((resolve) => setTimeout(resolve, 3));
      for (let i = 0; i < 30; i++) {
        const given = i % 7 === 0 ? { clicks: 5 } : {};
        const unit = i % 3 === 0 ? 'ann' : `u${i % 5}`;
        node.decide('offer', { unit, context: { item: 'kettle', ...given } });
        await pause();
        const entity = [`user:u${i % 5}`, 'item:kettle'];
        await node.ingest([{ id: `k${i}`, domain: 'shop', type: 'click', entity, data: { device: 'desk' } }]);
        await pause();
      }
      const step = async (...args: string[]) => {
        const ran = await ganglion(args);
        expect({ args, code: ran.code, err: ran.err }).toEqual({ args, code: 0, err: '' });
        return ran.out;
      };
      await step('log', 'export', '--data', at('data'), '--out', at('log'));
      for (const name of ['events.parquet', 'events.ndjson', 'events.csv'])
        expect(await step('features', 'export', '--data', at('data'), '--out', at(name))).toMatch(/2 ?4\d\d/);
      for (const [events, out] of [
        [at('data'), at('train.csv')],
        [at('events.parquet'), at('train.parquet')],
        [at('events.ndjson'), at('train.ndjson')],
      ]) {
        const args = [
          'features',
          'join',
          '--decisions',
          at('log'),
          '--events',
          events,
          '--point',
          at('offer.yaml'),
        ];
        const said = JSON.parse(await step(...args, '--out', out, '--json'));
        expect(said).toMatchObject({ decisions: 30 });
        expect(said.frozen).toBeGreaterThan(60);
        expect(said.agreed).toBe(said.frozen);
        expect(said.checked).toBe(said.frozen);
      }
    },
  );

  it.skipIf(!hasTables)(
    'refuses a leak, naming decision, feature and both times, and says what to do',
    async () => {
      writeFileSync(at('d.csv'), 'id,unit,at\nd1,ann,2026-01-31T10:00:00Z\n');
      writeFileSync(
        at('v.csv'),
        'entity,feature,value,event_at,known_at\nann,x,1,2026-01-31T09:00:00Z,2026-01-31T09:00:00Z\nann,x,2,2026-01-31T09:30:00Z,2026-01-31T12:00:00Z\n',
      );
      const args = [
        'features',
        'join',
        '--decisions',
        at('d.csv'),
        '--values',
        at('v.csv'),
        '--out',
        at('t.csv'),
      ];
      const refused = await ganglion(args);
      expect(refused.code).toBe(1);
      expect(refused.err).toContain(
        'x of ann leaks into decision d1 of 2026-01-31T10:00:00.000Z: it is stamped 2026-01-31T09:30:00.000Z, but was known only at 2026-01-31T12:00:00.000Z',
      );
      expect(refused.err).toContain('--late drop');
      const dropped = await ganglion([...args, '--late', 'drop']);
      expect(dropped.out).toMatch(/x +1 +0 +1\n/);
    },
  );

  it.each([
    [['features', 'join', '--decisions', 'd', '--out', 'o'], 2],
    [['features', 'join', '--decisions', 'd', '--out', 'o', '--events', 'e'], 2],
    [['features', 'join', '--decisions', 'd', '--out', 'o', '--values', 'e', '--late', 'keep'], 2],
    [['features', 'get', 'ann', '--domain', 'shop'], 1],
    [['features', 'export', '--data', 'none', '--out', 'x.parquet'], 1],
  ])('%j ends with %i', async (args, code) => {
    expect((await ganglion(args)).code).toBe(code);
  });
});
