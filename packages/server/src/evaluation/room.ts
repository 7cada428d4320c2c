import { stat, statfs } from 'node:fs/promises';
import { GanglionError } from '@ganglion/core';

/** Bytes that a user may still write below a folder. */
export type FreeBytes = (folder: string) => Promise<number>;

const freeBelow: FreeBytes = async (folder) => {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
};

/** Beside the copies: what is read out of them, and that a store grows while it is copied. */
const SHARE = 1.25;
const LEAST_BYTES = 64 << 20;

/**
 * Stores are copied before they are read: what has no room is refused before, not in the middle, with the disk full for
 * everybody.
 * @param folder - where the copies are made
 * @throws GanglionError `storage_full` naming what is needed, what is free, and the mend
 */
export async function refuseLittleRoom(
  stores: readonly string[],
  folder: string,
  freeBytes: FreeBytes = freeBelow,
): Promise<void> {
  const sizes = await Promise.all(stores.flatMap((file) => [file, `${file}-wal`]).map(sizeOf));
  const copies = sizes.reduce((sum, bytes) => sum + bytes, 0);
  const needed = Math.max(copies * SHARE, copies + LEAST_BYTES);
  const free = await freeBytes(folder);
  if (free >= needed) return;
  throw new GanglionError(
    'storage_full',
    `There is no room in ${folder} for a copy of the log: it needs ${megabytes(needed)}, and ${megabytes(free)} are free`,
    {
      field: 'TMPDIR',
      value: megabytes(needed),
      mend: 'Make room there, or start the daemon with TMPDIR on a larger disk.',
    },
  );
}

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    // A log is there only while there is something in it.
    () => 0,
  );

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
