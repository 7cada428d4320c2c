import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GanglionError, type Storage } from '@ganglion/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inspectWal } from './sqlite/wal.ts';
import { type SqliteOptions, sqliteStorage } from './sqlite.ts';

const BATCHES = 40;
let root: string;
/** A store that was closed, and one as a dying process leaves it: both hold the same 40 batches. */
let closedStore: string;
let openStore: string;
let made = 0;

beforeAll(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'ganglion-damage-'));
  closedStore = path.join(root, 'closed');
  openStore = path.join(root, 'open');
  const storage = await sqliteStorage({ file: path.join(closedStore, 'node.db') });
  for (let i = 0; i < BATCHES; i++) {
    await storage.commit([
      { kind: 'put', collection: 'n', key: 'last', value: Uint8Array.of(i) },
      { kind: 'put', collection: 'n', key: `k${i}`, value: new Uint8Array(3000).fill(i) },
      { kind: 'append', journal: 'n', atMs: i, chunk: new Uint8Array(9000).fill(100 + i) },
    ]);
  }
  execFileSync('cp', ['-r', closedStore, openStore]);
  await storage.close();
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

/** A copy to spoil: its database file and its log. */
function copyOf(store: string): { file: string; wal: string } {
  const folder = path.join(root, `copy-${++made}`);
  fs.cpSync(store, folder, { recursive: true });
  const file = path.join(folder, 'node.db');
  return { file, wal: `${file}-wal` };
}

function spoil(file: string, change: (bytes: Buffer) => Buffer | undefined): void {
  const bytes = fs.readFileSync(file);
  fs.writeFileSync(file, change(bytes) ?? bytes);
}

/** What is there and what is in it, but for SQLite's index of the log, which is made anew from it. */
function stateOf(file: string): Record<string, string> {
  const folder = path.dirname(file);
  const names = fs.readdirSync(folder).filter((name) => !name.endsWith('-shm'));
  return Object.fromEntries(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(fs.readFileSync(path.join(folder, name)))
        .digest('hex'),
    ]),
  );
}

async function refusalOf(options: SqliteOptions): Promise<GanglionError> {
  try {
    await (await sqliteStorage(options)).close();
  } catch (error) {
    expect(error).toBeInstanceOf(GanglionError);
    return error as GanglionError;
  }
  throw new Error('it opened');
}

async function expectRefused(file: string, code: string, message: RegExp): Promise<void> {
  const before = stateOf(file);
  // Twice: the first look must not have tidied the evidence away.
  for (let look = 0; look < 2; look++) {
    const error = await refusalOf({ file, lockWaitMs: 0 });
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(error.message).toContain(file);
    expect(error.mend).toMatch(/\w/);
    expect(stateOf(file)).toEqual(before);
  }
}

/** How many batches are there, each whole and none missing between. */
async function batchesIn(storage: Storage): Promise<number> {
  const entries = new Map((await storage.load()).map((entry) => [entry.key, entry.value]));
  const chunks = await storage.scan('n', 0, 0, 1000);
  expect(chunks.map((stored) => stored.atMs)).toEqual(chunks.map((_, i) => i));
  const count = chunks.length;
  expect(entries.size).toBe(count === 0 ? 0 : count + 1);
  if (count > 0) expect(entries.get('last')).toEqual(Uint8Array.of(count - 1));
  return count;
}

async function countAndClose(file: string): Promise<number> {
  const storage = await sqliteStorage({ file });
  const count = await batchesIn(storage);
  await storage.close();
  return count;
}

test('both specimens are sound, and the second has its data in the log', async () => {
  expect(await countAndClose(copyOf(closedStore).file)).toBe(BATCHES);
  expect(fs.existsSync(copyOf(closedStore).wal)).toBe(false);
  const { file, wal } = copyOf(openStore);
  const report = inspectWal(wal);
  expect(report.state).toBe('sound');
  expect(report.frames).toBe(report.framesInFile);
  expect(report.frames).toBeGreaterThan(BATCHES * 3);
  expect(await countAndClose(file)).toBe(BATCHES);
});

