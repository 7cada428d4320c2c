import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { ganglion, type RunningDaemon, startDaemon } from './daemon.ts';

/** Versions of a model over two real processes, a root and a device below it. */
const folder = mkdtempSync(join(tmpdir(), 'ganglion-versions-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const POINT = {
  point: 'ranker',
  arms: { versions: 'ranker' },
  fallback: 'champion',
  policy: { kind: 'split' },
};

interface Kill {
  readonly tag: string;
  readonly acknowledgements: readonly { readonly node: string; readonly state: string }[];
}

async function arms(daemon: RunningDaemon): Promise<string[]> {
  const inputs = Array.from({ length: 200 }, (_, i) => ({ unit: `u${i}` }));
  const { body } = await daemon.call('POST', '/v1/points/ranker/decide', inputs);
  return [...new Set((body as { arm: string }[]).map(({ arm }) => arm))].sort();
}

test('go down the tree, are killed and rolled back on every node, and survive a restart', async () => {
  const args = ['node', '--tier', 'cloud', '--name', 'hq', '--data', join(folder, 'hq')];
  let root = await startDaemon(args);
  const port = ['--port', new URL(root.url).port];
  const device = await startDaemon([
    'node',
    '--tier',
    'device',
    '--name',
    'till',
    '--data',
    join(folder, 'till'),
    '--parent',
    root.url,
  ]);
  try {
    const model = async (...words: string[]): Promise<string> => {
      const ran = await ganglion(['model', ...words], { env: { GANGLION_URL: root.url } });
      expect({ words, code: ran.code, err: ran.err }).toEqual({ words, code: 0, err: '' });
      return ran.out;
    };
    const settles = (daemon: RunningDaemon, expected: readonly string[]): Promise<void> =>
      vi.waitFor(async () => expect(await arms(daemon)).toEqual(expected), {
        timeout: 20_000,
        interval: 100,
      });
    for (const version of ['v1', 'v2']) {
      writeFileSync(join(folder, version), version);
      await model('register', 'ranker', version, join(folder, version));
    }
    expect((await root.call('PUT', '/v1/points/ranker', POINT)).status).toBe(201);
    const promote = (body: object) =>
      root.call('POST', '/v1/models/ranker/promote', { version: 'v2', reason: 'r', ...body });
    expect((await promote({ traffic: 0.5 })).status).toBe(200);
    await settles(device, ['v1', 'v2']);
    expect((await device.call('POST', '/v1/models/ranker/rollback', { reason: 'r' })).status).toBe(403);

    const kill = { scope: 'artifact:ranker@v2', reason: 'wrong' };
    await root.call('POST', '/v1/kill', kill);
    expect(await arms(root)).toEqual(['v1']);
    await settles(device, ['v1']);
    await root.call('POST', '/v1/revive', kill);
    await settles(device, ['v1', 'v2']);

    expect((await promote({})).status).toBe(200);
    await settles(device, ['v2']);
    const back = JSON.parse(await model('rollback', 'ranker', '--reason', 'worse', '--json')) as {
      tag: string;
    };
    expect(await arms(root)).toEqual(['v1']);
    await settles(device, ['v1']);
    await vi.waitFor(
      async () => {
        const { kills } = (await root.call('GET', '/v1/controls')).body as { kills: Kill[] };
        const { acknowledgements } = kills.find(({ tag }) => tag === back.tag)!;
        expect(acknowledgements).toMatchObject([
          { node: 'hq', state: 'acknowledged' },
          { node: 'till', state: 'acknowledged' },
        ]);
      },
      { timeout: 20_000, interval: 100 },
    );

    const before = (await root.call('GET', '/v1/models')).body;
    await root.kill();
    root = await startDaemon([...args, ...port]);
    expect((await root.call('GET', '/v1/models')).body).toEqual(before);
    expect(await arms(root)).toEqual(['v1']);
    expect(await model('show', 'ranker')).toMatch(/v2 +retired, killed/);
    expect(JSON.stringify((await root.call('GET', '/v1/audit')).body)).toContain('model.rollback');
  } finally {
    await device.stop();
    await root.stop();
  }
}, 120_000);
