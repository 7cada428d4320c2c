/** `npm run bench -- storage`: durable commits of the SQLite adapter, beside the engine itself and the bare disk. */

import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sqliteStorage } from '@ganglion/adapters/sqlite';
import type { Write } from '@ganglion/core';
import { figure, ratio } from '../lib/report.ts';
import { median, quantile } from '../lib/sample.ts';
import { tell } from '../lib/story.ts';

const CHUNK_BYTES = 200;

interface Row {
  readonly name: string;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

await tell({
  name: 'storage',
  title: 'Durable commits',
  help: `Journal chunks of ${CHUNK_BYTES} bytes, each commit resolved only once it would survive a power cut.`,
  async measure({ quick, say }) {
    const folder = await mkdtemp(join(tmpdir(), 'ganglion-bench-'));
    try {
      const ms = quick ? 500 : 2000;
      const rows: Row[] = [];
      for (const atOnce of [1, 256]) {
        say(`adapter, ${atOnce} at once`);
        rows.push(await adapter(join(folder, `a${atOnce}.db`), atOnce, ms));
        say(`engine, ${atOnce} a transaction`);
        rows.push(engine(join(folder, `e${atOnce}.db`), atOnce, ms));
        say(`disk, ${atOnce} a flush`);
        rows.push(await disk(join(folder, `d${atOnce}`), atOnce, ms));
      }
      return {
        tables: [
          {
            title: '',
            head: ['', 'chunks/s', 'of the disk', 'p50 ms a flush', 'p99 ms'],
            rows: rows.map((row, i) => [
              row.name,
              figure(row.perSecond),
              ratio(row.perSecond, rows[i - (i % 3) + 2].perSecond),
              figure(row.p50Ms),
              figure(row.p99Ms),
            ]),
          },
        ],
        goals: [],
        notes: [
          'The adapter works in a thread of its own and commits in groups: those that come while one flush is under way share the next.',
          'The engine row is node:sqlite with the same settings (WAL, synchronous = FULL), blocking the thread that asks: what the adapter is there to avoid.',
        ],
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

async function adapter(file: string, atOnce: number, ms: number): Promise<Row> {
  const storage = await sqliteStorage({ file });
  const write: Write = { kind: 'append', journal: 'bench', atMs: 0, chunk: new Uint8Array(CHUNK_BYTES) };
  const took: number[] = [];
  let chunks = 0;
  const startedMs = performance.now();
  while (performance.now() - startedMs < ms) {
    const sentMs = performance.now();
    await Promise.all(Array.from({ length: atOnce }, () => storage.commit([write])));
    took.push(performance.now() - sentMs);
    chunks += atOnce;
  }
  const elapsedMs = performance.now() - startedMs;
  await storage.close();
  const what = atOnce === 1 ? 'one commit at a time' : `${atOnce} commits at once`;
  return row(`Ganglion’s SQLite adapter, ${what}`, chunks, elapsedMs, took);
}

function engine(file: string, atOnce: number, ms: number): Row {
  const database = new DatabaseSync(file);
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE journal (position INTEGER PRIMARY KEY, atMs REAL, chunk BLOB)',
  );
  const insert = database.prepare('INSERT INTO journal (atMs, chunk) VALUES (?, ?)');
  const chunk = new Uint8Array(CHUNK_BYTES);
  const took: number[] = [];
  let chunks = 0;
  const startedMs = performance.now();
  while (performance.now() - startedMs < ms) {
    const sentMs = performance.now();
    database.exec('BEGIN');
    for (let i = 0; i < atOnce; i++) insert.run(0, chunk);
    database.exec('COMMIT');
    took.push(performance.now() - sentMs);
    chunks += atOnce;
  }
  const elapsedMs = performance.now() - startedMs;
  database.close();
  return row(`node:sqlite, ${atOnce} a transaction`, chunks, elapsedMs, took);
}

/** Append and fdatasync: nothing that is durable on this disk is faster. */
async function disk(file: string, atOnce: number, ms: number): Promise<Row> {
  const handle = await open(file, 'a');
  const block = new Uint8Array(CHUNK_BYTES * atOnce);
  const took: number[] = [];
  let chunks = 0;
  const startedMs = performance.now();
  while (performance.now() - startedMs < ms) {
    const sentMs = performance.now();
    await handle.write(block);
    await handle.datasync();
    took.push(performance.now() - sentMs);
    chunks += atOnce;
  }
  const elapsedMs = performance.now() - startedMs;
  await handle.close();
  return row(`limit: append and fdatasync, ${atOnce} a flush`, chunks, elapsedMs, took);
}

function row(name: string, chunks: number, elapsedMs: number, took: readonly number[]): Row {
  return { name, perSecond: (chunks / elapsedMs) * 1000, p50Ms: median(took), p99Ms: quantile(took, 0.99) };
}
