/**
 * What can go wrong with a database file, as plain data that crosses from the worker to its owner. Nothing here or
 * elsewhere in the worker imports a package: the thread starts the same from source, compiled, or bundled apart.
 */

import path from 'node:path';

export interface StorageFault {
  readonly code: 'storage_failed' | 'storage_full' | 'storage_corrupt';
  readonly message: string;
  readonly mend: string;
}

type FaultError = Error & { readonly fault: StorageFault };

/** SQLite's primary result codes that call for different mends (sqlite.org/rescode.html). */
const SQLITE = {
  ERROR: 1,
  PERM: 3,
  BUSY: 5,
  LOCKED: 6,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  NOTADB: 26,
} as const;

/** I/O errors by which a checksumming file system or VFS says that what it holds is damaged. */
const DAMAGE_BELOW: readonly number[] = [8202 /* IOERR_DATA */, 8458 /* IOERR_CORRUPTFS */];

/** An error to throw inside the worker; `faultOf` hands its fault on unchanged. */
export function faultError(code: StorageFault['code'], message: string, mend: string): FaultError {
  return Object.assign(new Error(message), { fault: { code, message, mend } });
}

export function corruptError(file: string, what: string): FaultError {
  return faultError('storage_corrupt', `${file} is damaged: ${what}.`, mendCorrupt(file));
}

/** Another connection holds a lock that we need. */
export function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === SQLITE.BUSY || code === SQLITE.LOCKED;
}

/** A read, write or flush failed below SQLite, so what is on the disk is not known. */
export function isIoFailure(error: unknown): boolean {
  return primaryCode(error) === SQLITE.IOERR;
}

/** SQLite could not make its index of the log (SQLITE_IOERR_SHMOPEN, SHMSIZE, SHMMAP), as on a full disk. */
export function isIndexFailure(error: unknown): boolean {
  return [4618, 4874, 5386].includes(extendedCode(error));
}

/** SQLite refused a statement as such: in a file of ours, a table or column is not what the version promises. */
export function isSchemaMismatch(error: unknown): boolean {
  return primaryCode(error) === SQLITE.ERROR;
}

/** Says what an error means for whoever runs the node, and what to do about it. `bounded`: the store was given `maxBytes`. */
export function faultOf(error: unknown, file: string, bounded = false): StorageFault {
  if (error instanceof Error && 'fault' in error) return (error as FaultError).fault;
  const detail = error instanceof Error ? error.message : String(error);
  const code = primaryCode(error);
  if (code === SQLITE.CORRUPT || code === SQLITE.NOTADB || DAMAGE_BELOW.includes(extendedCode(error))) {
    return corruptError(file, detail).fault;
  }
  if (code === SQLITE.FULL || systemCode(error) === 'ENOSPC') {
    return {
      code: 'storage_full',
      message: `There is no space to write ${file} (${detail}). Nothing acknowledged is lost.`,
      mend: `Free space on the disk of ${path.dirname(file)}${bounded ? ', raise `maxBytes`, or keep journals for a shorter time' : ''}; then try again.`,
    };
  }
  return {
    code: 'storage_failed',
    message: `${file}: ${detail}.`,
    mend: mendFailed(file, code, systemCode(error)),
  };
}

function mendFailed(file: string, code: number, system: string | undefined): string {
  if (code === SQLITE.BUSY || code === SQLITE.LOCKED) return mendHeld();
  const denied = system === 'EACCES' || system === 'EPERM' || system === 'EROFS';
  if (code === SQLITE.READONLY || code === SQLITE.PERM || code === SQLITE.CANTOPEN || denied) {
    return `Give this process the right to write ${file} and its folder, or choose another place for the data.`;
  }
  if (code === SQLITE.IOERR) return 'Check the disk, its quota and the system log; then try again.';
  return 'See the message; nothing acknowledged is lost.';
}

export function mendHeld(): string {
  return 'Stop the other process, or give this node a data folder of its own: one store has one writer.';
}

function mendCorrupt(file: string): string {
  return (
    `Nothing was deleted. Stop the node, move ${file} and ${file}-wal aside together, and restore both from a backup ` +
    'or start without them: the node then opens a new incarnation and gets back from the tree what it had shared. ' +
    '`sqlite3 FILE .recover` may rescue more from the damaged copy.'
  );
}

/** node:sqlite puts the extended result code in `errcode`; the primary code is its low byte. */
function extendedCode(error: unknown): number {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === 'number' ? code : 0;
}

function primaryCode(error: unknown): number {
  return extendedCode(error) & 0xff;
}

function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
