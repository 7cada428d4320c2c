import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Storage } from '@ganglion/core';
import { type MakeStorage, storageLaws } from '@ganglion/core/testing';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { sqliteStorage } from './sqlite.ts';

let root: string;
let made = 0;
beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'ganglion-sqlite-'));
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const freshFolder = (): string => path.join(root, `store-${++made}`);

/** A crash is a copy of the files at some instant, by another process: what the dead one had given to the system. */
const make: MakeStorage = async () => {
  let folder = freshFolder();
  const all: Storage[] = [];
  const open = async (): Promise<Storage> => {
    const storage = await sqliteStorage({ file: path.join(folder, 'node.db') });
    all.push(storage);
    return storage;
  };
  return {
    storage: await open(),
    async reopen() {
      await all.at(-1)!.close();
      return open();
    },
    async crash() {
      const next = freshFolder();
      execFileSync('cp', ['-r', folder, next]);
      folder = next;
      return open();
    },
    async dispose() {
      for (const storage of all) await storage.close();
    },
  };
};

describe('SQLite storage keeps every law of Storage', () => {
  for (const { law, run } of storageLaws) test(law, () => run(make));
});
