import { randomBytes } from 'node:crypto';
import { createNode, type GanglionNode, type HostedNode, type PointSpec, type Storage } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';

export const OPERATOR = { name: 'tester', authority: 'cloud' } as const;

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

/** A real node on real clocks, ticking; without storage unless one is given. */
export async function startNode(
  options: { readonly name?: string; readonly storage?: Storage } = {},
): Promise<HostedNode> {
  const node = await createNode({
    name: options.name ?? 'cloud',
    tier: 'cloud',
    root: true,
    registry: standard,
    ports: {
      clock: { monotonicMs: () => performance.now(), wallMs: () => Date.now() },
      chance: { uint32: () => randomBytes(4).readUInt32LE() },
      storage: options.storage,
    },
    timeout: (ms) => new Promise((resolve) => setTimeout(resolve, ms).unref()),
  });
  const timer = setInterval(() => node.tick(), 5);
  const close = node.close.bind(node);
  return Object.assign(node, {
    close: async () => {
      clearInterval(timer);
      await close();
    },
  });
}

/** The same with one point declared. */
export async function startWithPoint(spec: PointSpec = CHECKOUT): Promise<GanglionNode> {
  const node = await startNode();
  await node.apply(spec, { name: OPERATOR.name, authority: node.name });
  return node;
}
