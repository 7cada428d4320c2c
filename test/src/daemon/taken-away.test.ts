import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startDaemon } from './daemon.ts';

const folder = mkdtempSync(join(tmpdir(), 'ganglion-away-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const POINT = {
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'thompson', reward: 'bernoulli' },
  objective: { success: 1, range: [0, 1] },
};

// Windows lets nobody delete a file that is open.
test.skipIf(process.platform === 'win32')(
  'a data folder that is emptied under a running daemon: no feedback is accepted that would not survive',
  async () => {
    const daemon = await startDaemon(['node', '--tier', 'cloud', '--name', 'away', '--data', folder]);
    await daemon.call('PUT', '/v1/points/p', POINT);
    const decide = async (): Promise<string> => {
      const { status, body } = await daemon.call('POST', '/v1/points/p/decide', {});
      expect(status).toBe(200);
      return (body as { id: string }).id;
    };
    const tell = async (id: string) => daemon.call('POST', '/v1/feedback', { id, reward: 1 });
    const storage = async () =>
      (
        (await daemon.call('GET', '/v1/nodes')).body as {
          storage: string;
          health: string;
          problems: string[];
        }[]
      )[0];
    expect((await tell(await decide())).status).toBe(202);
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
    expect(await tell(await decide())).toMatchObject({
      status: 503,
      body: { code: 'storage_failed', detail: expect.stringContaining('is gone') },
    });
    expect(await storage()).toMatchObject({
      storage: 'failing',
      health: 'degraded',
      problems: [expect.stringContaining('away.db is gone')],
    });
    expect((await daemon.call('GET', '/readyz')).status).toBe(503);
    // It still decides, and ends saying that not all of it is kept.
    await decide();
    expect(await daemon.stop()).toBe(1);
  },
  120_000,
);
