import { expect, test } from 'vitest';
import { createNode, type HostedNode } from '../node.ts';
import { standard } from '../presets/standard.ts';

const me = { name: 'me', authority: '*' };

/** A root, regions a and b below it, and a device below each. */
async function tree() {
  let ms = 1000;
  let word = 1;
  const nodes: Record<string, HostedNode> = {};
  const parents: Record<string, string> = { a: 'cloud', b: 'cloud', 'a-phone': 'a', 'b-phone': 'b' };
  for (const name of ['cloud', ...Object.keys(parents)]) {
    const node = await createNode({
      name,
      tier: name === 'cloud' ? 'cloud' : name.endsWith('phone') ? 'device' : 'region',
      root: name === 'cloud',
      registry: standard,
      ports: {
        clock: { monotonicMs: () => ms, wallMs: () => 1_700_000_000_000 + ms },
        chance: { uint32: () => (word = (Math.imul(word, 1664525) + 1013904223) >>> 0) },
      },
    });
    nodes[name] = node;
    const parent = nodes[parents[name]];
    if (parent === undefined) continue;
    const link = node.connectParent((up) => parent.receiveUp(up, (down) => link.receive(down)));
  }
  const pass = async (forMs: number): Promise<void> => {
    for (const endMs = ms + forMs; ms < endMs; ) {
      ms += 100;
      for (const node of Object.values(nodes)) node.tick();
      for (let hop = 0; hop < 12; hop++) await undefined;
    }
  };
  await pass(5000);
  return { nodes, pass };
}

test('of a kill that was said below only those below that are listed: nobody else obeys it', async () => {
  const { nodes, pass } = await tree();
  await nodes.b.kill({ scope: '*', reason: 'x', by: me });
  await pass(5000);
  const listed = (at: string): readonly string[] =>
    nodes[at]
      .controls()
      .kills.flatMap(({ acknowledgements }) => acknowledgements.map(({ node, state }) => `${node} ${state}`));
  expect(listed('cloud')).toEqual(['b acknowledged', 'b-phone acknowledged']);
  expect(listed('b')).toEqual(['b acknowledged', 'b-phone acknowledged']);
  expect(listed('a')).toEqual([]);
  await nodes.cloud.kill({ scope: 'point:p', reason: 'x', by: me });
  await pass(5000);
  expect(
    nodes.cloud
      .controls()
      .kills.map(({ acknowledgements }) => acknowledgements.length)
      .sort(),
  ).toEqual([2, 5]);
});
