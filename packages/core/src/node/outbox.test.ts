import { describe, expect, test } from 'vitest';
import { createNode } from '../node.ts';
import { standard } from '../presets/standard.ts';
import { type DownMessage, PROTOCOL, type UpMessage } from '../sync/messages.ts';
import { spokenChild } from '../testing/spoken-child.ts';

const me = { name: 'me', authority: '*' };

/** A root with little room, and a child that brings feedback for a node which is away. */
async function flooded() {
  let word = 1;
  const node = await createNode({
    name: 'cloud',
    tier: 'cloud',
    root: true,
    registry: standard,
    ports: {
      clock: { monotonicMs: () => 1000, wallMs: () => 1_700_000_000_000 },
      chance: { uint32: () => word++ },
    },
    tuning: { intakeMax: 10, relayMax: 10 },
  });
  await node.apply({ point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } }, me);
  let down: DownMessage | undefined;
  const say = async (seq: number, items: number): Promise<number> => {
    const up: UpMessage = {
      v: PROTOCOL,
      node: 'dev',
      incarnation: 'x1',
      tier: 'device',
      parentIncarnation: down?.incarnation ?? '',
      connection: 1,
      session: down?.session ?? 0,
      seq,
      heardDown: down?.seq ?? 0,
      content: items > 0,
      complete: true,
      slots: [],
      learners: [],
      digest: '',
      joined: '',
      controls: null,
      applied: [],
      feedback: Array.from({ length: items }, (_, i) => ({
        seq: i,
        item: { id: `away~x~0~${i}`, reward: 1 },
      })),
      feedbackAcks: [],
      telemetry: [],
      share: 0,
      asks: [],
    };
    node.receiveUp(up, (message) => {
      down = message;
    });
    for (let i = 0; i < 10; i++) await undefined;
    return down?.ack ?? 0;
  };
  await say(1, 0);
  return { node, say };
}

describe('feedback that is relayed', () => {
  test('is acknowledged while there is room, and no more once there is none', async () => {
    const { node, say } = await flooded();
    expect(await say(2, 10)).toBe(2);
    expect(await say(3, 10)).toBe(2);
    expect(node.state.outbox.size).toBe(10);
    expect(node.nodes()[0].refused.feedback_without_room).toBe(10);
  });

  test('keeps the feedback of own clients out of nothing', async () => {
    const { node, say } = await flooded();
    for (let seq = 2; seq < 6; seq++) await say(seq, 10);
    const { id } = node.decide('p');
    expect((await node.feedback([{ id, reward: 1 }]))[0].status).toBe('joined');
  });

  test('of a child that floods keeps that of the others out of nothing', async () => {
    const { node, say } = await flooded();
    for (let seq = 2; seq < 6; seq++) await say(seq, 10);
    const quiet = spokenChild(node, 'quiet');
    const feedback = [{ seq: 1, item: { id: 'away~y~0~1', reward: 1 } }];
    quiet.say({ feedback });
    for (let i = 0; i < 10; i++) await undefined;
    expect(quiet.heard.at(-1)?.ack).toBe(2);
    expect(await say(6, 10)).toBe(2);
  });
});
