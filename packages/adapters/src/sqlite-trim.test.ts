import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createNode } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sqliteStorage } from './sqlite.ts';
import { systemChance } from './system.ts';

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ganglion-trim-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const HOUR = 3_600_000;
const EPOCH = 1_700_000_000_000;

describe('a node on SQLite', () => {
  test('keeps the journals of its windows, and no more', async () => {
    let ms = 0;
    const storage = await sqliteStorage({ file: path.join(folder, 'node.db') });
    const node = await createNode({
      name: 'cloud',
      tier: 'cloud',
      root: true,
      registry: standard,
      tuning: { logKeptMs: 0 },
      ports: {
        clock: { monotonicMs: () => ms, wallMs: () => EPOCH + ms },
        chance: systemChance(),
        storage,
      },
    });
    await node.apply(
      {
        point: 'p',
        arms: ['a', 'b'],
        fallback: 'a',
        policy: { kind: 'thompson' },
        attribution: { window: '1h' },
      },
      { name: 'me', authority: '*' },
    );
    for (let hour = 0; hour < 72; hour++) {
      const { id } = node.decide('p', { unit: `u${hour}` });
      await node.feedback([{ id, reward: 1 }]);
      ms += HOUR;
      node.tick();
    }
    await expect
      .poll(async () => (await storage.scan('decisions', 0, -1, 1000)).length, { timeout: 10_000 })
      .toBeLessThan(30);
    const kept = await storage.scan('outcomes', 0, -1, 1000);
    expect(kept.length).toBeGreaterThan(20);
    expect(kept[0].atMs).toBeGreaterThan(EPOCH + ms - 27 * HOUR);
    await node.close();
  });
});
