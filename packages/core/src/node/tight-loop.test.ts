import { describe, expect, test } from 'vitest';
import { createNode } from '../node.ts';
import { standard } from '../presets/standard.ts';

const me = { name: 'me', authority: '*' };

describe('an embedded node', () => {
  test('learns from feedback that its host awaits in a loop without ever ticking', async () => {
    let word = 1;
    let ms = 1000;
    const node = await createNode({
      name: 'cloud',
      tier: 'cloud',
      root: true,
      registry: standard,
      ports: {
        clock: { monotonicMs: () => ms, wallMs: () => 1_700_000_000_000 + ms },
        chance: { uint32: () => (word = (word * 1664525 + 1013904223) >>> 0) },
      },
    });
    await node.apply(
      { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'epsilon-greedy', epsilon: 0.1 } },
      me,
    );
    for (let i = 0; i < 400; i++) {
      ms += 1;
      const { id, arm } = node.decide('p', { unit: `u${i}` });
      await node.feedback([{ id, reward: arm === 'b' ? 1 : 0 }]);
    }
    const allocation = node.report('p', 'self').arms.find(({ arm }) => arm === 'b');
    expect(node.report('p', 'self').viewVersion).toBeGreaterThan(5);
    expect(allocation?.allocation).toBeGreaterThan(0.9);
  });

  test('reports itself among its nodes', async () => {
    const node = await createNode({
      name: 'cloud',
      tier: 'cloud',
      root: true,
      registry: standard,
      ports: { clock: { monotonicMs: () => 0, wallMs: () => 0 }, chance: { uint32: () => 5 } },
    });
    await node.apply({ point: 'p', arms: ['a'], fallback: 'a', policy: { kind: 'fixed', arm: 'a' } }, me);
    expect(node.reports('p').map((report) => report.node)).toEqual(['cloud']);
  });
});
