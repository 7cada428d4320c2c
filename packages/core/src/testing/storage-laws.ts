/**
 * What every `Storage` must do, whatever it stands on. Each law makes its own fresh store, and rejects with a
 * readable message where the law is broken. A new adapter runs them all by being listed:
 *
 *     for (const { law, run } of storageLaws) test(law, () => run(makeMine));
 */

import { isGanglionError } from '../errors.ts';
import type { Storage, StoredChunk, Write } from '../ports.ts';
import { demand } from './law.ts';

/** One store under test, empty at first, and the ways to end the process that holds it. */
export interface StorageHarness {
  readonly storage: Storage;
  /** Closes the open storage and opens it again. */
  reopen(): Promise<Storage>;
  /** Ends the open storage as a dying process would, without closing it, and opens what is left. */
  crash(): Promise<Storage>;
  /** Called once at the end, whatever happened. */
  dispose(): Promise<void>;
}

export type MakeStorage = () => Promise<StorageHarness>;

export interface StorageLaw {
  readonly law: string;
  run(make: MakeStorage): Promise<void>;
}

export const storageLaws: readonly StorageLaw[] = [
  law('a new store is empty', async ({ storage }) => {
    same(await storage.load(), [], 'entries');
    same(await storage.scan('log', 0, 0, 10), [], 'chunks');
  }),

  law('what was put is loaded byte for byte, now and after reopening', async (harness) => {
    const values = [new Uint8Array(0), ascending(1), ascending(256), ascending(70_000), ascending(1 << 20)];
    await harness.storage.commit(values.map((value, i) => put('slots', `k${i}`, value)));
    const expected = new Map(values.map((value, i) => [`slots/k${i}`, value]));
    sameEntries(await harness.storage.load(), expected);
    sameEntries(await (await harness.reopen()).load(), expected);
  }),

  law('names may hold any well-formed text, and never run into one another', async (harness) => {
    const names = [
      '',
      'a',
      'ab',
      'a\0b',
      '\0',
      'é',
      'e\u0301',
      '😀',
      "'; drop table entry; --",
      '__proto__',
      'x'.repeat(2000),
    ];
    const writes = names.flatMap((collection, i) =>
      names.map((key, j) => put(collection, key, Uint8Array.of(i, j))),
    );
    await harness.storage.commit(writes);
    const found = await (await harness.reopen()).load();
    same(found.length, names.length ** 2, 'number of entries');
    for (const { collection, key, value } of found) {
      same(
        [...value],
        [names.indexOf(collection), names.indexOf(key)],
        `value under (${collection}, ${key})`,
      );
    }
  }),

  law(
    'later writes win, within a batch and between batches; deleting what is absent is harmless',
    async (harness) => {
      const { storage } = harness;
      await storage.commit([put('a', 'x', ascending(1)), put('a', 'x', ascending(2)), del('a', 'none')]);
      await storage.commit([
        put('a', 'y', ascending(3)),
        del('a', 'y'),
        put('a', 'z', ascending(4)),
        put('b', 'x', ascending(5)),
      ]);
      await storage.commit([del('a', 'z'), put('a', 'z', ascending(6)), del('b', 'x')]);
      const expected = new Map([
        ['a/x', ascending(2)],
        ['a/z', ascending(6)],
      ]);
      sameEntries(await storage.load(), expected);
      sameEntries(await (await harness.reopen()).load(), expected);
    },
  ),

  law(
    'a buffer may be reused as soon as commit has been called, and what is read belongs to the reader',
    async ({ storage }) => {
      const value = ascending(8);
      const chunk = ascending(9);
      const done = storage.commit([put('a', 'x', value), append('log', 1, chunk)]);
      value.fill(99);
      chunk.fill(99);
      await done;
      same(value.length + chunk.length, 17, 'lengths of the caller’s buffers');
      for (let round = 0; round < 2; round++) {
        const [entry] = await storage.load();
        const [stored] = await storage.scan('log', 0, 0, 1);
        same([...entry!.value], [...ascending(8)], 'value');
        same([...stored!.chunk], [...ascending(9)], 'chunk');
        entry!.value.fill(77);
        stored!.chunk.fill(77);
      }
    },
  ),

  law(
    'commits take effect in the order of the calls, awaited or not, and reads see all before them',
    async ({ storage }) => {
      const commits: Promise<void>[] = [];
      for (let i = 0; i < 300; i++) {
        commits.push(
          storage.commit([put('a', 'x', Uint8Array.of(i & 255)), append('log', i, Uint8Array.of(i & 255))]),
        );
      }
      const chunks = await storage.scan('log', 0, 0, 1000);
      same(
        chunks.map((stored) => stored.atMs),
        Array.from({ length: 300 }, (_, i) => i),
        'order of the journal',
      );
      sameEntries(await storage.load(), new Map([['a/x', Uint8Array.of(299 & 255)]]));
      await Promise.all(commits);
    },
  ),

  law('an empty batch is a commit', async ({ storage }) => {
    await storage.commit([]);
    same(await storage.load(), [], 'entries');
  }),

  law('a malformed batch is refused whole, and takes no other with it', async ({ storage }) => {
    const bad = [
      { kind: 'put', collection: 'a', key: 'x', value: 'text' },
      { kind: 'put', collection: 'a', key: 7, value: ascending(1) },
      { kind: 'delete', collection: null, key: 'x' },
      { kind: 'put', collection: 'a', key: 'half of \ud83d', value: ascending(1) },
      { kind: 'append', journal: 'log', atMs: Number.NaN, chunk: ascending(1) },
      { kind: 'append', journal: 'log', atMs: Number.POSITIVE_INFINITY, chunk: ascending(1) },
      { kind: 'append', journal: 'log', atMs: 1, chunk: [1] },
      { kind: 'vacuum' },
    ] as unknown as Write[];
    const before = storage.commit([put('a', 'before', ascending(1))]);
    for (const write of bad) {
      const refused = await rejection(storage.commit([put('a', 'y', ascending(1)), write]));
      demand(isGanglionError(refused, 'invalid_input'), `expected invalid_input, got ${String(refused)}`);
    }
    await before;
    await storage.commit([put('a', 'after', ascending(2))]);
    same((await storage.load()).map((entry) => entry.key).sort(), ['after', 'before'], 'keys');
  }),

  law(
    'a journal is read in the order it was written, by pages that overlap in nothing and miss nothing',
    async (harness) => {
      const total = 57;
      for (let i = 0; i < total; i++) {
        await harness.storage.commit([
          append('log', 1000 + i, ascending(i)),
          append('other', 1000 + i, ascending(1)),
        ]);
      }
      const storage = await harness.reopen();
      for (const limit of [1, 10, 57, 1000]) {
        const all = await readJournal(storage, 'log', 0, limit);
        same(
          all.map((stored) => stored.atMs - 1000),
          Array.from({ length: total }, (_, i) => i),
          `times by ${limit}`,
        );
        same(
          all.map((stored) => stored.chunk.length),
          Array.from({ length: total }, (_, i) => i),
          `sizes by ${limit}`,
        );
      }
      same(await storage.scan('log', 0, 0, 0), [], 'a page of none');
      same(await storage.scan('nothing', 0, 0, 10), [], 'a journal never written');
    },
  ),

  law('a page is full unless it is the last, even of large chunks', async ({ storage }) => {
    const chunk = ascending(300_000);
    await storage.commit(Array.from({ length: 10 }, (_, i) => append('log', i, chunk)));
    same((await storage.scan('log', 0, 0, 9)).length, 9, 'chunks in a page of nine');
    for (const stored of await storage.scan('log', 0, 0, 100)) same(stored.chunk.length, 300_000, 'length');
  }),

  law('time only filters: a clock that went back neither reorders nor hides', async ({ storage }) => {
    const times = [50, 60, 10, 20.5, 70, -5, 60];
    await storage.commit(times.map((atMs) => append('log', atMs, ascending(1))));
    same(
      (await storage.scan('log', -100, 0, 100)).map((stored) => stored.atMs),
      times,
      'all',
    );
    same(
      (await storage.scan('log', 60, 0, 100)).map((stored) => stored.atMs),
      [60, 70, 60],
      'since 60, inclusive',
    );
    same(
      (await readJournal(storage, 'log', 20.5, 1)).map((stored) => stored.atMs),
      [50, 60, 20.5, 70, 60],
      'paged',
    );
  }),

  law('trim drops what is older, in that journal only', async (harness) => {
    const { storage } = harness;
    await storage.commit(
      [10, 20, 30, 15].flatMap((atMs) => [
        append('log', atMs, ascending(1)),
        append('other', atMs, ascending(1)),
      ]),
    );
    await storage.commit([put('log', 'x', ascending(1))]);
    await storage.trim('log', 20);
    await storage.trim('nothing', 1000);
    const reopened = await harness.reopen();
    same(
      (await reopened.scan('log', 0, 0, 10)).map((stored) => stored.atMs),
      [20, 30],
      'kept',
    );
    same((await reopened.scan('other', 0, 0, 10)).length, 4, 'chunks of the other journal');
    same((await reopened.load()).length, 1, 'entries');
  }),

  law('a large trim is complete once it resolves', async ({ storage }) => {
    await storage.commit(Array.from({ length: 5000 }, (_, i) => append('log', i, ascending(3))));
    await storage.trim('log', 4999);
    same(
      (await storage.scan('log', 0, 0, 10)).map((stored) => stored.atMs),
      [4999],
      'kept',
    );
  }),

  law(
    'positions rise and are never used twice, not even after trimming everything and reopening',
    async (harness) => {
      let storage = harness.storage;
      let last = 0;
      for (let round = 0; round < 3; round++) {
        await storage.commit([append('log', 1, ascending(1)), append('log', 1, ascending(1))]);
        const chunks = await storage.scan('log', 0, 0, 10);
        same(chunks.length, 2, 'chunks');
        for (const stored of chunks) {
          demand(stored.position > last, `position ${stored.position} does not rise above ${last}`);
          last = stored.position;
        }
        await storage.trim('log', 2);
        storage = await harness.reopen();
      }
    },
  ),

  law(
    'closing finishes what was asked before, refuses what comes after, and may be repeated',
    async (harness) => {
      const { storage } = harness;
      const commits = Array.from({ length: 50 }, (_, i) => storage.commit([put('a', `k${i}`, ascending(i))]));
      const closing = storage.close();
      const refused = await rejection(storage.commit([put('a', 'late', ascending(1))]));
      demand(isGanglionError(refused, 'closed'), `expected closed, got ${String(refused)}`);
      demand(isGanglionError(await rejection(storage.load()), 'closed'), 'load after close is refused');
      await Promise.all(commits);
      await closing;
      await storage.close();
      same((await (await harness.reopen()).load()).length, 50, 'entries');
    },
  ),

  law(
    'after a crash every acknowledged batch is there, whole; of the others a prefix, each whole or not at all',
    async (harness) => {
      let storage = harness.storage;
      let base = 0;
      for (const awaited of [0, 1, 7, 20]) {
        const issued = Array.from({ length: 20 }, (_, i) => storage.commit(numbered(base + i)));
        for (const commit of issued) commit.catch(() => undefined);
        await Promise.all(issued.slice(0, awaited));
        storage = await harness.crash();
        const found = await survivors(storage);
        demand(found >= base + awaited, `${base + awaited} batches were acknowledged, ${found} are there`);
        demand(found <= base + 20, `${found} batches are there, ${base + 20} were issued`);
        base = found;
      }
    },
  ),

  law(
    'any sequence of writes, trims and reopenings reads as the same sequence on plain maps',
    async (harness) => {
      for (let seed = 1; seed <= 3; seed++) await againstModel(harness, seed);
    },
  ),
];

