import { describe, expect, test } from 'vitest';
import type { KindSpec, PointSpec } from '../decision/spec.ts';
import { stream } from '../stats/random.ts';
import { drawnFrom, handNode, me } from '../testing/hand-node.ts';

const STAGES = ['1%', '5%', '25%', '100%'];
const DWELL_MS = 10_000;
const PER_TICK = 500;
const TICK_MS = 250;

const rollout = (more: object = {}): KindSpec => ({
  kind: 'rollout',
  stages: STAGES,
  dwell: DWELL_MS,
  minOutcomes: 100,
  guardrails: [{ metric: 'success', margin: 0.02 }],
  ...more,
});

const spec = (guard: KindSpec, policy = 'new'): PointSpec => ({
  point: 'p',
  arms: ['old', 'new', 'newer'],
  fallback: 'old',
  policy: { kind: 'fixed', arm: policy },
  objective: { success: 1 },
  attribution: { window: 500 },
  oversight: { lease: 'none' },
  guards: [guard],
});

/** A root under its own clock, with traffic in which every arm succeeds at its own rate. */
async function world(seed: number) {
  const random = stream(seed, 9);
  const node = await handNode({ chance: drawnFrom(stream(seed, 10)) });
  const guard = (): Record<string, unknown> => node.point('p')?.spec.guards?.[0] as KindSpec;
  let unit = 0;
  const served = { old: 0, new: 0, newer: 0 };
  return {
    node,
    served,
    guard,
    /** Traffic until `done`, at most so many ticks. Returns how many there were. */
    async run(rates: Record<string, number>, done: () => boolean, most: number): Promise<number> {
      for (let ticks = 0; ticks < most; ticks++) {
        if (done()) return ticks;
        const items = Array.from({ length: PER_TICK }, () => {
          const { id, arm } = node.decide('p', { unit: `u${unit++}` });
          served[arm as keyof typeof served]++;
          return { id, metrics: { success: random.next() < rates[arm as string] ? 1 : 0 } };
        });
        await node.feedback(items);
        node.pass(TICK_MS);
      }
      return most;
    },
  };
}

/** What a rollout that goes well decides in all, to the last stage. */
const BUDGET = ((STAGES.length - 1) * DWELL_MS * PER_TICK) / TICK_MS;

describe('a rollout with guardrails', () => {
  test('goes on, stage by stage, when nothing gets worse, and says so in the audit', async () => {
    const { node, run, guard } = await world(1);
    await node.apply(spec(rollout()), me);
    const ticks = await run({ old: 0.9, new: 0.9 }, () => guard().stage === 3, 1000);
    expect(guard()).toMatchObject({ stage: 3 });
    expect(ticks * TICK_MS).toBeGreaterThanOrEqual(3 * DWELL_MS);
    expect(node.decide('p', { unit: 'anybody' }).arm).toBe('new');
    const steps = node.audit().filter(({ by }) => by === 'rollout');
    expect(steps.map(({ action }) => action)).toEqual([
      'rollout.promote',
      'rollout.promote',
      'rollout.promote',
    ]);
  });

  test('takes a bad version back by itself, at under 1 % of its exposure budget, and leaves it there', async () => {
    const { node, run, guard, served } = await world(2);
    await node.apply(spec(rollout()), me);
    await run({ old: 0.95, new: 0.75 }, () => guard().reverted !== undefined, 400);
    expect(guard().reverted).toMatch(/^at 1 %: success is worse −0\.\d+ \[−0\.\d+, −0\.\d+\]$/);
    expect(served.new / BUDGET).toBeLessThan(0.01);
    expect(node.audit()[0]).toMatchObject({ action: 'rollout.revert', by: 'rollout' });
    const before = served.new;
    await run({ old: 0.95, new: 0.95 }, () => false, 100);
    expect(served.new).toBe(before);
    expect(guard().reverted).toBeDefined();
  });

  test('what was counted stands: the same again is taken back at once, another policy or generation is not', async () => {
    const { node, run, guard, served } = await world(3);
    await node.apply(spec(rollout()), me);
    await run({ old: 0.95, new: 0.7 }, () => guard().reverted !== undefined, 400);
    await node.apply(spec(rollout()), me);
    const before = served.new;
    await run({ old: 0.95, new: 0.7 }, () => guard().reverted !== undefined, 20);
    expect(guard().reverted).toBeDefined();
    expect(served.new - before).toBeLessThan(100);
    await node.apply(spec(rollout(), 'newer'), me);
    await run({ old: 0.95, newer: 0.95 }, () => guard().stage === 1, 200);
    expect(guard()).toMatchObject({ stage: 1 });
    expect(guard().reverted).toBeUndefined();
  });

  test('does not go on before enough has counted, nor while the stage is young', async () => {
    const { node, run, guard } = await world(4);
    await node.apply(spec(rollout({ minOutcomes: 1e6 })), me);
    await run({ old: 0.9, new: 0.9 }, () => false, 100);
    expect(guard().stage ?? 0).toBe(0);
    await node.apply(spec(rollout({ dwell: '1h' })), me);
    await run({ old: 0.9, new: 0.9 }, () => false, 100);
    expect(guard().stage ?? 0).toBe(0);
  });

  test('shows its state in the report', async () => {
    const { node, run } = await world(5);
    await node.apply(spec(rollout({ stages: ['20%', '100%'], dwell: '1h' })), me);
    await run({ old: 0.9, new: 0.9 }, () => false, 20);
    const [report] = node.report('p').experiments;
    expect(report).toMatchObject({
      kind: 'rollout',
      phase: 0,
      decision: 'keep going',
      mismatch: { verdict: 'sound' },
    });
    expect(report.variants.map(({ variant, share }) => [variant, share])).toEqual([
      ['out', 0.8],
      ['in', 0.2],
    ]);
  });

  test('and an experiment at the same point are refused: both want the same units', async () => {
    const { node } = await world(6);
    const experiment = { kind: 'experiment', name: 'x', variants: { a: {}, b: {} } };
    await expect(
      node.apply({ ...spec(rollout()), guards: [rollout(), experiment] }, me),
    ).rejects.toMatchObject({
      code: 'invalid_spec',
    });
  });
});
