import { describe, expect, test } from 'vitest';
import { congruential, handNode, me } from '../testing/hand-node.ts';

describe('an embedded node', () => {
  test('learns from feedback that its host awaits in a loop without ever ticking', async () => {
    const node = await handNode({ chance: congruential() });
    await node.apply(
      { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'epsilon-greedy', epsilon: 0.1 } },
      me,
    );
    for (let i = 0; i < 400; i++) {
      node.hand.ms += 1;
      const { id, arm } = node.decide('p', { unit: `u${i}` });
      await node.feedback([{ id, reward: arm === 'b' ? 1 : 0 }]);
    }
    const allocation = node.report('p', 'self').arms.find(({ arm }) => arm === 'b');
    expect(node.report('p', 'self').viewVersion).toBeGreaterThan(5);
    expect(allocation?.allocation).toBeGreaterThan(0.9);
  });

  test('reports itself among its nodes', async () => {
    const node = await handNode({ chance: { uint32: () => 5 } });
    await node.apply({ point: 'p', arms: ['a'], fallback: 'a', policy: { kind: 'fixed', arm: 'a' } }, me);
    expect(node.reports('p').map((report) => report.node)).toEqual(['cloud']);
  });
});
