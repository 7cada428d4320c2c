import { expect, test } from 'vitest';
import { createNode, type HostedNode } from '../node.ts';
import { standard } from '../presets/standard.ts';
import type { UpMessage } from '../sync/messages.ts';

/** A cloud with two regions, and a device that may be linked to either. What is held stays on its way. */
async function tree() {
  let ms = 1000;
  let word = 1;
  const nodes: HostedNode[] = [];
  const start = async (name: string): Promise<HostedNode> => {
    const node = await createNode({
      name,
      tier: name === 'cloud' ? 'cloud' : name === 'd' ? 'device' : 'region',
      root: name === 'cloud',
      registry: standard,
      ports: {
        clock: { monotonicMs: () => ms, wallMs: () => 1_700_000_000_000 + ms },
        chance: { uint32: () => (word = (Math.imul(word, 1664525) + 1013904223) >>> 0) },
      },
    });
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
  const pass = async (forMs = 3000): Promise<void> => {
    for (const endMs = ms + forMs; ms < endMs; ) {
      ms += 50;
      for (const node of nodes) node.tick();
      for (let hop = 0; hop < 12; hop++) await undefined;
    }
  };
  const [cloud, r1, r2, d] = [await start('cloud'), await start('r1'), await start('r2'), await start('d')];
  join(r1, cloud);
  join(r2, cloud);
  return { cloud, r1, r2, d, join, pass };
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
  await cloud.apply(
    { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } },
    { name: 'me', authority: '*' },
  );
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
  await cloud.apply(
    { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } },
    { name: 'me', authority: '*' },
  );
  const link = join(d, r2);
  await pass();
  link.hold();
  await d.feedback([{ id: d.decide('p').id, reward: 1 }]);
  await pass();
  link.arrive();
  expect(outcomesAt(r2)).toBe(1);
});
