import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isGanglionError, type Storage, type Write } from '@ganglion/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sqliteStorage } from './sqlite.ts';

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ganglion-full-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const batch = (n: number, bytes = 20_000): Write[] => [
  { kind: 'put', collection: 'n', key: `k${n}`, value: Uint8Array.of(n) },
  { kind: 'append', journal: 'n', atMs: n, chunk: new Uint8Array(bytes) },
];

/** Commits until the store refuses; returns how many batches it took. */
async function fill(storage: Storage, from: number): Promise<number> {
  for (let n = from; ; n++) {
    try {
      await storage.commit(batch(n));
    } catch (error) {
      expect(isGanglionError(error, 'storage_full')).toBe(true);
      return n - from;
    }
  }
}

test('a store at its bound refuses with storage_full, keeps all it acknowledged, and goes on once trimmed', async () => {
  const file = path.join(folder, 'bound.db');
  let storage = await sqliteStorage({ file, maxBytes: 1 << 20 });
  const taken = await fill(storage, 0);
  expect(taken).toBeGreaterThan(20);
  await expect(storage.commit(batch(taken))).rejects.toMatchObject({
    mend: expect.stringMatching(`disk of ${folder},.*maxBytes`),
  });
  expect(await fill(storage, taken)).toBe(0);
  expect((await storage.load()).length).toBe(taken);
  await storage.trim('n', 10);
  expect(await fill(storage, taken)).toBeGreaterThan(5);
  const keys = (await storage.load()).length;
  const chunks = (await storage.scan('n', 0, 0, 1000)).length;
  expect(keys - chunks).toBe(10);
  await storage.close();
  expect(fs.statSync(file).size).toBeLessThanOrEqual(1 << 20);
  storage = await sqliteStorage({ file });
  expect((await storage.load()).length).toBe(keys);
  await storage.commit(batch(9999));
  await storage.close();
});

test('a batch that does not fit is refused alone: those committed beside it are durable', async () => {
  const storage = await sqliteStorage({ file: path.join(folder, 'neighbours.db'), maxBytes: 1 << 20 });
  const outcomes = await Promise.allSettled([
    storage.commit(batch(1)),
    storage.commit(batch(2, 2 << 20)),
    storage.commit(batch(3)),
  ]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect((await storage.load()).map((entry) => entry.key).sort()).toEqual(['k1', 'k3']);
  expect((await storage.scan('n', 0, 0, 10)).map((stored) => stored.atMs)).toEqual([1, 3]);
  await storage.close();
});

/** Needs leave to mount inside a user namespace of its own (or root). */
function mountable(): boolean {
  try {
    execFileSync('unshare', ['-rm', 'sh', '-c', `mount -t tmpfs -o size=1m none ${os.tmpdir()}`], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

test.runIf(mountable())(
  'a real file system of 6 MB that runs full: nothing acknowledged is lost, and writing goes on once there is space',
  () => {
    const place = fs.mkdtempSync(path.join(folder, 'mount-'));
    const fixture = path.join(import.meta.dirname, 'fixtures', 'full-disk.mjs');
    const script = 'mount -t tmpfs -o size=6m none "$1" && exec "$2" --conditions=source "$3" "$1"';
    const output = execFileSync(
      'unshare',
      ['-rm', 'sh', '-c', script, 'sh', place, process.execPath, fixture],
      {
        encoding: 'utf8',
      },
    );
    const seen = JSON.parse(output);
    expect(new Set(seen.refusals)).toEqual(new Set(['storage_full']));
    expect(seen.whenFull).toBeGreaterThan(20);
    // No bound was given that could be raised: there is the disk alone.
    expect(seen.mend).toBe(`Free space on the disk of ${place}; then try again.`);
    expect(seen.afterSpace).toBe(seen.whenFull + 20);
    expect(seen.readable.keys).toEqual(seen.acknowledged.slice(0, seen.whenFull));
    for (const found of [seen.reopened.keys, seen.reopened.chunks]) expect(found).toEqual(seen.acknowledged);
  },
);
