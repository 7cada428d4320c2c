import { expect, test } from 'vitest';
import { byHand, congruential, type HandNode, handNode, join, me, settle } from '../testing/hand-node.ts';

/** A root, regions a and b below it, and a device below each. */
async function tree() {
  const hand = byHand({ chance: congruential() });
  const nodes: Record<string, HandNode> = {};
  const parents: Record<string, string> = { a: 'cloud', b: 'cloud', 'a-phone': 'a', 'b-phone': 'b' };
  for (const name of ['cloud', ...Object.keys(parents)]) {
    const tier = name === 'cloud' ? 'cloud' : name.endsWith('phone') ? 'device' : 'region';
    nodes[name] = await handNode({ name, tier, hand });
    if (name !== 'cloud') join(nodes[parents[name]], nodes[name]);
  }
  const pass = (): Promise<void> => settle(Object.values(nodes), 5000, 100);
  await pass();
  return { nodes, pass };
}

test('of a kill that was said below only those below that are listed: nobody else obeys it', async () => {
  const { nodes, pass } = await tree();
  await nodes.b.kill({ scope: '*', reason: 'x', by: me });
  await pass();
  const listed = (at: string): readonly string[] =>
    nodes[at]
      .controls()
      .kills.flatMap(({ acknowledgements }) => acknowledgements.map(({ node, state }) => `${node} ${state}`));
  expect(listed('cloud')).toEqual(['b acknowledged', 'b-phone acknowledged']);
  expect(listed('b')).toEqual(['b acknowledged', 'b-phone acknowledged']);
  expect(listed('a')).toEqual([]);
  await nodes.cloud.kill({ scope: 'point:p', reason: 'x', by: me });
  await pass();
  expect(
    nodes.cloud
      .controls()
      .kills.map(({ acknowledgements }) => acknowledgements.length)
      .sort(),
  ).toEqual([2, 5]);
});
