import { expect, test } from 'vitest';
import type { HostedNode } from '../node.ts';
import type { UpMessage } from '../sync/messages.ts';
import { byHand, congruential, type HandNode, handNode, me, settle } from '../testing/hand-node.ts';
import { type MemoryDisk, memoryDisk } from '../testing/memory-storage.ts';

/** A cloud with two regions, and a device that may be linked to either. What is held stays on its way. */
async function tree() {
  const hand = byHand({ chance: congruential() });
  const nodes: HandNode[] = [];
  const start = async (name: string, disk?: MemoryDisk): Promise<HandNode> => {
    const tier = name === 'cloud' ? 'cloud' : name === 'd' ? 'device' : 'region';
    const node = await handNode({ name, tier, disk, hand });
    nodes.push(node);
    return node;
  };
  const join = (child: HostedNode, parent: HostedNode) => {
    const held: UpMessage[] = [];
    let holds = false;
    const deliver = (up: UpMessage): void => parent.receiveUp(up, (down) => link.receive(down));
    const link = child.connectParent((up) => void (holds ? held.push(structuredClone(up)) : deliver(up)));
    return {
      hold: () => void (holds = true),
      arrive: () => {
        holds = false;
        for (const up of held.splice(0)) deliver(up);
      },
    };
  };
  const stop = (node: HandNode, disk: MemoryDisk): void => {
    nodes.splice(nodes.indexOf(node), 1);
    disk.crash();
  };
  /** `seen` looks after every step. */
  const pass = async (forMs = 3000, seen = (): void => {}): Promise<void> => {
    for (let left = forMs; left > 0; left -= 50) {
      await settle(nodes, 50);
      seen();
    }
  };
  const [cloud, r1, r2, d] = [await start('cloud'), await start('r1'), await start('r2'), await start('d')];
  join(r1, cloud);
  join(r2, cloud);
  return { cloud, r1, r2, d, join, pass, start, stop };
}

/** Outcomes that a node reckons with. */
function outcomesAt(node: HostedNode): number {
  const [{ slots }] = node.state.learners.values();
  const of = (evidence: unknown): number => slots.evidence?.outcomes(evidence) ?? 0;
  let n = slots.base === undefined ? 0 : of(slots.base.evidence);
  for (const slot of slots.slots.values()) if (slot.counted) n += of(slot.evidence);
  return n;
}

test('that evidence has been nowhere else was true when it was said: what comes late waits for the next total', async () => {
  const { cloud, r1, r2, d, join, pass } = await tree();
  await cloud.apply({ point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } }, me);
  const former = join(d, r2);
  await pass();
  former.hold();
  await d.feedback([{ id: d.decide('p').id, reward: 1 }]);
  await pass();
  // It moves, and r2 hears of its outcome by the cloud before it hears its last words.
  join(d, r1);
  await pass(20_000);
  expect([cloud, r1, r2, d].map(outcomesAt)).toEqual([1, 1, 1, 1]);
  former.arrive();
  expect(outcomesAt(r2)).toBe(1);
  await pass();
  expect([cloud, r1, r2, d].map(outcomesAt)).toEqual([1, 1, 1, 1]);
});

test('what is not late counts at once', async () => {
  const { cloud, r2, d, join, pass } = await tree();
  await cloud.apply({ point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } }, me);
  const link = join(d, r2);
  await pass();
  link.hold();
  await d.feedback([{ id: d.decide('p').id, reward: 1 }]);
  await pass();
  link.arrive();
  expect(outcomesAt(r2)).toBe(1);
});

test('of what an earlier process decided it is not said: the disk may be an image from before it went elsewhere', async () => {
  const { cloud, r1, r2, join, pass, start, stop } = await tree();
  await cloud.apply({ point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } }, me);
  const disk = memoryDisk();
  const once = await start('e', disk);
  join(once, r2);
  await pass();
  const { id } = once.decide('p');
  await pass();
  const image = disk.snapshot();
  stop(once, disk);
  const then = await start('e', disk);
  join(then, r2);
  await pass();
  await then.feedback([{ id, reward: 1 }]);
  await pass(20_000);
  expect([cloud, r1, r2].map(outcomesAt)).toEqual([1, 1, 1]);
  // Its disk is put back, it moves, and what came of the decision is told again.
  stop(then, disk);
  disk.restore(image);
  const now = await start('e', disk);
  join(now, r1);
  await pass();
  await now.feedback([{ id, reward: 1 }]);
  let most = 0;
  await pass(20_000, () => {
    most = Math.max(most, outcomesAt(r1));
  });
  expect(most).toBe(1);
  expect([cloud, r1, r2].map(outcomesAt)).toEqual([1, 1, 1]);
});
