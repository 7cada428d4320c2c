import { describe, expect, test } from 'vitest';
import type { HostedNode } from '../node.ts';
import { byHand, congruential, type HandNode, handNode, join, me, settle } from '../testing/hand-node.ts';
import { type MemoryDisk, memoryDisk } from '../testing/memory-storage.ts';
import { nextOpening, openedOf, openingDigits } from './origins.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

interface Place {
  readonly name: string;
  readonly tier: 'cloud' | 'device';
  readonly disk: MemoryDisk;
}

/** One clock for all; turns of the loop carry messages and disks. */
function tree() {
  const hand = byHand({ ms: 1_000_000, chance: congruential(0x2545f491) });
  const up: HandNode[] = [];
  return {
    async start({ name, tier, disk }: Place, parent?: HostedNode): Promise<HandNode> {
      const node = await handNode({ name, tier, disk, hand });
      if (parent !== undefined) join(parent, node);
      up.push(node);
      return node;
    },
    stop(node: HandNode, place: Place): void {
      up.splice(up.indexOf(node), 1);
      place.disk.crash();
    },
    pass: (forMs: number, stepMs = 500) => settle(up, forMs, stepMs),
  };
}

const slotsOf = (node: HostedNode): string[] =>
  [...node.state.learners.values()].flatMap(({ slots }) => [...slots.slots.keys()]);

async function teach(node: HostedNode, outcomes: number): Promise<void> {
  for (let i = 0; i < outcomes; i++) {
    const { id } = node.decide('p', { unit: `u${i}` });
    await node.feedback([{ id, reward: 1 }]);
  }
}

const outcomesAt = (node: HostedNode): number => {
  const { pooled } = node.report('p', 'self');
  return pooled.ownOutcomes + pooled.othersOutcomes;
};

describe('a tree that lives for long', () => {
  test('keeps one slot for all the processes that a device ever had, and every outcome of theirs once', async () => {
    const { start, stop, pass } = tree();
    const rootPlace: Place = { name: 'cloud', tier: 'cloud', disk: memoryDisk() };
    const place: Place = { name: 'phone', tier: 'device', disk: memoryDisk() };
    let root = await start(rootPlace);
    await root.apply({ point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } }, me);
    let phone = await start(place, root);
    for (let life = 0; life < 6; life++) {
      await pass(10_000);
      await teach(phone, 3);
      await pass(10_000);
      stop(phone, place);
      phone = await start(place, root);
    }
    await pass(20_000);
    expect(slotsOf(root)).toHaveLength(6);
    await pass(8 * DAY, HOUR);
    await pass(20_000);
    expect(slotsOf(root)).toContain('cloud~retired');
    expect(slotsOf(root).length).toBeLessThanOrEqual(2);
    expect(slotsOf(phone).length).toBeLessThanOrEqual(1);
    expect(outcomesAt(root)).toBe(18);
    expect(outcomesAt(phone)).toBe(18);
    // All of it is on disk: a restarted root has it still, and refuses what it has folded.
    stop(root, rootPlace);
    root = await start(rootPlace);
    expect(root.state.folded.size).toBe(1);
    await pass(2000);
    expect(outcomesAt(root)).toBe(18);
  });
});

describe('the name of a process', () => {
  test('tells when it was opened', () => {
    const openedMs = 1_763_700_000_123;
    expect(openedOf(`phone~${openingDigits(openedMs)}0000000zzzzzzz`)).toBe(openedMs);
    expect(openedOf('cloud~retired')).toBe(0);
  });

  test('follows all that its disk knows of, but not a clock that was a year ahead', () => {
    const origin = (ms: number): string => `phone~${openingDigits(ms)}00000000000000`;
    expect(nextOpening([origin(1000), origin(5000)], 3000)).toBe(5001);
    expect(nextOpening([origin(1000)], 3000)).toBe(3000);
    expect(nextOpening([origin(365 * DAY)], 3000)).toBe(3000 + DAY);
  });
});

const LASTING = {
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'thompson' },
  attribution: { window: '20d' },
};

