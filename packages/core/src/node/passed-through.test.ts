import { describe, expect, test } from 'vitest';
import { createNode, type HostedNode } from '../node.ts';
import type { Actor } from '../node-api.ts';
import { standard } from '../presets/standard.ts';
import type { SlotMessage } from '../sync/messages.ts';
import { memoryDisk } from '../testing/memory-storage.ts';
import { spokenChild } from '../testing/spoken-child.ts';

const me: Actor = { name: 'me', authority: '*' };
const spec = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } };
const LEARNER = 'p|thompson/1';

async function place(name = 'cloud', root = true) {
  let ms = 1000;
  let word = 1;
  const disk = memoryDisk();
  const start = (): Promise<HostedNode> =>
    createNode({
      name,
      tier: root ? 'cloud' : 'region',
      root,
      registry: standard,
      ports: {
        clock: { monotonicMs: () => ms, wallMs: () => 1_700_000_000_000 + ms },
        chance: { uint32: () => word++ },
        storage: disk.open(),
      },
    });
  const settle = async (node: HostedNode): Promise<void> => {
    for (let i = 0; i < 20; i++) {
      ms += 50;
      node.tick();
      for (let hop = 0; hop < 12; hop++) await undefined;
    }
  };
  return { start, settle, disk };
}

/** A child that says these slots, once it knows who it speaks to. */
const say = (node: HostedNode, slots: readonly SlotMessage[], child = 'dev'): void => {
  spokenChild(node, child).say({ slots });
};

describe('bytes of a learner that nobody here understands yet', () => {
  /** A child guesses the key that the learner will have after the next reset. */
  async function poisoned(bytes: (node: HostedNode) => Uint8Array) {
    const at = await place();
    const node = await at.start();
    await node.apply(spec, me);
    const key = [...node.state.learners.keys()].find((each) => each.startsWith(LEARNER)) as string;
    const next = key.replace(/\|0$/, '|1');
    say(node, [{ key: next, origin: 'dev~x1', version: 1, onlyVia: '', bytes: bytes(node) }]);
    await at.settle(node);
    expect(node.state.learners.get(next)?.slots.slots.size).toBe(1);
    return { ...at, node, next };
  }

  test('are no reason not to start again once they are understood', async () => {
    const { node, start, settle, next } = await poisoned(() => new Uint8Array([255, 255, 1, 2, 3]));
    await node.reset({ point: 'p', reason: 'start anew', by: me });
    await settle(node);
    expect(node.state.learners.get(next)?.slots.slots.size).toBe(0);
    await node.close();
    const again = await start();
    expect(again.decide('p').reason).toBe('policy');
    expect(again.state.learners.get(next)?.slots.slots.size ?? 0).toBe(0);
  });

  test('nor where the process ended before anybody looked at them', async () => {
    const { node, start, disk } = await poisoned(() => new Uint8Array([255, 255, 1, 2, 3]));
    await node.reset({ point: 'p', reason: 'start anew', by: me });
    disk.crash();
    const again = await start();
    expect(again.decide('p').arm).not.toBeNull();
  });

  test('are checked then as they would have been on the way in', async () => {
    const { node, settle, next } = await poisoned((root) => {
      const { evidence } = [...root.state.learners.values()][0].slots;
      const { id } = root.decide('p');
      void root.feedback([{ id, reward: 1 }]);
      const [own] = [...[...root.state.learners.values()][0].slots.slots.values()];
      const outsized = evidence!.scale(own.evidence, 1e30);
      for (const row of (outsized as { arms: Map<string, Float64Array> }).arms.values()) row[0] = 1e30;
      return evidence!.encode(outsized);
    });
    await node.reset({ point: 'p', reason: 'start anew', by: me });
    await settle(node);
    expect(node.state.learners.get(next)?.slots.slots.size).toBe(0);
    expect(node.state.refused).toHaveProperty('implausible_evidence');
  });
});

test('a point that was deleted and is declared again starts afresh', async () => {
  const at = await place();
  const node = await at.start();
  await node.apply(spec, me);
  for (let i = 0; i < 20; i++) await node.feedback([{ id: node.decide('p').id, reward: 1 }]);
  expect(node.report('p', 'self').pooled.ownOutcomes).toBe(20);
  await node.remove('p', me, 'enough');
  await node.apply(spec, me);
  expect(node.report('p', 'self').pooled.ownOutcomes).toBe(0);
});

test('slots go up in messages that a link takes, however many there are', async () => {
  const [above, here] = [await place(), await place('region', false)];
  const [root, region] = [await above.start(), await here.start()];
  const sizes: number[] = [];
  const link = region.connectParent((up) => {
    sizes.push(up.slots.reduce((sum, { bytes }) => sum + bytes.length, 0));
    root.receiveUp(up, (down) => link.receive(down));
  });
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 60; i++) {
      await above.settle(root);
      await here.settle(region);
    }
  };
  await settle();
  for (let i = 0; i < 20; i++)
    say(
      region,
      [
        {
          key: 'later|x/1|h|0',
          origin: `dev${i}~x1`,
          version: 1,
          onlyVia: '',
          bytes: new Uint8Array(900_000),
        },
      ],
      `dev${i}`,
    );
  await settle();
  expect(root.state.learners.get('later|x/1|h|0')?.slots.slots.size).toBe(20);
  expect(Math.max(...sizes)).toBeLessThan(6 << 20);
});
