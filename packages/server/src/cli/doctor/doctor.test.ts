import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createClient } from '@ganglion/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Role, tokenGrant } from '../../http/auth.ts';
import { buildServer } from '../../http/server.ts';
import { testFolder } from '../../testing/folder.ts';
import { startNode } from '../../testing/node.ts';
import { listen } from '../../testing/socket.ts';
import type { Check } from './check.ts';
import { checkDaemon, checkParent } from './daemon.ts';
import { checkData } from './data.ts';

const ROLES: readonly Role[] = ['viewer', 'app', 'node', 'operator'];
let node: Awaited<ReturnType<typeof startNode>>;
const apps: Awaited<ReturnType<typeof buildServer>>[] = [];
let open: string;
let guarded: string;
beforeAll(async () => {
  node = await startNode([]);
  apps.push(await buildServer({ nodes: [node] }));
  const tokens = ROLES.map((role) => tokenGrant(`token-of-${role}`, role, role));
  apps.push(await buildServer({ nodes: [node], auth: { tokens } }));
  [open, guarded] = (await Promise.all(apps.map(async (app) => (await listen(app)).url))) as [string, string];
});
afterAll(async () => {
  for (const app of apps) await app.close();
  await node.close();
});

const find = (checks: readonly Check[], name: string) => checks.find((check) => check.name === name);

/** A check that does not pass says what to do. */
/** JSON as a node keeps it: its length in two times seven bits, and its text. */
function jsonValue(value: unknown): Uint8Array {
  const text = Buffer.from(JSON.stringify(value).padEnd(128));
  return Buffer.concat([Buffer.from([(text.length & 0x7f) | 0x80, text.length >> 7]), text]);
}

function expectMends(checks: readonly Check[]): void {
  for (const { name, state, mend } of checks)
    if (state === 'warns' || state === 'fails')
      expect({ name, mend }).toEqual({ name, mend: expect.any(String) });
}

describe('the parent', () => {
  it('is reached, of the same protocol, its clock near, and takes a link', async () => {
    const checks = await checkParent(createClient({ url: open }));
    expect(checks.map(({ name, state }) => [name, state])).toEqual([
      ['parent', 'passes'],
      ['protocol', 'passes'],
      ['parent’s clock', 'passes'],
      ['link', 'passes'],
    ]);
  });

  it.each(ROLES)('takes a link by a token that may: %s', async (role) => {
    const checks = await checkParent(createClient({ url: guarded, token: `token-of-${role}` }));
    expectMends(checks);
    expect(find(checks, 'link')?.state).toBe(role === 'node' || role === 'operator' ? 'passes' : 'fails');
  });

  it('that is not there, or does not know the token, fails', async () => {
    const away = await checkParent(createClient({ url: 'http://127.0.0.1:1' }));
    const unknown = await checkParent(createClient({ url: guarded, token: 'token-of-nobody' }));
    expect([away[0]?.state, find(unknown, 'link')?.state]).toEqual(['fails', 'fails']);
    expectMends([...away, ...unknown]);
  });
});

describe('the token', () => {
  it.each(ROLES)('says what it allows: %s', async (role) => {
    const checks = await checkDaemon(createClient({ url: guarded, token: `token-of-${role}` }), true, true);
    expect(find(checks, 'token')).toMatchObject({ state: 'passes', found: expect.stringContaining(role) });
  });

  it('that is missing or unknown fails; one for a daemon that asks for none is warned of', async () => {
    const token = 'token-of-nobody';
    const state = async (url: string, with_: string | undefined) => {
      const checks = await checkDaemon(createClient({ url, token: with_ }), true, with_ !== undefined);
      expectMends(checks);
      return find(checks, 'token')?.state;
    };
    expect(await state(guarded, token)).toBe('fails');
    expect(await state(guarded, undefined)).toBe('fails');
    expect(await state(open, token)).toBe('warns');
    expect(await state(open, undefined)).toBe('passes');
  });
});

describe('the data', () => {
  it('in a store without a write-ahead log is warned of; the store stays as it is', () => {
    const dir = testFolder();
    for (const mode of ['wal', 'delete']) {
      const db = new DatabaseSync(path.join(dir, `${mode}.db`));
      db.exec(`PRAGMA journal_mode=${mode}; CREATE TABLE t (a)`);
      db.close();
    }
    const checks = checkData(dir);
    expectMends(checks);
    expect(find(checks, 'store wal.db')?.state).toBe('passes');
    expect(find(checks, 'store delete.db')).toMatchObject({
      state: 'warns',
      found: expect.stringContaining('delete'),
    });
    expect(find(checks, 'file system')).toBeDefined();
  });

  it('is whole only if a node would start with its controls: what it would set right, or refuse, is named', () => {
    const dir = testFolder();
    const empty = { kills: [], overrides: [], quarantines: [], removed: [], specs: [], resets: [] };
    const spoiled = { point: 'p', version: 1, node: 'n', spec: null, generations: { constructor: 'f1' } };
    const stores = { sound: empty, spoiled: { ...empty, specs: [spoiled] }, broken: { ...empty, kills: 7 } };
    for (const [name, controls] of Object.entries(stores)) {
      const db = new DatabaseSync(path.join(dir, `${name}.db`));
      db.exec('PRAGMA journal_mode=wal; CREATE TABLE entry (collection TEXT, key TEXT, value BLOB)');
      const value = jsonValue(controls);
      db.prepare("INSERT INTO entry VALUES ('controls', 'state', ?)").run(value);
      db.close();
    }
    const checks = checkData(dir);
    expectMends(checks);
    expect(find(checks, 'store sound.db')?.state).toBe('passes');
    expect(find(checks, 'store spoiled.db')).toMatchObject({
      state: 'warns',
      found: expect.stringContaining('controls.specs[0].generations.constructor'),
    });
    expect(find(checks, 'store broken.db')).toMatchObject({
      state: 'fails',
      found: expect.stringContaining('controls.kills is malformed'),
    });
  });
});
