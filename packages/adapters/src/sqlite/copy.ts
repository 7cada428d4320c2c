/** A copy of a store that another process may be writing: the node that has it open keeps its lock, and is not asked. */

import fs from 'node:fs';
import path from 'node:path';
import { faultError } from './faults.ts';
import { inspectWal } from './wal.ts';

const ATTEMPTS = 20;
const PAUSE_MS = 50;
const WAL_HEADER_BYTES = 32;

/**
 * Copies a store's file and its log into a folder. The file is copied first: whatever of the log a checkpoint brings into
 * it meanwhile is in the copy of the log as well, as long as the log was not begun anew. That shows in the log's header,
 * and then it is done again. Never for a file that this process itself has open (POSIX would drop its lock).
 *
 * @returns the path of the copy
 * @throws an error that `faultOf` explains: `storage_failed` where there is no such file, or it never held still
 */
export async function copyStore(file: string, folder: string): Promise<string> {
  if (!fs.existsSync(file))
    throw faultError(
      'storage_failed',
      `${file} is not there.`,
      'Give the folder that a node keeps its data in.',
    );
  const copy = path.join(folder, path.basename(file));
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = stampOf(file);
    fs.copyFileSync(file, copy);
    fs.rmSync(`${copy}-wal`, { force: true });
    if (fs.existsSync(`${file}-wal`)) copyLog(`${file}-wal`, `${copy}-wal`);
    if (stampOf(file) === before && inspectWal(`${copy}-wal`).state !== 'damaged') return copy;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  throw faultError('storage_failed', `${file} never held still.`, 'Try again when its node is less busy.');
}

function copyLog(from: string, to: string): void {
  try {
    fs.copyFileSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** The log's header, which changes when it is begun anew; without a log, the file's own time and size. */
function stampOf(file: string): string {
  try {
    const handle = fs.openSync(`${file}-wal`, 'r');
    try {
      const header = Buffer.alloc(WAL_HEADER_BYTES);
      if (fs.readSync(handle, header, 0, WAL_HEADER_BYTES, 0) === WAL_HEADER_BYTES)
        return header.toString('hex');
    } finally {
      fs.closeSync(handle);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const { size, mtimeNs } = fs.statSync(file, { bigint: true });
  return `${size} ${mtimeNs}`;
}
