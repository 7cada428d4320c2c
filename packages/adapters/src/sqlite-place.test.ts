import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Storage, Write } from '@ganglion/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sqliteStorage } from './sqlite.ts';

let root: string;
let made = 0;
beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'ganglion-place-'));
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const put = (n: number): Write[] => [{ kind: 'put', collection: 'n', key: `k${n}`, value: Uint8Array.of(n) }];
const keys = async (storage: Storage): Promise<string[]> =>
  (await storage.load()).map(({ key }) => key).sort();

/** A store in a folder of its own that has acknowledged `k1`. */
async function opened(): Promise<{ folder: string; file: string; storage: Storage }> {
  const folder = path.join(root, `store-${++made}`);
  const file = path.join(folder, 'node.db');
  const storage = await sqliteStorage({ file });
  await storage.commit(put(1));
  return { folder, file, storage };
}

/** Windows lets nobody delete or move a file that is open. */
describe.skipIf(process.platform === 'win32')('a store whose files are taken away while it is open', () => {
  test('refuses to write from then on, also journals and trims, and says what has happened', async () => {
    const { folder, file, storage } = await opened();
    for (const name of fs.readdirSync(folder)) fs.rmSync(path.join(folder, name));
    const refused = { code: 'storage_failed', message: expect.stringContaining(`${file} is gone`) };
    await expect(storage.commit(put(2))).rejects.toMatchObject(refused);
    await expect(storage.commit(put(3))).rejects.toMatchObject({
      ...refused,
      mend: expect.stringContaining(folder),
    });
    await expect(storage.trim('n', 1)).rejects.toMatchObject(refused);
    await storage.close();
    expect(fs.readdirSync(folder)).toEqual([]);
    const anew = await sqliteStorage({ file });
    expect(await keys(anew)).toEqual([]);
    await anew.commit(put(4));
    await anew.close();
  });

  test('refuses where the whole folder is gone, or its log alone', async () => {
    const first = await opened();
    fs.rmSync(first.folder, { recursive: true });
    await expect(first.storage.commit(put(2))).rejects.toMatchObject({ code: 'storage_failed' });
    await first.storage.close();
    const second = await opened();
    fs.rmSync(`${second.file}-wal`);
    await expect(second.storage.commit(put(2))).rejects.toMatchObject({
      code: 'storage_failed',
      message: expect.stringContaining('node.db-wal is gone'),
    });
    await second.storage.close();
  });

  test('refuses where another file stands in its place', async () => {
    const { file, storage } = await opened();
    fs.copyFileSync(file, `${file}.copy`);
    fs.renameSync(`${file}.copy`, file);
    await expect(storage.commit(put(2))).rejects.toMatchObject({
      code: 'storage_failed',
      message: expect.stringContaining('another file'),
    });
    await storage.close();
  });

  test('goes on where they are put back, and holds all that it acknowledged and nothing that it refused', async () => {
    const { folder, file, storage } = await opened();
    fs.renameSync(folder, `${folder}-away`);
    await expect(storage.commit(put(2))).rejects.toMatchObject({ code: 'storage_failed' });
    fs.renameSync(`${folder}-away`, folder);
    await storage.commit(put(3));
    await storage.close();
    const again = await sqliteStorage({ file });
    expect(await keys(again)).toEqual(['k1', 'k3']);
    await again.close();
  });
});

test('looking after its files costs no other opener the lock: two at once are refused as before', async () => {
  const { file, storage } = await opened();
  const second = sqliteStorage({ file, lockWaitMs: 0 });
  await expect(second).rejects.toMatchObject({
    code: 'storage_failed',
    message: expect.stringContaining('open already'),
  });
  await expect(sqliteStorage({ file, lockWaitMs: 0 })).rejects.toMatchObject({ code: 'storage_failed' });
  await storage.commit(put(2));
  await storage.close();
});