describe('a damaged file is refused as storage_corrupt and left byte for byte as it is:', () => {
  const cases: Record<string, (bytes: Buffer) => Buffer | undefined> = {
    'cut to half': (bytes) => bytes.subarray(0, bytes.length >> 1),
    'cut to its first page': (bytes) => bytes.subarray(0, 8192),
    'cut within its first page': (bytes) => bytes.subarray(0, 5000),
    'cut to a few bytes': (bytes) => bytes.subarray(0, 10),
    'its last page gone': (bytes) => bytes.subarray(0, bytes.length - 8192),
    'its last bytes gone': (bytes) => bytes.subarray(0, bytes.length - 100),
    'its header zeroed': (bytes) => void bytes.fill(0, 0, 100),
    'a page of noise in the middle': (bytes) => {
      for (let i = 8192 * 3; i < 8192 * 4; i++) bytes[i] = (i * 2_654_435_761) >>> 24;
    },
    'every page after the first zeroed': (bytes) => void bytes.fill(0, 8192),
    'not a database at all': () => Buffer.from('Dear diary, '.repeat(2000)),
  };
  for (const [name, change] of Object.entries(cases)) {
    test(name, async () => {
      const { file } = copyOf(closedStore);
      spoil(file, change);
      await expectRefused(file, 'storage_corrupt', /is damaged/);
    });
  }

  test('its tables dropped by somebody', async () => {
    const { file } = copyOf(closedStore);
    const db = new DatabaseSync(file);
    db.exec('DROP TABLE chunk; PRAGMA journal_mode = DELETE');
    db.close();
    expect(await refusalOf({ file })).toMatchObject({ code: 'storage_corrupt' });
  });

  test('emptied or gone, with a log beside it', async () => {
    const emptied = copyOf(openStore);
    spoil(emptied.file, () => Buffer.alloc(0));
    await expectRefused(emptied.file, 'storage_corrupt', /it is empty, yet its log holds \d+ bytes/);
    const gone = copyOf(openStore);
    fs.rmSync(gone.file);
    await expectRefused(gone.file, 'storage_corrupt', /it is missing, yet its log holds \d+ bytes/);
  });

  test('cut, with a log beside it', async () => {
    const { file } = copyOf(openStore);
    const storage = await sqliteStorage({ file });
    await storage.commit([{ kind: 'put', collection: 'x', key: 'later', value: new Uint8Array(10) }]);
    const folder = `${path.dirname(file)}-hot`;
    execFileSync('cp', ['-r', path.dirname(file), folder]);
    await storage.close();
    const hot = path.join(folder, 'node.db');
    spoil(hot, (bytes) => bytes.subarray(0, bytes.length >> 1));
    await expectRefused(hot, 'storage_corrupt', /is damaged/);
  });
});

describe('one flipped bit in a value', () => {
  const flipIn = (file: string, pattern: number): void =>
    spoil(file, (bytes) => {
      const at = bytes.indexOf(Buffer.alloc(64, pattern));
      expect(at).toBeGreaterThan(0);
      bytes[at + 32]! ^= 1;
      return undefined;
    });

  test('of an entry: load says which', async () => {
    const { file } = copyOf(closedStore);
    flipIn(file, 7);
    const storage = await sqliteStorage({ file });
    await expect(storage.load()).rejects.toMatchObject({
      code: 'storage_corrupt',
      message: expect.stringContaining('entry "k7" of "n" fails its checksum'),
    });
    await storage.close();
  });

  test('of a chunk: scan says which, and pages before it can be read', async () => {
    const { file } = copyOf(closedStore);
    flipIn(file, 100 + 20);
    const storage = await sqliteStorage({ file });
    expect((await storage.scan('n', 0, 0, 20)).length).toBe(20);
    await expect(storage.scan('n', 0, 20, 5)).rejects.toMatchObject({
      code: 'storage_corrupt',
      message: expect.stringContaining('chunk 21 of "n" fails its checksum'),
    });
    expect((await storage.scan('n', 0, 21, 100)).length).toBe(19);
    await storage.close();
  });
});

