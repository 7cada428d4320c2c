/**
 * Whether a store's files are still where they were opened. A file that is deleted, moved or replaced goes on taking
 * writes through whoever has it open, and none of them is there at the next start.
 *
 * Descriptors of its own are compared with what stands at the paths now: numbers of files need not be the same over time on
 * every file system. POSIX drops all locks on a file with any descriptor of it: these are closed after SQLite's. Windows
 * lets nobody delete, move or replace what is open: there it is enough to see that the files are there.
 */

import fs from 'node:fs';
import path from 'node:path';
import { faultError } from './faults.ts';

export interface Place {
  /** @throws an error that `faultOf` explains, where a file is gone or another */
  check(): void;
  /** Once the database is closed. */
  close(): void;
}

/** For whoever holds the lock on `file`, and nobody else. @throws an error that `faultOf` explains */
export function placeOf(file: string): Place {
  const held = new Map<string, number | undefined>();
  const hold = (each: string): void => {
    held.set(each, process.platform === 'win32' ? undefined : fs.openSync(each, 'r'));
  };
  const close = (): void => {
    for (const fd of held.values()) if (fd !== undefined) fs.closeSync(fd);
    held.clear();
  };
  try {
    hold(file);
    // Made with the first access, and emptied at times, but there until the database is closed.
    if (fs.existsSync(`${file}-wal`)) hold(`${file}-wal`);
  } catch (error) {
    close();
    throw error;
  }
  return {
    check() {
      for (const [each, fd] of held) {
        const now = fs.statSync(each, { bigint: true, throwIfNoEntry: false });
        if (now === undefined) throw astray(each, 'is gone: it was deleted or moved');
        if (fd === undefined) continue;
        const ours = fs.fstatSync(fd, { bigint: true });
        if (now.ino !== ours.ino || now.dev !== ours.dev)
          throw astray(each, 'is another file than the one that was opened: it was replaced');
      }
    },
    close,
  };
}

function astray(file: string, what: string): Error {
  return faultError(
    'storage_failed',
    `${file} ${what} while it was in use. Nothing is written any more, and what was written may be lost.`,
    `Put it back as it was, and writing goes on. Or stop the node, see to ${path.dirname(file)} (a backup, or nothing at all), and ` +
      'start it again: it then opens a new incarnation and gets back from the tree what it had shared.',
  );
}
