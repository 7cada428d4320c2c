import { describe, expect, test } from 'vitest';
import type { Chance, Storage, Write } from '../ports.ts';
import { type MemoryDisk, type MemoryDiskOptions, memoryDisk, memoryStorage } from './memory-storage.ts';
import { type MakeStorage, storageLaws } from './storage-laws.ts';

const put = (key: string, n: number): Write => ({
  kind: 'put',
  collection: 'a',
  key,
  value: Uint8Array.of(n),
});
const append = (atMs: number): Write => ({ kind: 'append', journal: 'log', atMs, chunk: new Uint8Array(10) });
const keys = async (storage: Storage): Promise<string[]> =>
  (await storage.load()).map((entry) => entry.key).sort();

/** A fixed cycle of draws, as shares of 2^32. */
const chanceOf = (...shares: number[]): Chance => {
  let i = 0;
  return { uint32: () => Math.floor(shares[i++ % shares.length]! * 2 ** 32) };
};

/** Steps wait until they are told to run: virtual time, by hand. */
function manual(): {
  schedule: NonNullable<MemoryDiskOptions['schedule']>;
  steps: string[];
  next(): Promise<void>;
} {
  const waiting: (() => void)[] = [];
  const steps: string[] = [];
  return {
    schedule: (run, step) => {
      waiting.push(run);
      steps.push(step);
    },
    steps,
    async next() {
      waiting.shift()?.();
      for (let i = 0; i < 5; i++) await Promise.resolve();
    },
  };
}

async function settled(promise: Promise<unknown>): Promise<'pending' | 'resolved' | string> {
  let state = 'pending';
  promise.then(
    () => (state = 'resolved'),
    (error) => (state = error.code),
  );
  for (let i = 0; i < 5; i++) await Promise.resolve();
  return state;
}

/** Storage on a memory disk; `spoil` may put a mistake between the two. */
const makeWith =
  (
    options: () => MemoryDiskOptions,
    spoil: (storage: Storage) => Storage = (storage) => storage,
  ): MakeStorage =>
  async () => {
    const disk = memoryDisk(options());
    let storage = spoil(disk.open());
    return {
      storage,
      async reopen() {
        await storage.close();
        storage = spoil(disk.open());
        return storage;
      },
      async crash() {
        disk.crash();
        storage = spoil(disk.open());
        return storage;
      },
      dispose: () => storage.close(),
    };
  };

describe('memory storage keeps every law of Storage', () => {
  for (const { law, run } of storageLaws) {
    test(law, () => run(makeWith(() => ({}))));
    test(`${law} (answers at once)`, () => run(makeWith(() => ({ schedule: (step) => step() }))));
  }
});

describe('the laws catch a store that', () => {
  const mistakes: Record<string, (storage: Storage) => Storage> = {
    'acknowledges before it is durable': (storage) => ({
      ...storage,
      commit: async (writes) => void storage.commit(writes).catch(() => undefined),
    }),
    'commits a batch in pieces': (storage) => ({
      ...storage,
      async commit(writes) {
        for (const write of writes) await storage.commit([write]);
      },
    }),
    'trims one millisecond too much': (storage) => ({
      ...storage,
      trim: (journal, beforeMs) => storage.trim(journal, beforeMs + 1),
    }),
    'forgets to trim': (storage) => ({ ...storage, trim: async () => undefined }),
    'leaves out the chunk at `sinceMs`': (storage) => ({
      ...storage,
      scan: (journal, sinceMs, position, limit) => storage.scan(journal, sinceMs + 1e-6, position, limit),
    }),
    'includes the chunk at `position`': (storage) => ({
      ...storage,
      scan: (journal, sinceMs, position, limit) => storage.scan(journal, sinceMs, position - 1, limit),
    }),
    'cuts pages short': (storage) => ({
      ...storage,
      scan: async (...args) => (await storage.scan(...args)).slice(0, 8),
    }),
    'reads the journal by time': (storage) => ({
      ...storage,
      scan: async (...args) => (await storage.scan(...args)).sort((a, b) => a.atMs - b.atMs),
    }),
    'mixes collections': (storage) => ({
      ...storage,
      commit: (writes) =>
        storage.commit(
          writes.map((write) =>
            write.kind === 'append' ? write : { ...write, collection: '', key: write.collection + write.key },
          ),
        ),
    }),
    'copies the bytes too late': (storage) => ({
      ...storage,
      commit: async (writes) => {
        await Promise.resolve();
        await storage.commit(writes);
      },
    }),
    'drops deletions': (storage) => ({
      ...storage,
      commit: (writes) => storage.commit(writes.filter((write) => write.kind !== 'delete')),
    }),
  };
  for (const [mistake, spoil] of Object.entries(mistakes)) {
    test(mistake, async () => {
      const outcomes = await Promise.allSettled(
        storageLaws.map(({ run }) => run(makeWith(() => ({}), spoil))),
      );
      expect(outcomes.filter((outcome) => outcome.status === 'rejected').length).toBeGreaterThan(0);
    });
  }
});

