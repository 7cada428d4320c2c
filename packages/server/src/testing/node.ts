import type { HostedNode, PointSpec } from '@ganglion/core';
import { hostNode } from '../host/host-node.ts';

/** The point most tests decide. */
export const CHECKOUT: PointSpec = {
  point: 'checkout-backend',
  arms: ['a', 'b', 'c'],
  fallback: 'a',
  baseline: { kind: 'round-robin' },
  context: { region: { type: 'category' }, load: { type: 'number', min: 0 } },
  policy: { kind: 'thompson', reward: 'gaussian', halfLife: '10m' },
  objective: { success: 1, latencyMs: -0.002, range: [-2, 1] },
  guards: [
    { kind: 'holdout', share: '5%' },
    { kind: 'exploration', floor: '2%' },
  ],
  attribution: { window: '5m' },
};

/** A root on real clocks with these points declared; in memory unless given a directory. */
export async function startNode(
  specs: readonly PointSpec[] = [CHECKOUT],
  dataDir?: string,
): Promise<HostedNode> {
  const node = await hostNode({ name: 'cloud', tier: 'cloud', root: true, dataDir });
  for (const spec of specs) await node.apply(spec, { name: 'tester', authority: node.name });
  return node;
}
