import { describe, expect, test } from 'vitest';
import type { ObjectiveSpec, PointSpec } from '../decision/spec.ts';
import { stream } from '../stats/random.ts';
import { me as by, congruential, handNode } from '../testing/hand-node.ts';

const metric = (weight: number) => ({ weight, range: [0, 1] as const });
const spec = (objective: ObjectiveSpec): PointSpec => ({
  point: 'mail',
  arms: ['plain', 'lurid'],
  fallback: 'plain',
  policy: { kind: 'thompson' },
  objective,
});

async function start(objective: ObjectiveSpec) {
  const node = await handNode({ chance: congruential(7) });
  await node.apply(spec(objective), by);
  const random = stream(3);
  return {
    node,
    /** Lurid: 40 % clicks and 20 % complaints; plain: 20 % and 1 %. */
    async live(decisions: number) {
      for (let i = 0; i < decisions; i++) {
        node.hand.ms += 10;
        const { id, arm } = node.decide('mail');
        const lurid = arm === 'lurid';
        const click = random.next() < (lurid ? 0.4 : 0.2) ? 1 : 0;
        const complaint = random.next() < (lurid ? 0.2 : 0.01) ? 1 : 0;
        await node.feedback([{ id, metrics: { click, complaint } }]);
      }
    },
    allocation: () => node.report('mail').arms.map(({ allocation }) => allocation ?? 0),
  };
}

describe('weights that change', () => {
  test('what was learned under the old weights counts at once under the new ones', async () => {
    const { node, live, allocation } = await start({ click: metric(1), complaint: metric(0) });
    await live(800);
    expect(allocation()[1]).toBeGreaterThan(0.9);
    const before = node.report('mail').pooled.ownOutcomes;
    const answer = await node.reweigh({ point: 'mail', weights: { complaint: -3 }, reason: 'too many', by });
    expect(answer).toEqual({ version: 2, changed: true, forgets: false });
    // Worth 0.4 − 3 · 0.2 against 0.2 − 3 · 0.01, and not one outcome has come since.
    expect(allocation()[0]).toBeGreaterThan(0.9);
    expect(node.report('mail').pooled.ownOutcomes).toBe(before);
    const [plain] = node.report('mail').arms;
    expect(plain.reward.low).toBeLessThan(0.17);
    expect(plain.reward.high).toBeGreaterThan(0.17);
  });

  test('outcomes of decisions made before are learned under them too', async () => {
    const { node } = await start({ click: metric(1), complaint: metric(0) });
    const { id, arm } = node.decide('mail');
    await node.reweigh({ point: 'mail', weights: { click: 0, complaint: -1 }, reason: 'turn', by });
    await node.feedback([{ id, metrics: { click: 1, complaint: 1 } }]);
    await node.apply({ ...spec({}), ...node.point('mail')?.spec, description: 'a new view' }, by);
    const seen = node.report('mail').arms.find((each) => each.arm === arm);
    expect(seen?.reward.n).toBe(1);
    expect(seen?.reward.mean).toBeLessThan(-0.5);
  });

  test('a correction of two metrics that leaves the reward as it was is learned', async () => {
    const { node } = await start({ click: metric(1), complaint: metric(1) });
    const { id } = node.decide('mail');
    await node.feedback([{ id, metrics: { click: 1, complaint: 0 } }]);
    await node.feedback([{ id, metrics: { click: 0, complaint: 1 }, revision: 1 }]);
    await node.reweigh({ point: 'mail', weights: { complaint: 0 }, reason: 'look', by });
    const [known] = node.report('mail').arms.filter(({ reward }) => reward.n > 0);
    // Beta(1, 2): one outcome worth 0.
    expect(known.reward.mean).toBeCloseTo(1 / 3, 12);
  });

  test('without ranges the weights are part of what was learned, and the answer says so', async () => {
    const { node, live } = await start({ click: 1, complaint: -1, range: [-1, 1] });
    await live(20);
    const answer = await node.reweigh({ point: 'mail', weights: { complaint: -3 }, reason: 'too many', by });
    expect(answer.forgets).toBe(true);
    expect(node.report('mail').pooled.ownOutcomes).toBe(0);
  });

  test('a metric that is not there, a reward without its metrics, and no weight at all are refused', async () => {
    const { node } = await start({ click: metric(1), complaint: metric(-1) });
    const weigh = (weights: Record<string, number>) =>
      node.reweigh({ point: 'mail', weights, reason: 'r', by });
    await expect(weigh({ clicks: 1 })).rejects.toMatchObject({ field: 'weights.clicks' });
    await expect(weigh({})).rejects.toMatchObject({ field: 'weights' });
    await expect(weigh({ click: 0, complaint: 0 })).rejects.toMatchObject({ code: 'invalid_spec' });
    const { id } = node.decide('mail');
    const [told] = await node.feedback([{ id, reward: 1 }]);
    expect(told).toMatchObject({ status: 'rejected', problem: { field: 'reward' } });
  });
});