describe('a crash', () => {
  test('takes what had not taken effect, and nothing else', async () => {
    const time = manual();
    const disk = memoryDisk({ schedule: time.schedule });
    const first = disk.open();
    const acknowledged = first.commit([put('x', 1)]);
    await time.next();
    await time.next();
    expect(await settled(acknowledged)).toBe('resolved');
    const pending = first.commit([put('y', 2), put('z', 3)]);
    expect(disk.crash()).toEqual({ unacknowledged: 1, unheard: 0, lied: 0 });
    for (let i = 0; i < 4; i++) await time.next();
    expect(await settled(pending)).toBe('pending');
    const again = memoryDisk().open();
    expect(await keys(again)).toEqual([]);
    expect([...disk.snapshot().entries.get('a')!.keys()]).toEqual(['x']);
  });

  test('between the disk and the answer leaves the batch durable and its promise open for ever', async () => {
    const time = manual();
    const disk = memoryDisk({ schedule: time.schedule });
    const commit = disk.open().commit([put('x', 1)]);
    await time.next();
    expect(time.steps).toEqual(['commit', 'acknowledge']);
    expect(disk.crash()).toEqual({ unacknowledged: 0, unheard: 1, lied: 0 });
    for (let i = 0; i < 4; i++) await time.next();
    expect(await settled(commit)).toBe('pending');
    expect([...disk.snapshot().entries.get('a')!.keys()]).toEqual(['x']);
  });

  test('silences the storage of the dead process for good', async () => {
    const disk = memoryDisk();
    const dead = disk.open();
    disk.crash();
    expect(await settled(dead.commit([put('x', 1)]))).toBe('pending');
    expect(await keys(disk.open())).toEqual([]);
  });
});

describe('a full disk', () => {
  test('refuses what grows, loses nothing, still lets go, and takes writes again once there is space', async () => {
    const disk = memoryDisk({ capacityBytes: 100 });
    const storage = disk.open();
    await storage.commit([append(1), append(2), put('x', 1)]);
    const before = disk.usedBytes();
    await expect(storage.commit([put('x', 2), append(3), append(4)])).rejects.toMatchObject({
      code: 'storage_full',
    });
    expect(disk.usedBytes()).toBe(before);
    expect((await storage.load())[0]!.value).toEqual(Uint8Array.of(1));
    await storage.trim('log', 3);
    await storage.commit([put('x', 2), append(3), append(4)]);
    expect((await storage.scan('log', 0, 0, 10)).map((stored) => stored.position)).toEqual([3, 4]);
    disk.capacityBytes = 0;
    await storage.commit([{ kind: 'delete', collection: 'a', key: 'x' }]);
    await storage.trim('log', 9);
    expect(disk.usedBytes()).toBe(0);
  });
});