describe('the log', () => {
  test('cut anywhere, as by a power failure: some batches from the start are there, each whole', async () => {
    const size = fs.statSync(copyOf(openStore).wal).size;
    const counts: number[] = [];
    for (let cut = 0; cut <= 16; cut++) {
      const { file, wal } = copyOf(openStore);
      spoil(wal, (bytes) => bytes.subarray(0, Math.floor((size * cut) / 16) - (cut % 5) * 777));
      counts.push(await countAndClose(file));
    }
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(new Set(counts).size).toBeGreaterThan(10);
  });

  test('with noise, zeros or half a page after its end: all batches are there', async () => {
    for (const tail of [Buffer.alloc(50_000, 0), Buffer.alloc(50_000, 0xa5), Buffer.alloc(4000, 1)]) {
      const { file, wal } = copyOf(openStore);
      spoil(wal, (bytes) => Buffer.concat([bytes, tail]));
      expect(await countAndClose(file)).toBe(BATCHES);
    }
  });

  test('damaged before acknowledged batches: refused, where SQLite would drop them without a word', async () => {
    const size = fs.statSync(copyOf(openStore).wal).size;
    const frame = 24 + 8192;
    const places = {
      'a page': 32 + 60 * frame + 3000,
      'a frame’s salt': 32 + 60 * frame + 9,
      'a frame’s checksum': 32 + 60 * frame + 17,
      'a frame’s commit mark': 32 + 60 * frame + 5,
      'the first frame': 32 + 100,
      'the header': 13,
    };
    for (const at of Object.values(places)) {
      const { file, wal } = copyOf(openStore);
      spoil(wal, (bytes) => {
        bytes[at]! ^= 64;
        return undefined;
      });
      await expectRefused(
        file,
        'storage_corrupt',
        /its log breaks at frame \d+ of \d+, with acknowledged writes beyond/,
      );
    }
    // What SQLite by itself makes of the same damage.
    const { file, wal } = copyOf(openStore);
    spoil(wal, (bytes) => void (bytes[places['a page']]! ^= 64));
    const db = new DatabaseSync(file);
    expect(Number(db.prepare('SELECT count(*) AS n FROM chunk').get()!.n)).toBeLessThan(BATCHES / 2);
    db.close();
    expect(size).toBeGreaterThan(places['a page']);
  });

  test('damaged in its very last batch looks like a torn write: that batch is gone, the others stay', async () => {
    const { file, wal } = copyOf(openStore);
    spoil(wal, (bytes) => void (bytes[bytes.length - 100]! ^= 1));
    expect(await countAndClose(file)).toBe(BATCHES - 1);
  });

  test('in use a second time, with frames of the first use behind its end, is sound', async () => {
    const { file, wal } = copyOf(openStore);
    const db = new DatabaseSync(file);
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA wal_checkpoint(RESTART)');
    db.exec("UPDATE counter SET value = 5 WHERE name = 'repairs'");
    const folder = `${path.dirname(file)}-reused`;
    execFileSync('cp', ['-r', path.dirname(file), folder]);
    db.close();
    const report = inspectWal(path.join(folder, path.basename(wal)));
    expect(report.state).toBe('sound');
    expect(report.frames).toBeLessThan(5);
    expect(report.framesInFile).toBeGreaterThan(100);
    expect(await countAndClose(path.join(folder, 'node.db'))).toBe(BATCHES);
  });
});

describe('files that are not ours to write', () => {
  test('another program’s database is left alone', async () => {
    const file = path.join(root, 'foreign', 'node.db');
    fs.mkdirSync(path.dirname(file));
    const db = new DatabaseSync(file);
    db.exec('CREATE TABLE precious (x); INSERT INTO precious VALUES (1)');
    db.close();
    await expectRefused(file, 'storage_failed', /another program/);
  });

  test('a newer schema is refused, with both versions named', async () => {
    const { file } = copyOf(closedStore);
    const db = new DatabaseSync(file);
    db.exec('PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)');
    db.close();
    await expectRefused(file, 'storage_failed', /schema version 99; this Ganglion knows versions up to 2/);
  });

  test('a folder, or a path through a file', async () => {
    const { file } = copyOf(closedStore);
    expect(await refusalOf({ file: path.dirname(file) })).toMatchObject({ code: 'storage_failed' });
    expect(await refusalOf({ file: path.join(file, 'x', 'node.db') })).toMatchObject({
      code: 'storage_failed',
    });
  });
});
