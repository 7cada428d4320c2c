import { rmSync } from 'node:fs';
import path from 'node:path';
import { GanglionError, type Storage } from '@ganglion/core';
import { expect, it, vi } from 'vitest';
import { buildServer } from '../http/server.ts';
import { createLogger } from '../log.ts';
import { testFolder } from '../testing/folder.ts';
import { CHECKOUT } from '../testing/node.ts';
import { hostNode } from './host-node.ts';
import { withStorageNews } from './storage-news.ts';

/** A disk that is full or not, and the lines of the log. */
function disk() {
  let full = false;
  let nowMs = 0;
  const lines: Record<string, unknown>[] = [];
  const storage: Storage = {
    load: async () => [],
    scan: async () => [],
    trim: async () => {},
    close: async () => {},
    async commit() {
      if (full) throw new GanglionError('storage_full', 'There is no space', { mend: 'Free space.' });
    },
  };
  const logger = createLogger('warn', { write: (line) => void lines.push(JSON.parse(line)) });
  const place = { node: 'hq', file: '/state/hq.db' };
  const news = withStorageNews(storage, place, logger, () => nowMs);
  return {
    lines,
    /** Whether each of so many commits was taken. */
    async commits(times: number, isFull: boolean): Promise<boolean[]> {
      full = isFull;
      const all = await Promise.allSettled(Array.from({ length: times }, () => news.commit([])));
      return all.map(({ status }) => status === 'fulfilled');
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

it('is one line when it begins to fail, with code, place and mend, and one when it takes writes again', async () => {
  const { lines, commits } = disk();
  expect(await commits(2, false)).toEqual([true, true]);
  expect(lines).toEqual([]);
  expect(await commits(3, true)).toEqual([false, false, false]);
  expect(await commits(2, false)).toEqual([true, true]);
  expect(lines).toMatchObject([
    { level: 50, code: 'storage_full', node: 'hq', file: '/state/hq.db', mend: 'Free space.' },
    { level: 40, node: 'hq', file: '/state/hq.db', msg: 'storage takes writes again' },
  ]);
});

it('of a disk that fails and takes again by turns is two lines a minute, and none is missed that lasts', async () => {
  const { lines, commits, pass } = disk();
  for (let turn = 0; turn < 50; turn++) {
    await commits(1, true);
    await commits(1, false);
  }
  expect(lines.length).toBe(2);
  await commits(1, true);
  pass(60_000);
  await commits(1, true);
  expect(lines.length).toBe(3);
});

it('is heard of a node whose store is deleted under it', async () => {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger('error', { write: (line) => void lines.push(JSON.parse(line)) });
  const dataDir = testFolder();
  const node = await hostNode({ name: 'hq', tier: 'cloud', root: true, dataDir, logger });
  try {
    rmSync(path.join(dataDir, 'hq.db'));
    await node.apply(CHECKOUT, { name: 'tester', authority: 'hq' }).catch(() => {});
    await vi.waitFor(() => expect(node.nodes()[0].storage).toBe('failing'), 5000);
    expect(lines).toMatchObject([
      { code: 'storage_failed', node: 'hq', file: path.join(dataDir, 'hq.db'), mend: expect.any(String) },
    ]);
  } finally {
    await node.close().catch(() => {});
  }
});

it('and of the calls that it fails one line, not one a call', async () => {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger('warn', { write: (line) => void lines.push(JSON.parse(line)) });
  const dataDir = testFolder();
  const node = await hostNode({ name: 'hq', tier: 'cloud', root: true, dataDir });
  const app = await buildServer({ nodes: [node], logger });
  try {
    rmSync(path.join(dataDir, 'hq.db'));
    for (let call = 0; call < 3; call++) {
      const answer = await app.inject({
        method: 'PUT',
        url: '/v1/points/checkout-backend',
        payload: CHECKOUT,
      });
      expect(answer.statusCode).toBe(503);
    }
    expect(lines).toMatchObject([{ code: 'storage_failed', times: 1, msg: 'a call could not be answered' }]);
  } finally {
    await app.close();
    await node.close().catch(() => {});
  }
});
