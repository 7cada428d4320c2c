import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { checkStoredControls, DEFAULT_LIMITS, isGanglionError } from '@ganglion/core';
import { duration } from '../format.ts';
import type { Check } from './check.ts';

const LITTLE_SPACE_BYTES = 256 << 20;
/** A flush slower than this makes every acknowledgement slow, ms. */
const SLOW_FLUSH_MS = 50;

/** Where state is kept: writable, with room, and every store in it whole. Stores are opened to read only. */
export function checkData(given: string | undefined): Check[] {
  const dir = given ?? path.join(homedir(), '.ganglion');
  if (!existsSync(dir)) return [missing(dir)];
  const checks = [writable(dir), space(dir), fileSystem(dir)];
  for (const file of storesIn(dir)) checks.push(store(path.relative(dir, file), file));
  return checks;
}

function missing(dir: string): Check {
  let above = path.dirname(path.resolve(dir));
  while (!existsSync(above) && above !== path.dirname(above)) above = path.dirname(above);
  try {
    accessSync(above, constants.W_OK);
    return { name: 'data', state: 'passes', found: `${dir} is not there yet, and can be made` };
  } catch {
    return {
      name: 'data',
      state: 'fails',
      found: `${dir} is not there and cannot be made`,
      mend: `Give another folder with --data, or the right to write in ${above}.`,
    };
  }
}

function writable(dir: string): Check {
  const probe = path.join(dir, `.doctor-${process.pid}`);
  try {
    const began = performance.now();
    const file = openSync(probe, 'wx', 0o600);
    try {
      writeSync(file, 'probe');
      fsyncSync(file);
    } finally {
      closeSync(file);
      rmSync(probe, { force: true });
    }
    const flushMs = performance.now() - began;
    const found = `${dir} is writable, a flush takes ${duration(flushMs)}`;
    return flushMs < SLOW_FLUSH_MS
      ? { name: 'data', state: 'passes', found }
      : {
          name: 'data',
          state: 'warns',
          found,
          mend: 'Keep the data on a faster disk: feedback is acknowledged only once flushed.',
        };
  } catch (error) {
    return {
      name: 'data',
      state: 'fails',
      found: `${dir}: ${(error as Error).message}`,
      mend: 'Give a folder of this user’s with --data, or free some space.',
    };
  }
}

function space(dir: string): Check {
  const { bavail, bsize } = statfsSync(dir);
  const free = bavail * bsize;
  const found = `${(free / 2 ** 30).toFixed(1)} GiB free`;
  return free >= LITTLE_SPACE_BYTES
    ? { name: 'disk', state: 'passes', found }
    : { name: 'disk', state: 'warns', found, mend: 'Free some space: a full disk refuses feedback.' };
}

/** `f_type` of statfs(2) for file systems on which a log in shared memory, or a flush, is not what it says. */
const NETWORK: Readonly<Record<number, string>> = {
  26985: 'NFS',
  4283649346: 'CIFS',
  4266872130: 'SMB2',
  20859: 'SMB',
};
const IN_MEMORY: Readonly<Record<number, string>> = { 16914836: 'tmpfs', 2240043254: 'ramfs' };

function fileSystem(dir: string): Check {
  const type = statfsSync(dir).type >>> 0;
  const name = 'file system';
  if (process.platform === 'linux' && NETWORK[type] !== undefined)
    return {
      name,
      state: 'fails',
      found: `${NETWORK[type]}: SQLite’s write-ahead log needs memory that all its users share`,
      mend: 'Keep the data on a disk of this machine.',
    };
  if (process.platform === 'linux' && IN_MEMORY[type] !== undefined)
    return {
      name,
      state: 'warns',
      found: `${IN_MEMORY[type]}: what is acknowledged is gone after a restart of the machine`,
      mend: 'Keep the data on a disk.',
    };
  return { name, state: 'passes', found: 'of a disk of this machine, as far as it tells' };
}

function storesIn(dir: string): string[] {
  const files = readdirSync(dir, { withFileTypes: true, recursive: true });
  return files
    .filter((entry) => entry.isFile() && entry.name.endsWith('.db'))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

function store(name: string, file: string): Check {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { readOnly: true, timeout: 200 });
    const [row] = db.prepare('PRAGMA quick_check(1)').all() as { quick_check: string }[];
    if (row?.quick_check === 'ok') return controls(db, name) ?? inWal(db, name);
    return damaged(name, row?.quick_check ?? 'it could not be checked');
  } catch (error) {
    const { errcode, message } = error as { errcode?: number; message: string };
    // SQLITE_BUSY and SQLITE_LOCKED, whatever their extension.
    if (((errcode ?? 0) & 0xff) === 5 || ((errcode ?? 0) & 0xff) === 6)
      return {
        name: `store ${name}`,
        state: 'passes',
        found: 'in use by a running daemon, so not looked into',
      };
    return damaged(name, message);
  } finally {
    db?.close();
  }
}

/** What a start would say of the controls; undefined where it would read them as they are, or there are none. */
function controls(db: DatabaseSync, name: string): Check | undefined {
  const isStore = db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'entry'").get();
  if (isStore === undefined) return undefined;
  const rows = db.prepare("SELECT value FROM entry WHERE collection = 'controls'").all();
  try {
    const fields = rows.flatMap(({ value }) => checkStoredControls(value as Uint8Array, DEFAULT_LIMITS));
    if (fields.length === 0) return undefined;
    return {
      name: `store ${name}`,
      state: 'warns',
      found: `whole, but of its controls a start sets right: ${fields.slice(0, 3).join(', ')}${fields.length > 3 ? `, and ${fields.length - 3} more` : ''}`,
      mend: 'Start the node: those arms begin their learning anew, and all else stays as it is.',
    };
  } catch (error) {
    if (!isGanglionError(error)) throw error;
    return damaged(name, `a node would not start with its controls: ${error.message}`);
  }
}

/** Whole; and whether a commit is one flush of its log. */
function inWal(db: DatabaseSync, name: string): Check {
  const mode = (db.prepare('PRAGMA journal_mode').get() as { journal_mode: string }).journal_mode;
  return mode === 'wal'
    ? { name: `store ${name}`, state: 'passes', found: 'whole, and free; write-ahead log' }
    : {
        name: `store ${name}`,
        state: 'warns',
        found: `whole, but its journal is “${mode}”, not a write-ahead log: another program has changed it`,
        mend: 'Open it with nothing but Ganglion; a node sets it right when it starts.',
      };
}

function damaged(name: string, why: string): Check {
  return {
    name: `store ${name}`,
    state: 'fails',
    found: why,
    mend: 'Stop the daemon, keep a copy of the file and of its -wal, and restore a backup; without one, move it away: the node starts anew, and the tree gives back what it has learned.',
  };
}
