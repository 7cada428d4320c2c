import { describe, expect, test } from 'vitest';
import type { KindSpec, PointSpec } from '../decision/spec.ts';
import { standard } from '../presets/standard.ts';
import type { Registry } from '../registry.ts';
import { byHand, congruential, handNode, me, settle } from '../testing/hand-node.ts';
import { type MemoryDisk, memoryDisk } from '../testing/memory-storage.ts';

const MAX = 3;
const limit: KindSpec = { kind: 'limit', of: 'actions', max: MAX, per: '1h', scope: 'unit' };
const point = (guards: readonly KindSpec[] = [limit], name = 'p'): PointSpec => ({
  point: name,
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'fixed', arm: 'b' },
  guards,
});

/** One that saves whole states, as all did once. */
const whole: Registry = {
  ...standard,
  guards: {
    ...standard.guards,
    limit: (options, input) => ({ ...standard.guards.limit(options, input), pieces: undefined }),
  },
};

const hand = byHand({ chance: congruential() });
async function start(disk: MemoryDisk, registry: Registry = standard) {
  const node = await handNode({ hand, disk, registry });
  return {
    node,
    /** Until the guards were saved. */
    save: () => settle([node], 6000, 100),
    /** How often a unit may act yet. */
    left(unit: string, name = 'p'): number {
      let left = 0;
      while (node.decide(name, { unit }).reason !== 'blocked') left++;
      return left;
    },
  };
}

const pieces = (disk: MemoryDisk): ReadonlyMap<string, Uint8Array> =>
  disk.snapshot().entries.get('guard-piece') ?? new Map();

/** Which pieces are others than before. */
function changed(before: ReadonlyMap<string, Uint8Array>, after: ReadonlyMap<string, Uint8Array>): string[] {
  const same = (key: string): boolean => before.get(key)?.join() === after.get(key)?.join();
  return [...new Set([...before.keys(), ...after.keys()])].filter((key) => !same(key));
}

describe('a limit by unit on the disk', () => {
  test('is written by pieces, only those that changed, and survives a crash', async () => {
    const disk = memoryDisk();
    const { node, save } = await start(disk);
    await node.apply(point(), me);
    for (let i = 0; i < 1000; i++) node.decide('p', { unit: `u${i}` });
    await save();
    const before = pieces(disk);
    expect(before.size).toBe(Math.ceil(1000 / 32));
    for (const unit of ['u5', 'u5', 'u900']) node.decide('p', { unit });
    await save();
    expect(changed(before, pieces(disk))).toEqual(['p\n0\n0', 'p\n0\n28']);
    disk.crash();

    const again = await start(disk);
    expect(['u5', 'u900', 'u6', 'new'].map((unit) => again.left(unit))).toEqual([0, 1, 2, 3]);
    await again.save();
    // What was read need not be written: u900, u6 and the new one were.
    expect(changed(before, pieces(disk)).length).toBeLessThanOrEqual(4);
    await again.node.close();
  });

  test('that was saved whole by an earlier version is read, and is in pieces from then on', async () => {
    const disk = memoryDisk();
    const old = await start(disk, whole);
    await old.node.apply(point(), me);
    for (const unit of ['u1', 'u1', 'u2']) old.node.decide('p', { unit });
    await old.save();
    expect(pieces(disk).size).toBe(0);
    disk.crash();

    const node = await start(disk);
    await node.save();
    expect(pieces(disk).size).toBe(1);
    disk.crash();
    const again = await start(disk);
    expect(['u1', 'u2', 'u3'].map((unit) => again.left(unit))).toEqual([1, 2, 3]);
    await again.node.close();
    // The earlier version reads what this one wrote: it starts that guard afresh, and refuses nothing.
    const back = await start(disk, whole);
    expect(back.left('u1')).toBe(MAX);
    expect(back.node.nodes()[0].refused.guard_state_not_understood ?? 0).toBe(0);
    await back.node.close();
  });

  test('is kept whole by a disk that fails now and then', async () => {
    const disk = memoryDisk();
    const { node, save } = await start(disk);
    await node.apply(point(), me);
    node.decide('p', { unit: 'u1' });
    disk.faults.commitFails = 1;
    await save();
    node.decide('p', { unit: 'u1' });
    await save();
    expect(pieces(disk).size).toBe(0);
    disk.faults.commitFails = 0;
    for (let i = 0; i < 3; i++) await save();
    disk.crash();
    const again = await start(disk);
    expect(again.left('u1')).toBe(1);
    await again.node.close();
  });

  test('leaves the disk with its guard or point, and what is declared next starts in clean pieces', async () => {
    const disk = memoryDisk();
    const { node, save, left } = await start(disk);
    await node.apply(point(), me);
    await node.apply(point([limit], 'q'), me);
    for (let i = 0; i < 100; i++) for (const name of ['p', 'q']) node.decide(name, { unit: `u${i}` });
    await save();
    expect(pieces(disk).size).toBe(8);
    // Another limit in its place, of other units.
    await node.apply(point([{ ...limit, max: 2 }]), me);
    expect(left('other')).toBe(2);
    await node.remove('q', me);
    await save();
    expect([...pieces(disk).keys()]).toEqual(['p\n0\n0']);
    await node.apply(point([]), me);
    await save();
    expect(pieces(disk).size).toBe(0);
    await node.close();
  });

  test('keeps its count where guards change places, and where the declaration changed just before a crash', async () => {
    const disk = memoryDisk();
    const { node, save } = await start(disk);
    await node.apply(point(), me);
    for (const unit of ['u1', 'u1']) node.decide('p', { unit });
    await save();
    await node.apply(point([{ kind: 'exploration', floor: 0 }, limit]), me);
    await save();
    expect([...pieces(disk).keys()]).toEqual(['p\n1\n0']);
    disk.crash();
    const again = await start(disk);
    expect(again.left('u1')).toBe(1);
    await again.save();
    await again.node.apply({ ...point(), description: 'moved back' }, me);
    disk.crash();
    // As ever: states are those of the version that they were saved under.
    const last = await start(disk);
    expect(last.left('u1')).toBe(MAX);
    await last.save();
    expect([...pieces(disk).keys()]).toEqual(['p\n0\n0']);
    await last.node.close();
  });

  test('of a point that this start cannot read stays for one that can', async () => {
    const disk = memoryDisk();
    const { node, save } = await start(disk);
    await node.apply(point(), me);
    node.decide('p', { unit: 'u1' });
    await save();
    await node.close();
    const { limit: _, ...others } = standard.guards;
    const poorer = await start(disk, { ...standard, guards: others });
    expect(poorer.node.nodes()[0].problems.join()).toMatch(/point p is left out/);
    await poorer.save();
    await poorer.node.close();
    const again = await start(disk);
    expect(again.left('u1')).toBe(2);
    await again.node.close();
  });
});

test('a report tells how many units a limit knows, and no more of them: it goes up the tree every second', async () => {
  const { node } = await start(memoryDisk());
  await node.apply(point(), me);
  for (let i = 0; i < 500; i++) node.decide('p', { unit: `u${i}` });
  const { state } = node.report('p').guards[0];
  expect(state).toMatchObject({ units: 500 });
  expect(JSON.stringify(state).length).toBeLessThan(400);
});
