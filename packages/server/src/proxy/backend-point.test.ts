import { createNode } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { expect, it } from 'vitest';
import { backendPoint } from './backend-point.ts';

it.each([
  [5000, 5000, '1m'],
  [1000, 1000, '60s'],
  [90_000, 70_000, '230s'],
  [90_000, 179_000, '230s'],
])(
  'with a deadline of %d ms an outcome that is told after %d ms is in time',
  async (deadlineMs, afterMs, window) => {
    let ms = 1000;
    const node = await createNode({
      name: 'proxy',
      tier: 'device',
      root: true,
      registry: standard,
      ports: {
        clock: { monotonicMs: () => ms, wallMs: () => 1_700_000_000_000 + ms },
        chance: { uint32: () => 7 },
      },
    });
    const spec = backendPoint({ point: 'backend', arms: ['a', 'b'], deadlineMs, holdout: 0.05 });
    expect(spec.attribution).toEqual({ window });
    await node.apply(spec, { name: 'me', authority: '*' });
    const { id } = node.decide('backend');
    ms += afterMs;
    node.tick();
    const metrics = { success: 1, latencyMs: Math.min(afterMs, deadlineMs) };
    expect(await node.feedback([{ id, metrics }])).toMatchObject([{ status: 'joined' }]);
    expect(node.report('backend', 'self')).toMatchObject({ outcomes: 1, pending: 0 });
    await node.close();
  },
);

it('what a failure is charged is the deadline for the policy too', () => {
  const policyOf = (deadlineMs: number) =>
    backendPoint({ point: 'p', arms: ['a'], deadlineMs, holdout: 0 }).policy;
  expect(policyOf(90_000)).toEqual({ kind: 'balancer', deadline: 90_000 });
  expect(policyOf(5000)).toEqual({ kind: 'balancer' });
});
