/** Real deaths: SIGKILL at random moments of opening, committing, trimming and checkpointing, on one file. */

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Storage } from '@ganglion/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sqliteStorage } from './sqlite.ts';

const KILLS = 30;
const LOOP = path.join(import.meta.dirname, 'fixtures', 'commit-loop.mjs');

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ganglion-crash-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Runs the loop, kills it after a while, and returns the highest number it was told to be durable, or -1. */
function runAndKill(file: string, first: number, afterMs: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--conditions=source', LOOP, file, String(first)]);
    let output = '';
    let errors = '';
    child.stdout.on('data', (bytes) => {
      // The moment is counted from the first acknowledgement for most runs, from the start for some.
      if (output === '' && afterMs < 150) setTimeout(() => child.kill('SIGKILL'), afterMs);
      output += bytes;
    });
    child.stderr.on('data', (bytes) => (errors += bytes));
    if (afterMs >= 150) setTimeout(() => child.kill('SIGKILL'), afterMs - 150);
    child.on('error', reject);
    child.on('close', (_, signal) => {
      if (signal !== 'SIGKILL') reject(new Error(`the loop ended by itself: ${errors}`));
      else resolve(output.split('\n').slice(0, -1).map(Number));
    });
  });
}

/** The number of the last batch that is there, having checked that it and those before it are whole. */
async function lastWhole(storage: Storage): Promise<number> {
  const entries = new Map(
    (await storage.load()).map(({ key, value }) => [key, new Float64Array(value.buffer)[0]!]),
  );
  if (entries.size === 0) {
    expect(await storage.scan('n', -1e9, 0, 10)).toEqual([]);
    return -1;
  }
  const last = entries.get('last')!;
  expect(entries.get('first')).toBe(last);
  for (let i = Math.max(0, last - 49); i <= last; i++) expect(entries.get(`k${i % 50}`)).toBe(i);
  const chunks = await storage.scan('n', -1e9, 0, 100_000);
  expect(chunks.map(({ atMs }) => atMs)).toEqual(chunks.map((_, i) => last - chunks.length + 1 + i));
  expect(chunks.every(({ atMs, chunk }) => chunk.every((byte) => byte === (atMs & 255)))).toBe(true);
  expect(chunks.length).toBeGreaterThanOrEqual(Math.min(last + 1, 128));
  return last;
}

test(`${KILLS} times kill -9: every acknowledged batch is there, and each is whole`, {
  timeout: 300_000,
}, async () => {
  const file = path.join(folder, 'node.db');
  let last = -1;
  let acknowledgedInAll = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const acknowledged = await runAndKill(file, last + 1, Math.random() * 250);
    const storage = await sqliteStorage({ file });
    const found = await lastWhole(storage);
    await storage.close();
    expect(found).toBeGreaterThanOrEqual(Math.max(last, ...acknowledged));
    acknowledgedInAll += acknowledged.length;
    last = found;
  }
  expect(acknowledgedInAll).toBeGreaterThan(KILLS);
});