function law(name: string, body: (harness: StorageHarness) => Promise<void>): StorageLaw {
  return {
    law: name,
    async run(make) {
      const harness = await make();
      try {
        await body(harness);
      } finally {
        await harness.dispose();
      }
    },
  };
}

/** Batch i of the crash law: three entries and a chunk that say the same number. */
function numbered(i: number): Write[] {
  const bytes = Uint8Array.of(i & 255, i >> 8);
  return [put('n', 'first', bytes), append('n', i, bytes), put('n', `k${i}`, bytes), put('n', 'last', bytes)];
}

/** How many batches are there, having checked that they are a prefix and that none is there in part. */
async function survivors(storage: Storage): Promise<number> {
  const entries = new Map((await storage.load()).map((entry) => [entry.key, entry.value]));
  const chunks = await storage.scan('n', 0, 0, 1000);
  const count = chunks.length;
  same(
    chunks.map((stored) => stored.atMs),
    Array.from({ length: count }, (_, i) => i),
    'chunks',
  );
  same(entries.size, count === 0 ? 0 : count + 2, 'number of entries');
  for (const key of count === 0 ? [] : ['first', 'last']) {
    const value = entries.get(key)!;
    same(value[0]! + 256 * value[1]!, count - 1, `entry ${key}`);
  }
  return count;
}

