import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteStorage } from '@ganglion/adapters/sqlite';
import type { HostedNode } from '@ganglion/core';
import { buildServer, hostNode } from '@ganglion/server';
import { connection, post } from '../http/connection.ts';
import { quantile } from '../lib/sample.ts';
import { DEFINE, ENTITIES, events, pointWith, rootNode } from './point.ts';

const ALL = Object.keys(DEFINE);
/** Events of one call. */
const LIST = 500;

export interface Ingested {
  readonly name: string;
  readonly perSecond: number;
  readonly p99Ms: number;
}

/** Lists of events one after the other from `callers` callers, for so long; a list counts when it is durable. */
async function pace(name: string, node: HostedNode, callers: number, ms: number): Promise<Ingested> {
  const took: number[] = [];
  let taken = 0;
  const timer = setInterval(() => node.tick(), 10);
  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      for (let n = 0; performance.now() - startedMs < ms; n++) {
        const list = events(LIST, caller * 1000 + n * LIST);
        const sentMs = performance.now();
        await node.ingest(list);
        took.push(performance.now() - sentMs);
        taken += LIST;
        // The node's host has its turn, as in any server.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }),
  );
  const elapsedMs = performance.now() - startedMs;
  clearInterval(timer);
  return { name, perSecond: (taken / elapsedMs) * 1000, p99Ms: quantile(took, 0.99) };
}

/** The same counts and last amounts in a plain Map of plain objects: nothing durable, nothing bounded, nothing decayed. */
function plainMap(ms: number): Ingested {
  const map = new Map<
    string,
    { views: number; spent: number; weight: number; atMs: number; last: number[] }
  >();
  const took: number[] = [];
  let taken = 0;
  const startedMs = performance.now();
  for (let n = 0; performance.now() - startedMs < ms; n++) {
    const list = events(LIST, n * LIST);
    const sentMs = performance.now();
    for (const { entity, data } of list) {
      const key = entity as string;
      let own = map.get(key);
      if (own === undefined) map.set(key, (own = { views: 0, spent: 0, weight: 0, atMs: 0, last: [] }));
      own.views++;
      own.spent += data?.amount as number;
      own.last.push(data?.amount as number);
      if (own.last.length > 5) own.last.shift();
    }
    took.push(performance.now() - sentMs);
    taken += LIST;
  }
  return {
    name: 'limit: a plain Map of objects, in memory',
    perSecond: (taken / (performance.now() - startedMs)) * 1000,
    p99Ms: quantile(took, 0.99),
  };
}

export async function ingestRows(ms: number): Promise<Ingested[]> {
  const folder = await mkdtemp(join(tmpdir(), 'ganglion-bench-'));
  const point = pointWith('p', ALL);
  try {
    const memory = await rootNode([point]);
    const disk = await rootNode([point], await sqliteStorage({ file: join(folder, 'node.db') }));
    const rows = [
      await pace(`Ganglion in memory, lists of ${LIST}`, memory, 1, ms),
      await pace(`Ganglion on SQLite, lists of ${LIST}, one caller`, disk, 1, ms),
      await pace(`Ganglion on SQLite, lists of ${LIST}, eight callers`, disk, 8, ms),
      plainMap(ms),
    ];
    await memory.close();
    await disk.close();
    return rows;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface Visible {
  /** From sending an event to an answer that shows it, and to its 202; ms. */
  readonly shown: readonly number[];
  readonly durable: readonly number[];
  readonly backgroundPerSecond: number;
}

/**
 * Over HTTP, on SQLite, while other events stream in: one event is sent, and on another connection the entity is asked
 * for again and again until it shows it.
 */
export async function visible(count: number, perSecond: number): Promise<Visible> {
  const folder = await mkdtemp(join(tmpdir(), 'ganglion-bench-'));
  const node = await hostNode({ name: 'bench', tier: 'cloud', root: true, dataDir: folder });
  await node.apply(pointWith('p', ALL), { name: 'bench', authority: '*' });
  const app = await buildServer({ nodes: [node] });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as { port: number };
  const [sender, asker, background] = await Promise.all([
    connection(port),
    connection(port),
    connection(port),
  ]);
  const startedMs = performance.now();
  let sent = 0;
  let stop = false;
  const streaming = (async () => {
    while (!stop) {
      const due = Math.min(LIST, Math.floor(((performance.now() - startedMs) * perSecond) / 1000) - sent);
      if (due > 0) {
        await background.call(post('/v1/ingest', JSON.stringify(events(due, sent))), false);
        sent += due;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  const shown: number[] = [];
  const durable: number[] = [];
  for (let i = 0; i < count; i++) {
    const entity = `user:probe${i}`;
    const ask = Buffer.from(`GET /v1/features/default/${entity} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    const event = post(
      '/v1/ingest',
      JSON.stringify({ id: `probe${i}`, type: 'view', entity, data: { amount: 1 } }),
    );
    const sentMs = performance.now();
    const taken = sender.call(event, false).then(() => durable.push(performance.now() - sentMs));
    for (;;) {
      const { body } = await asker.call(ask, true);
      if ((JSON.parse(body) as { known: boolean }).known) break;
    }
    shown.push(performance.now() - sentMs);
    await taken;
  }
  const elapsedS = (performance.now() - startedMs) / 1000;
  stop = true;
  await streaming;
  await app.close();
  await node.close();
  await rm(folder, { recursive: true, force: true });
  return { shown, durable, backgroundPerSecond: sent / elapsedS };
}

export interface Memory {
  readonly name: string;
  readonly bytes: number;
}

/** Bytes an entity, from the heap and the arrays beside it, after a full collection. */
export async function memoryRows(count: number): Promise<Memory[]> {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('run with --expose-gc, as npm run bench -- features does');
  const used = (): number => {
    collect();
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const keys = Array.from({ length: count }, (_, i) => `user:m${i}`);
  const node = await rootNode([pointWith('p', ALL)]);
  const before = used();
  for (let i = 0; i < count; i += LIST) {
    const list = keys
      .slice(i, i + LIST)
      .map((entity, k) => ({ id: `${i + k}`, type: 'view', entity, data: { amount: 2 } }));
    await node.ingest(list);
  }
  // What ids are remembered by is for an hour, and not for an entity.
  node.state.features.ids.clear();
  node.state.features.idsBefore.clear();
  const ours = (used() - before) / count;
  const ready = used();
  const map = new Map<string, object>();
  for (const key of keys)
    map.set(key.slice(5), {
      views: 1.5,
      spent: 2,
      rate: 0.5,
      day: 0.5,
      recent: [1],
      last: [2.5, 1.5, 1.5, 2.5, 1.5],
      atMs: 1.5e12,
      knownMs: 1.5e12,
    });
  const theirs = (used() - ready) / count;
  if (map.size + node.entities().stores.length + ENTITIES === 0) throw new Error('both are still there');
  await node.close();
  return [
    { name: `Ganglion: ${ALL.length} features an entity, with two times each`, bytes: ours },
    { name: 'limit: a plain Map of objects with their values', bytes: theirs },
  ];
}
