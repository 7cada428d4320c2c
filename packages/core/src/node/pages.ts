import type { Storage } from '../ports.ts';

const CHUNKS_A_PAGE = 256;

/** A journal, page by page: whoever reads it waits for the disk, and not once more for every chunk. */
export async function* pages(
  storage: Storage,
  journal: string,
  sinceMs: number,
): AsyncGenerator<readonly Uint8Array[]> {
  let position = -1;
  for (;;) {
    const page = await storage.scan(journal, sinceMs, position, CHUNKS_A_PAGE);
    yield page.map(({ chunk }) => chunk);
    if (page.length < CHUNKS_A_PAGE) return;
    position = page[page.length - 1].position;
  }
}