async function againstModel(harness: StorageHarness, seed: number): Promise<void> {
  const draw = multiplyWithCarry(seed);
  const scope = `s${seed}`;
  const entries = new Map<string, Uint8Array>();
  let chunks: { readonly atMs: number; readonly length: number }[] = [];
  let storage = await harness.reopen();
  const applied = (write: Write): Write => {
    if (write.kind === 'append') chunks.push({ atMs: write.atMs, length: write.chunk.length });
    else if (write.kind === 'put') entries.set(`${scope}/${write.key}`, write.value);
    else entries.delete(`${scope}/${write.key}`);
    return write;
  };
  for (let step = 0; step < 120; step++) {
    const writes: Write[] = [];
    for (let n = draw(6); n > 0; n--) {
      const key = `k${draw(12)}`;
      const choice = draw(4);
      if (choice === 0) writes.push(applied(del(scope, key)));
      else if (choice === 1) writes.push(applied(append(scope, draw(1000), ascending(draw(50)))));
      else writes.push(applied(put(scope, key, ascending(draw(200)))));
    }
    await storage.commit(writes);
    if (draw(15) === 0) {
      const beforeMs = draw(300);
      await storage.trim(scope, beforeMs);
      chunks = chunks.filter((stored) => stored.atMs >= beforeMs);
    }
    if (draw(30) === 0) storage = await (draw(2) === 0 ? harness.reopen() : harness.crash());
  }
  const own = (await storage.load()).filter((entry) => entry.collection === scope);
  sameEntries(own, entries);
  const sinceMs = draw(500);
  same(
    (await readJournal(storage, scope, sinceMs, 1 + draw(9))).map((stored) => [
      stored.atMs,
      stored.chunk.length,
    ]),
    chunks.filter((stored) => stored.atMs >= sinceMs).map((stored) => [stored.atMs, stored.length]),
    `journal of seed ${seed}`,
  );
}

