import { statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testFolder } from '../testing/folder.ts';
import { refuseLittleRoom } from './room.ts';

/** Two stores of 100 MB with a log of 40 MB beside one: holes, which take no room here. */
function stores(): { readonly folder: string; readonly files: readonly string[] } {
  const folder = testFolder();
  const files = ['a.db', 'b.db'].map((name) => join(folder, name));
  for (const [file, bytes] of [
    [files[0], 100e6],
    [files[1], 100e6],
    [`${files[1]}-wal`, 40e6],
  ] as const) {
    writeFileSync(file, '');
    truncateSync(file, bytes);
  }
  return { folder, files };
}

describe('room for a copy of the log', () => {
  it('is for the stores, what is not yet in them, and 64 MiB more at least', async () => {
    const { folder, files } = stores();
    await expect(refuseLittleRoom(files, folder, async () => 240e6 + (64 << 20))).resolves.toBeUndefined();
    await expect(refuseLittleRoom(files, folder, async () => 305e6)).rejects.toMatchObject({
      code: 'storage_full',
      field: 'TMPDIR',
      message: `There is no room in ${folder} for a copy of the log: it needs 308 MB, and 305 MB are free`,
      mend: expect.stringContaining('larger disk'),
    });
  });

  it('is what the file system says', async () => {
    const folder = testFolder();
    const { bavail, bsize } = statfsSync(folder);
    const small = join(folder, 'small.db');
    writeFileSync(small, 'x');
    if (bavail * bsize > 1e9) await expect(refuseLittleRoom([small], folder)).resolves.toBeUndefined();
    const sparse = join(folder, 'sparse.db');
    writeFileSync(sparse, '');
    truncateSync(sparse, 1e11);
    const many = Array.from({ length: 2 + Math.ceil((bavail * bsize) / 1e11) }, () => sparse);
    await expect(refuseLittleRoom(many, folder)).rejects.toMatchObject({
      code: 'storage_full',
    });
  });
});
