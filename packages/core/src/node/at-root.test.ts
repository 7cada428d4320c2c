import { describe, expect, test } from 'vitest';
import { handNode, join, me, settle } from '../testing/hand-node.ts';

const SPEC = {
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'fixed', arm: 'b' },
  oversight: { lease: '3s' },
};

/** A root and a device that hangs below it, and goes by its declaration. */
async function tree() {
  const root = await handNode();
  const device = await handNode({ name: 'dev', hand: root.hand });
  await root.apply(SPEC, me);
  const way = { isCut: false };
  join(root, device, { down: (message) => (way.isCut ? undefined : message) });
  await settle([root, device]);
  return { root, device, way };
}

describe('what is said of the whole tree is said at its root', () => {
  test.each([
    ['declare', (node: Node) => node.apply({ ...SPEC, oversight: { lease: 'none' } }, me)],
    ['set weights', (node: Node) => node.reweigh({ point: 'p', weights: { x: 1 }, reason: 'why', by: me })],
    ['delete', (node: Node) => node.remove('p', me)],
    ['reset', (node: Node) => node.reset({ point: 'p', reason: 'why', by: me })],
  ])('a device may not %s, and is told where to', async (_what, say) => {
    const { root, device } = await tree();
    await expect(say(device)).rejects.toMatchObject({
      code: 'forbidden',
      field: 'node',
      value: '"dev"',
      mend: expect.stringContaining('/v1/nodes'),
    });
    await settle([root, device]);
    expect(device.point('p')).toEqual(root.point('p'));
    expect(device.decide('p')).toMatchObject({ arm: 'b', reason: 'policy' });
  });

  test('so the lease it goes by is the one that the bound of a kill rests on', async () => {
    const { root, device, way } = await tree();
    await device.apply({ ...SPEC, oversight: { lease: 'none' } }, me).catch(() => {});
    way.isCut = true;
    const { boundMs } = await root.kill({ scope: 'point:p', reason: 'why', by: me });
    root.hand.ms = (boundMs as number) - root.hand.bootMs + 1;
    expect(device.decide('p')).toMatchObject({ arm: 'a', reason: 'lease_expired' });
  });
});

type Node = Awaited<ReturnType<typeof handNode>>;

describe('a node that has been closed', () => {
  test('goes on answering with the fallback, and does not look well', async () => {
    const node = await handNode();
    await node.apply(SPEC, me);
    expect(node.decide('p')).toMatchObject({ arm: 'b', reason: 'policy' });
    await node.close();
    for (const decision of [node.decide('p'), await node.decideAsync('p')]) {
      expect(decision).toMatchObject({ arm: 'a', reason: 'error', propensity: 1 });
      expect(decision.trail).toEqual([{ guard: 'node', kind: 'block', why: 'this node has been closed' }]);
    }
    expect(node.nodes()[0]).toMatchObject({ health: 'degraded', problems: ['it has been closed'] });
  });
});
