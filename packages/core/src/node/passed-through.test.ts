import { describe, expect, test } from 'vitest';
import type { HostedNode } from '../node.ts';
import type { SlotMessage, UpMessage } from '../sync/messages.ts';
import { byHand, handNode, join, me, settle } from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/memory-storage.ts';
import { spokenChild } from '../testing/spoken-child.ts';

const spec = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } };
const LEARNER = 'p|thompson/1';

/** A root that may be started again. */
function place() {
  const hand = byHand();
  const disk = memoryDisk();
  return { start: () => handNode({ hand, disk }), disk };
}

/** A child that says these slots, once it knows who it speaks to. */
const say = (node: HostedNode, slots: readonly SlotMessage[], child = 'dev'): void => {
  spokenChild(node, child).say({ slots });
};

describe('bytes of a learner that nobody here understands yet', () => {
  /** A child guesses the key that the learner will have after the next reset. */
  async function poisoned(bytes: (node: HostedNode) => Uint8Array) {
    const at = place();
    const node = await at.start();
    await node.apply(spec, me);
    const key = [...node.state.learners.keys()].find((each) => each.startsWith(LEARNER)) as string;
    const next = key.replace(/\|0$/, '|1');
    say(node, [{ key: next, origin: 'dev~x1', version: 1, onlyVia: '', bytes: bytes(node) }]);
    await settle([node], 1000);
    expect(node.state.learners.get(next)?.slots.slots.size).toBe(1);
    return { ...at, node, next };
  }

  test('are no reason not to start again once they are understood', async () => {
    const { node, start, next } = await poisoned(() => new Uint8Array([255, 255, 1, 2, 3]));
    await node.reset({ point: 'p', reason: 'start anew', by: me });
    await settle([node], 1000);
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
    const { node, next } = await poisoned((root) => {
      const { evidence } = [...root.state.learners.values()][0].slots;
      const { id } = root.decide('p');
      void root.feedback([{ id, reward: 1 }]);
      const [own] = [...[...root.state.learners.values()][0].slots.slots.values()];
      const outsized = evidence!.scale(own.evidence, 1e30);
      for (const row of (outsized as { arms: Map<string, Float64Array> }).arms.values()) row[0] = 1e30;
      return evidence!.encode(outsized);
    });
    await node.reset({ point: 'p', reason: 'start anew', by: me });
    await settle([node], 1000);
    expect(node.state.learners.get(next)?.slots.slots.size).toBe(0);
    expect(node.state.refused).toHaveProperty('implausible_evidence');
  });
});

test('a point that was deleted and is declared again starts afresh', async () => {
  const at = place();
  const node = await at.start();
  await node.apply(spec, me);
  for (let i = 0; i < 20; i++) await node.feedback([{ id: node.decide('p').id, reward: 1 }]);
  expect(node.report('p', 'self').pooled.ownOutcomes).toBe(20);
  await node.remove('p', me, 'enough');
  await node.apply(spec, me);
  expect(node.report('p', 'self').pooled.ownOutcomes).toBe(0);
});

test('slots go up in messages that a link takes, however many there are', async () => {
  const root = await handNode({ disk: memoryDisk() });
  const region = await handNode({ name: 'region', tier: 'region', disk: memoryDisk() });
  const sizes: number[] = [];
  const up = (message: UpMessage) => {
    sizes.push(message.slots.reduce((sum, { bytes }) => sum + bytes.length, 0));
    return message;
  };
  join(root, region, { up });
  await settle([root, region], 60_000);
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
  await settle([root, region], 60_000);
  expect(root.state.learners.get('later|x/1|h|0')?.slots.slots.size).toBe(20);
  expect(Math.max(...sizes)).toBeLessThan(6 << 20);
});
