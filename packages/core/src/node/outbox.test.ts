import { describe, expect, test } from 'vitest';
import { handNode, me, turns } from '../testing/hand-node.ts';
import { spokenChild } from '../testing/spoken-child.ts';

/** A root with little room, and a child that brings feedback for a node which is away. */
async function flooded() {
  const node = await handNode({ tuning: { intakeMax: 10, relayMax: 10 } });
  await node.apply({ point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } }, me);
  const dev = spokenChild(node, 'dev');
  /** The newest message of the child that is acknowledged once it has said so many items. */
  const say = async (items: number): Promise<number> => {
    const feedback = Array.from({ length: items }, (_, i) => ({
      seq: i,
      item: { id: `away~x~0~${i}`, reward: 1 },
    }));
    dev.say({ feedback });
    await turns();
    return dev.heard.at(-1)?.ack ?? 0;
  };
  return { node, say };
}

describe('feedback that is relayed', () => {
  test('is acknowledged while there is room, and no more once there is none', async () => {
    const { node, say } = await flooded();
    expect(await say(10)).toBe(2);
    expect(await say(10)).toBe(2);
    expect(node.state.outbox.size).toBe(10);
    expect(node.nodes()[0].refused.feedback_without_room).toBe(10);
  });

  test('keeps the feedback of own clients out of nothing', async () => {
    const { node, say } = await flooded();
    for (let i = 0; i < 4; i++) await say(10);
    const { id } = node.decide('p');
    expect((await node.feedback([{ id, reward: 1 }]))[0].status).toBe('joined');
  });

  test('of a child that floods keeps that of the others out of nothing', async () => {
    const { node, say } = await flooded();
    for (let i = 0; i < 4; i++) await say(10);
    const quiet = spokenChild(node, 'quiet');
    const feedback = [{ seq: 1, item: { id: 'away~y~0~1', reward: 1 } }];
    quiet.say({ feedback });
    await turns();
    expect(quiet.heard.at(-1)?.ack).toBe(2);
    expect(await say(10)).toBe(2);
  });
});
