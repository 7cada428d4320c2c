import { expect, test } from 'vitest';
import { createNode, type HostedNode } from '../node.ts';
import type { Actor } from '../node-api.ts';
import { standard } from '../presets/standard.ts';
import type { Registry } from '../registry.ts';
import { fakeSeals } from '../testing/fake-seals.ts';

const me: Actor = { name: 'me', authority: '*' };
const { thompson, ...few } = standard.policies;
const newer: Registry = { ...standard, policies: { ...standard.policies, novel: thompson } };
const older: Registry = { ...standard, policies: few };

let ms = 1000;
let word = 1;
const start = (name: string, root: boolean, registry: Registry): Promise<HostedNode> =>
  createNode({
    name,
    tier: root ? 'cloud' : 'device',
    root,
    registry,
    ports: {
      clock: { monotonicMs: () => ms, wallMs: () => 1_700_000_000_000 + ms },
      chance: { uint32: () => (word = (Math.imul(word, 1664525) + 1013904223) >>> 0) },
      seals: fakeSeals,
    },
  });

test('a point of a kind that a child does not know is refused there for that reason', async () => {
  const root = await start('cloud', true, newer);
  const child = await start('edge', false, older);
  const link = child.connectParent((up) => root.receiveUp(up, (down) => link.receive(down)));
  await root.apply({ point: 'z', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'novel' } }, me);
  for (let i = 0; i < 60; i++) {
    ms += 50;
    for (const node of [root, child]) node.tick();
    for (let hop = 0; hop < 12; hop++) await undefined;
  }
  expect(root.decide('z').arm).toBeTruthy();
  const why = 'policy.kind is not known here: "novel"';
  for (const ask of [() => child.decide('z'), () => child.report('z')])
    expect(ask).toThrow(
      expect.objectContaining({
        code: 'unknown_point',
        message: `z is declared, but this node cannot run it: ${why}`,
        mend: expect.not.stringContaining('PUT'),
      }),
    );
  expect(child.nodes()[0].problems.join()).toContain(why);
  expect(() => child.decide('y')).toThrow('there is no point y');
  await root.close();
  await child.close();
});
