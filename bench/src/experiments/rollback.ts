import { createNode, type PointSpec } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { stream } from '@ganglion/core/testing';
import { BENCH } from '../lib/point.ts';

const DWELL_MS = 60_000;
const TICK_MS = 1000;
const PER_TICK = 500;
const STAGES = ['1%', '5%', '25%', '100%'];
/** Decisions from the first stage to the end of a last one that is as long. */
export const BUDGET = (STAGES.length * DWELL_MS * PER_TICK) / TICK_MS;

const SPEC: PointSpec = {
  point: 'p',
  arms: ['old', 'new'],
  fallback: 'old',
  policy: { kind: 'fixed', arm: 'new' },
  objective: { success: 1 },
  attribution: { window: 1000 },
  guards: [{ kind: 'rollout', stages: STAGES, dwell: DWELL_MS, minOutcomes: 200, guardrails: ['success'] }],
};

/** One rollout of a version in a node of its own: whether it was taken back, and how many decisions met it till then. */
export async function rollOut(
  seed: number,
  old: number,
  fresh: number,
): Promise<{ back: boolean; met: number }> {
  let ms = 0;
  const random = stream(seed, 61);
  const chance = stream(seed, 62);
  const node = await createNode({
    name: 'root',
    tier: 'cloud',
    root: true,
    registry: standard,
    ports: {
      clock: { monotonicMs: () => ms, wallMs: () => 1.7e12 + ms },
      chance: { uint32: () => chance.integer(2 ** 32) },
    },
  });
  await node.apply(SPEC, BENCH);
  let met = 0;
  for (let unit = 0; unit < BUDGET; ) {
    const guard = node.point('p')?.spec.guards?.[0];
    if (guard?.reverted !== undefined) return { back: true, met };
    if (guard?.stage === STAGES.length - 1) break;
    const items = Array.from({ length: PER_TICK }, () => {
      const { id, arm } = node.decide('p', { unit: `${seed}-${unit++}` });
      if (arm === 'new') met++;
      return { id, metrics: { success: random.next() < (arm === 'new' ? fresh : old) ? 1 : 0 } };
    });
    await node.feedback(items);
    ms += TICK_MS;
    node.tick();
  }
  return { back: false, met };
}