async function readJournal(
  storage: Storage,
  journal: string,
  sinceMs: number,
  limit: number,
): Promise<StoredChunk[]> {
  const all: StoredChunk[] = [];
  for (let position = 0; ; ) {
    const page = await storage.scan(journal, sinceMs, position, limit);
    demand(page.length <= limit, `a page of ${page.length} where ${limit} were asked for`);
    if (page.length === 0) return all;
    for (const stored of page) {
      demand(stored.position > position, `position ${stored.position} does not rise above ${position}`);
      position = stored.position;
      all.push(stored);
    }
  }
}

function put(collection: string, key: string, value: Uint8Array): Write {
  return { kind: 'put', collection, key, value };
}

function del(collection: string, key: string): Write {
  return { kind: 'delete', collection, key };
}

function append(journal: string, atMs: number, chunk: Uint8Array): Write {
  return { kind: 'append', journal, atMs, chunk };
}

function ascending(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i & 255);
}

/** Integers from 0 up to below n. Marsaglia's multiply-with-carry: small, and enough to vary a test. */
function multiplyWithCarry(seed: number): (n: number) => number {
  let z = 362_436_069 ^ seed;
  let w = 521_288_629 + seed;
  return (n) => {
    z = (36_969 * (z & 65_535) + (z >>> 16)) >>> 0;
    w = (18_000 * (w & 65_535) + (w >>> 16)) >>> 0;
    return (((z << 16) + (w & 65_535)) >>> 0) % n;
  };
}

function same(found: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  demand(a === b, `${what}: expected ${cut(b)}, found ${cut(a)}`);
}

function sameEntries(
  found: readonly { readonly collection: string; readonly key: string; readonly value: Uint8Array }[],
  expected: ReadonlyMap<string, Uint8Array>,
): void {
  const names = found.map((entry) => `${entry.collection}/${entry.key}`);
  same([...names].sort(), [...expected.keys()].sort(), 'keys');
  for (const [i, entry] of found.entries()) {
    const value = expected.get(names[i]!)!;
    demand(
      value.length === entry.value.length && value.every((byte, at) => byte === entry.value[at]),
      `${names[i]}: ${entry.value.length} bytes that are not the ${value.length} expected`,
    );
  }
}

function cut(text: string | undefined): string {
  return text === undefined || text.length <= 300 ? String(text) : `${text.slice(0, 297)}...`;
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return new Error('it resolved');
}
