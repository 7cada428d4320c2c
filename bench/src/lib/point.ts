import type { Actor, DecideInput, HostedNode, PointSpec } from '@ganglion/core';

/** Whoever declares points here. */
export const BENCH: Actor = { name: 'bench', authority: '*' };

const ARMS = Array.from({ length: 10 }, (_, i) => `arm-${i}`);

/**
 * The point that every story decides: ten arms learned by Thompson sampling, five guards, a context of two fields.
 * Nine in ten units reach the policy; the others are the holdout and those not rolled out yet.
 */
export const POINT: PointSpec = {
  point: 'bench',
  arms: ARMS,
  fallback: ARMS[0],
  context: {
    region: { type: 'category', values: ['eu', 'us', 'asia'] },
    load: { type: 'number', min: 0, max: 1 },
  },
  policy: { kind: 'thompson', halfLife: '10m' },
  guards: [
    { kind: 'holdout', share: '5%' },
    { kind: 'rollout', stages: ['95%'] },
    { kind: 'breaker', failureRate: 0.5, minCalls: 100, openFor: '30s', probes: 5 },
    { kind: 'confidence', min: 0.7, margin: 0.02, otherwise: ['soften'] },
    { kind: 'exploration', floor: '2%' },
  ],
  attribution: { window: '5m' },
};

/** Units and contexts, of which decisions use one after the other. A power of two. */
export const INPUTS = 1024;

export const inputs: readonly DecideInput[] = Array.from({ length: INPUTS }, (_, i) => ({
  unit: `user-${i * 7919}`,
  context: { region: ['eu', 'us', 'asia'][i % 3], load: (i % 100) / 100 },
}));

/** Gives a point evidence on every arm: the later the arm, the better. Resolves once decisions are drawn from it. */
export async function teach(node: HostedNode, point = POINT.point, outcomes = 8000): Promise<void> {
  const batch = 500;
  for (let done = 0; done < outcomes; done += batch) {
    const items = Array.from({ length: batch }, (_, i) => {
      const { id, arm } = node.decide(point, inputs[(done + i) % INPUTS]);
      const rate = 0.3 + 0.02 * ARMS.indexOf(arm ?? ARMS[0]);
      return { id, reward: ((done + i) * 0.6180339887) % 1 < rate ? 1 : 0 };
    });
    await node.feedback(items);
    node.tick();
  }
  // A view is rebuilt at the latest a second after the outcome that made it stale.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  node.tick();
}