describe('a lying disk', () => {
  test('loses acknowledged commits, newest first, and is named', async () => {
    // Cut at 1 of 0..3: one of the three cached commits had been written back.
    const disk = memoryDisk({ faults: { lies: 1 }, chance: { uint32: () => 5 } });
    const storage = disk.open();
    for (const key of ['x', 'y', 'z']) await storage.commit([put(key, 1), append(1)]);
    expect(await keys(storage)).toEqual(['x', 'y', 'z']);
    expect(disk.crash()).toEqual({ unacknowledged: 0, unheard: 0, lied: 2 });
    expect(disk.liedCommits()).toBe(2);
    const left = disk.open();
    expect(await keys(left)).toEqual(['x']);
    expect((await left.scan('log', 0, 0, 10)).length).toBe(1);
  });

  test('an honest flush makes earlier lies true', async () => {
    const disk = memoryDisk({ faults: { lies: 1 } });
    const storage = disk.open();
    await storage.commit([put('x', 1)]);
    disk.faults.lies = 0;
    await storage.commit([put('y', 1)]);
    expect(disk.crash().lied).toBe(0);
    expect(await keys(disk.open())).toEqual(['x', 'y']);
  });

  test('takes back replaced values, deletions and trims as well', async () => {
    const disk = memoryDisk();
    const storage = disk.open();
    await storage.commit([put('x', 1), put('y', 1), append(1), append(2)]);
    const image = disk.snapshot();
    disk.faults.lies = 1;
    await storage.commit([put('x', 2), { kind: 'delete', collection: 'a', key: 'y' }, append(3)]);
    await storage.trim('log', 3);
    expect(disk.snapshot()).not.toEqual(image);
    expect(disk.crash()).toEqual({ unacknowledged: 0, unheard: 0, lied: 1 });
    expect(disk.snapshot()).toEqual(image);
  });

  test('did not lie to a caller that never heard', async () => {
    const time = manual();
    const disk = memoryDisk({ schedule: time.schedule, faults: { lies: 1 } });
    void disk.open().commit([put('x', 1)]);
    await time.next();
    expect(disk.crash()).toEqual({ unacknowledged: 1, unheard: 0, lied: 0 });
  });
});

describe('faults', () => {
  test('are drawn from the chance given, and leave nothing of a refused batch', async () => {
    const disk = memoryDisk({ faults: { commitFails: 0.5 }, chance: chanceOf(0.4, 0.6) });
    const storage = disk.open();
    const outcomes = await Promise.allSettled(
      [1, 2, 3, 4].map((n) => storage.commit([put(`k${n}`, n), append(n)])),
    );
    expect(outcomes.map((outcome) => outcome.status)).toEqual([
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(await keys(storage)).toEqual(['k2', 'k4']);
    expect((await storage.scan('log', 0, 0, 10)).map((stored) => stored.atMs)).toEqual([2, 4]);
  });

  test('carry the codes of Storage', async () => {
    const disk = memoryDisk();
    const storage = disk.open();
    disk.faults.full = 1;
    await expect(storage.commit([put('x', 1)])).rejects.toMatchObject({ code: 'storage_full' });
    disk.faults.readFails = 1;
    await expect(storage.load()).rejects.toMatchObject({ code: 'storage_failed' });
    disk.faults.corrupt = true;
    await expect(storage.scan('log', 0, 0, 1)).rejects.toMatchObject({ code: 'storage_corrupt' });
  });

  test('a probability without chance is said, not guessed', async () => {
    const storage = memoryDisk({ faults: { commitFails: 0.5 } }).open();
    await expect(storage.commit([put('x', 1)])).rejects.toMatchObject({
      code: 'invalid_spec',
      field: 'chance',
    });
  });
});

describe('images', () => {
  test('an old image restored is the old state, and stays as it is whatever comes after', async () => {
    const disk = memoryDisk();
    const storage = disk.open();
    await storage.commit([put('x', 1), append(1)]);
    const image = disk.snapshot();
    await storage.commit([put('x', 2), put('y', 2), append(2)]);
    expect(() => disk.restore(image)).toThrow(/in use/);
    disk.crash();
    for (let round = 0; round < 2; round++) {
      disk.restore(image);
      const restored = disk.open();
      expect((await restored.load()).map((entry) => entry.value[0])).toEqual([1]);
      await restored.commit([put('x', 3), append(3)]);
      expect((await restored.scan('log', 0, 0, 10)).map((stored) => stored.position)).toEqual([1, 2]);
      await restored.close();
    }
  });

  test('a clone starts equal and goes its own way', async () => {
    const disk = memoryDisk();
    const storage = disk.open();
    await storage.commit([put('x', 1)]);
    const twin: MemoryDisk = disk.clone();
    await twin.open().commit([put('y', 1)]);
    expect(await keys(storage)).toEqual(['x']);
    expect([...twin.snapshot().entries.get('a')!.keys()]).toEqual(['x', 'y']);
  });

  test('one storage at a time', async () => {
    const disk = memoryDisk();
    const storage = disk.open();
    expect(() => disk.open()).toThrow(/Another storage is open/);
    await storage.close();
    await disk.open().close();
    await memoryStorage().close();
  });
});