describe('a disk put back to an older image', () => {
  test('counts no outcome again that the tree has, and takes none of its decisions for unanswered', async () => {
    const { start, stop, pass } = tree();
    const root = await start({ name: 'cloud', tier: 'cloud', disk: memoryDisk() });
    const attribution = { window: '10m', default: { reward: 0 } };
    await root.apply(
      { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' }, attribution },
      me,
    );
    const place: Place = { name: 'phone', tier: 'device', disk: memoryDisk() };
    let phone = await start(place, root);
    await pass(10_000);
    await teach(phone, 1);
    const ids = Array.from({ length: 5 }, (_, i) => phone.decide('p', { unit: `v${i}` }).id);
    await pass(10_000);
    const image = place.disk.snapshot();
    for (const id of ids.slice(1)) await phone.feedback([{ id, reward: 1 }]);
    await pass(10_000);
    expect(outcomesAt(root)).toBe(5);

    stop(phone, place);
    place.disk.restore(image);
    phone = await start(place, root);
    await pass(10_000);
    // Whoever had no answer says it again; one was never told before. The node cannot tell one from the other.
    await phone.feedback([
      { id: ids[1], reward: 1 },
      { id: ids[0], reward: 1 },
    ]);
    await pass(10_000);
    expect(outcomesAt(root)).toBe(5);
    expect(phone.state.refused.outcome_in_doubt).toBe(2);
    // The windows of the others close: they were answered, so none of them is a failure.
    await pass(700_000, 5000);
    expect(outcomesAt(root)).toBe(5);

    // A process after that knows it still.
    stop(phone, place);
    phone = await start(place, root);
    await pass(10_000);
    await teach(phone, 2);
    await pass(10_000);
    expect(outcomesAt(root)).toBe(7);
    expect(phone.state.inDoubt.size).toBe(1);
  });

  test('nor any of what the tree has folded since', async () => {
    const { start, stop, pass } = tree();
    const rootPlace: Place = { name: 'cloud', tier: 'cloud', disk: memoryDisk() };
    let root = await start(rootPlace);
    await root.apply(LASTING, me);
    const place: Place = { name: 'phone', tier: 'device', disk: memoryDisk() };
    let phone = await start(place, root);
    await pass(10_000);
    await teach(phone, 1);
    const ids = Array.from({ length: 3 }, (_, i) => phone.decide('p', { unit: `v${i}` }).id);
    await pass(10_000);
    const image = place.disk.snapshot();
    await phone.feedback([{ id: ids[0], reward: 1 }]);
    await pass(10_000);
    stop(phone, place);
    phone = await start(place, root);
    await pass(8 * DAY, HOUR);
    await pass(10_000);
    expect(slotsOf(root)).toEqual(['cloud~retired']);
    // What is known of it outlasts the root's process.
    stop(phone, place);
    stop(root, rootPlace);
    root = await start(rootPlace);
    place.disk.restore(image);
    phone = await start(place, root);
    await pass(10_000);
    await phone.feedback(ids.slice(0, 2).map((id) => ({ id, reward: 1 })));
    await pass(10_000);
    expect(outcomesAt(root)).toBe(2);
    expect(phone.state.refused.outcome_in_doubt).toBe(2);
    expect(root.state.foldedVersions.size).toBe(1);
    // Nobody awaits anything of then any more.
    await pass(40 * DAY, 6 * HOUR);
    expect(root.state.foldedVersions.size).toBe(0);
  });

  test('but late outcomes of a disk that is in step count, though its origin was folded', async () => {
    const { start, stop, pass } = tree();
    const root = await start({ name: 'cloud', tier: 'cloud', disk: memoryDisk() });
    await root.apply(LASTING, me);
    const place: Place = { name: 'phone', tier: 'device', disk: memoryDisk() };
    let phone = await start(place, root);
    await pass(10_000);
    await teach(phone, 1);
    const { id } = phone.decide('p', { unit: 'v' });
    await pass(10_000);
    stop(phone, place);
    phone = await start(place, root);
    await pass(8 * DAY, HOUR);
    await phone.feedback([{ id, reward: 1 }]);
    await pass(10_000);
    expect(outcomesAt(root)).toBe(2);
    expect(phone.state.refused.outcome_in_doubt).toBeUndefined();
  });
});
