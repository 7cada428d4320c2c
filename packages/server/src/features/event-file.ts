import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sqlText, type Tables } from '@ganglion/adapters/parquet';
import { copySqlite, sqliteStorage } from '@ganglion/adapters/sqlite';
import { GanglionError, readEvents, type StoredEvent } from '@ganglion/core';
import { nodeOf, storesIn } from '../evaluation/node-log.ts';
import { columnTypes, fromFile, isMillis, millis, refuseTimes } from './times.ts';

/**
 * Events as a file: a row each, with both times, in ms since 1970. `at_ms`: when it happened; `known_ms`: when the node heard
 * of it. Entities and data are JSON.
 */
const COLUMNS = ['node', 'domain', 'type', 'entities', 'source', 'id', 'at_ms', 'known_ms', 'data'] as const;

/** The events of one node. */
export interface NodeEvents {
  readonly node: string;
  readonly events: readonly StoredEvent[];
}

/** Of every node that keeps its data in a folder, running or not. @throws as `readNodeLogs` does */
export async function readNodeEvents(data: string, sinceMs: number): Promise<NodeEvents[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ganglion-events-'));
  try {
    const all: NodeEvents[] = [];
    for (const file of storesIn(data)) {
      const storage = await sqliteStorage({ file: await copySqlite(file, folder) });
      try {
        all.push({ node: nodeOf(data, file), events: await readEvents(storage, sinceMs) });
      } finally {
        await storage.close();
      }
    }
    return all;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes events to a Parquet file, or to one of a JSON object a line. @returns how many */
export async function writeEvents(
  tables: Tables,
  file: string,
  nodes: readonly NodeEvents[],
): Promise<number> {
  const rows = nodes.flatMap(({ node, events }) => events.map((event) => rowOf(node, event)));
  if (/\.(ndjson|jsonl)$/i.test(file)) {
    const lines = rows.map(
      (row) => `${JSON.stringify(Object.fromEntries(COLUMNS.map((name, i) => [name, row[i]])))}\n`,
    );
    writeFileSync(file, lines.join(''));
    return rows.length;
  }
  fromFile(file);
  const types = COLUMNS.map((name) => `${name} ${name.endsWith('_ms') ? 'DOUBLE' : 'VARCHAR'}`);
  await tables.run(`CREATE OR REPLACE TABLE event (${types.join(', ')})`);
  await tables.append(
    'event',
    COLUMNS.map((_, i) => rows.map((row) => row[i])),
  );
  const form = /\.csv$/i.test(file) ? 'csv, HEADER' : 'parquet, COMPRESSION zstd';
  await tables.run(`COPY (SELECT * FROM event ORDER BY known_ms) TO ${sqlText(file)} (FORMAT ${form})`);
  return rows.length;
}

const rowOf = (
  node: string,
  { domain, type, entities, source, id, atMs, knownMs, data }: StoredEvent,
): (string | number)[] => [
  node,
  domain,
  type,
  JSON.stringify(entities),
  source,
  id,
  atMs,
  knownMs,
  JSON.stringify(data),
];

/** Events of a node's folder or of a file that was exported, in the order in which they became known. @throws GanglionError `invalid_input` */
export async function loadEvents(tables: Tables, at: string): Promise<NodeEvents[]> {
  if (existsSync(at) && statSync(at).isDirectory()) return readNodeEvents(at, Number.NEGATIVE_INFINITY);
  const from = fromFile(at);
  const types = await columnTypes(tables, from);
  const lacking = COLUMNS.filter((name) => !types.has(name) && name !== 'node');
  if (lacking.length > 0)
    throw new GanglionError('invalid_input', `${at} has no column ${lacking.join(', ')}`, {
      field: lacking[0],
      mend: lacking.includes('known_ms')
        ? 'Without the time at which an event became known nobody can say what a decision could see: export them with "ganglion features export".'
        : 'Give a file that "ganglion features export" wrote.',
    });
  const columns = await tables.columns(
    `SELECT ${types.has('node') ? 'node' : "'' AS node"}, domain, type, entities::VARCHAR AS entities, source, id::VARCHAR AS id,
       ${millis(types, 'at_ms', at, '')} AS at_ms, ${millis(types, 'known_ms', at, '')} AS known_ms, data::VARCHAR AS data
       FROM ${from} ORDER BY known_ms`,
  );
  const times = [columns.at_ms, columns.known_ms] as Float64Array[];
  if (!times.every((column) => column.every(isMillis)))
    await refuseTimes(tables, types, ['at_ms', 'known_ms'], from, at);
  const nodes = new Map<string, StoredEvent[]>();
  (columns.node as string[]).forEach((node, i) => {
    const event = eventOf(columns, i, at);
    const events = nodes.get(node);
    if (events === undefined) nodes.set(node, [event]);
    else events.push(event);
  });
  return [...nodes].map(([node, events]) => ({ node, events }));
}

function eventOf(columns: Awaited<ReturnType<Tables['columns']>>, i: number, file: string): StoredEvent {
  const text = (name: string): string => String(columns[name][i] ?? '');
  const atMs = Number(columns.at_ms[i]);
  const knownMs = Number(columns.known_ms[i]);
  const refused = (message: string, mend: string): never => {
    throw new GanglionError('invalid_input', `${file}, event ${text('id') || i + 1}: ${message}`, {
      field: 'event',
      mend,
    });
  };
  if (!Number.isFinite(atMs) || !Number.isFinite(knownMs))
    refused('it lacks a time', 'Give at_ms and known_ms.');
  if (atMs > knownMs)
    refused(
      `it is stamped ${new Date(atMs).toISOString()}, after it became known at ${new Date(knownMs).toISOString()}`,
      'No event is known before it happens: mend the times.',
    );
  try {
    const entities = JSON.parse(text('entities')) as string | string[];
    return {
      domain: text('domain'),
      type: text('type'),
      entities: Array.isArray(entities) ? entities : [entities],
      source: text('source'),
      id: text('id'),
      atMs,
      knownMs,
      data: JSON.parse(text('data') || '{}'),
    };
  } catch {
    return refused('entities or data are not JSON', 'Write entities as ["user:ann"], data as an object.');
  }
}
