import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Writes a file whole or not at all, for this user alone; resolves once it would survive a power cut.
 * @param part - beside it: what is written until it is whole, and what a crash leaves
 */
export async function writeDurably(file: string, bytes: Uint8Array, part: string): Promise<void> {
  const handle = await open(part, 'w', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  await rename(part, file);
  await synced(dirname(file));
}

/** The name too must survive: a folder has to be synced for that. */
async function synced(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
