import { expect, test } from 'vitest';
import type { KindSpec, PointSpec } from '../decision/spec.ts';
import type { HostedNode } from '../node.ts';
import { stream } from '../stats/random.ts';
import type { ExperimentReport } from '../status.ts';
import { byHand, drawnFrom, type HandNode, handNode, join, me, settle } from '../testing/hand-node.ts';
import { type MemoryDisk, memoryDisk } from '../testing/index.ts';

const FIXED = { kind: 'fixed', horizon: 1000 };
const GROUPED = { kind: 'group-sequential', horizon: 2000, looks: 4, spending: 'pocock' };

const spec = (analysis: object): PointSpec => ({
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'fixed', arm: 'a' },
  objective: { success: 1 },
  attribution: { window: 500 },
  oversight: { lease: 'none' },
  guards: [
    {
      kind: 'experiment',
      name: 'x',
      variants: { control: { arm: 'a' }, treatment: { arm: 'b' } },
      metrics: ['success'],
      analysis,
    } as KindSpec,
  ],
});

class World {
  readonly hand = byHand();
  nodes: HandNode[] = [];
  private unit = 0;

  async start(name = 'cloud', disk?: MemoryDisk): Promise<HandNode> {
    const chance = drawnFrom(stream(this.hand.ms, name.length));
    const node = await handNode({ name, disk, hand: this.hand, chance });
    this.nodes.push(node);
    return node;
  }

  async run(node: HostedNode, units: number, rates: Record<string, number>): Promise<void> {
    const random = stream(this.unit, 3);
    const items = Array.from({ length: units }, () => {
      const { id, arm } = node.decide('p', { unit: `u${this.unit++}` });
      return { id, metrics: { success: random.next() < rates[arm as string] ? 1 : 0 } };
    });
    await node.feedback(items);
    await settle(this.nodes, 3000, 100);
  }
}

const reportOf = (node: HostedNode): ExperimentReport => node.report('p').experiments[0];

test('the answer at the horizon stands, over later outcomes, restarts and another horizon', async () => {
  const world = new World();
  const disk = memoryDisk();
  let node = await world.start('cloud', disk);
  await node.apply(spec(FIXED), me);
  await world.run(node, 900, { a: 0.3, b: 0.5 });
  expect(reportOf(node)).toMatchObject({ decision: 'keep going', looks: { planned: [1], taken: [] } });
  await world.run(node, 200, { a: 0.3, b: 0.5 });
  const { decision, metrics, looks } = reportOf(node);
  expect(decision).toBe('ship');
  expect(looks?.taken).toMatchObject([{ counted: 1100, level: 0.05 }]);
  await world.run(node, 3000, { a: 0.5, b: 0.3 });
  expect(reportOf(node)).toMatchObject({ decision, metrics, looks });
  await node.close();
  world.nodes = [];
  node = await world.start('cloud', disk);
  expect(reportOf(node)).toMatchObject({ decision, metrics, looks });
  await node.apply(spec({ ...FIXED, horizon: 4000 }), me);
  await world.run(node, 500, { a: 0.5, b: 0.3 });
  expect(reportOf(node)).toMatchObject({ metrics, looks });
});

test('no difference at the horizon is an answer too: a later horizon is no second chance', async () => {
  const world = new World();
  const node = await world.start();
  await node.apply(spec(FIXED), me);
  await world.run(node, 1100, { a: 0.3, b: 0.3 });
  const { metrics, looks } = reportOf(node);
  expect(reportOf(node)).toMatchObject({ decision: 'stop', winner: null, horizon: 1000 });
  for (const analysis of [{ ...FIXED, horizon: 2000 }, GROUPED]) {
    await node.apply(spec(analysis), me);
    await world.run(node, 1500, { a: 0.1, b: 0.9 });
    expect(reportOf(node)).toMatchObject({ decision: 'stop', metrics, looks, horizon: 1000 });
  }
});

test('only the root looks: what a part of the tree has counted is not judged by itself', async () => {
  const world = new World();
  const root = await world.start();
  const device = await world.start('d1');
  join(root, device);
  await root.apply(spec(FIXED), me);
  await world.run(root, 10, { a: 0.3, b: 0.5 });
  await world.run(device, 1500, { a: 0.3, b: 0.6 });
  await world.run(device, 1, { a: 0.3, b: 0.6 });
  expect(reportOf(root).decision).toBe('ship');
  expect(reportOf(device)).toMatchObject({ decision: 'keep going', looks: { taken: [] } });
  expect(reportOf(device).reason).toContain('root');
});

test('planned looks are taken as they are reached, and none after the one that decides', async () => {
  const world = new World();
  const node = await world.start();
  await node.apply(spec(GROUPED), me);
  for (let i = 0; i < 6; i++) await world.run(node, 200, { a: 0.3, b: 0.3 });
  expect(reportOf(node).looks?.taken.map(({ counted }) => counted)).toEqual([600, 1000]);
  expect(reportOf(node)).toMatchObject({ analysis: 'group-sequential', decision: 'keep going' });
  expect(reportOf(node).reason).toContain('1500');
  await world.run(node, 500, { a: 0.1, b: 0.9 });
  const { decision, winner, looks } = reportOf(node);
  expect({ decision, winner, looks: looks?.taken.length }).toEqual({
    decision: 'ship',
    winner: 'treatment',
    looks: 3,
  });
  await world.run(node, 1000, { a: 0.3, b: 0.3 });
  expect(reportOf(node).looks).toEqual(looks);
});

test('plans that make no sense are refused, each with its field', async () => {
  const node = await new World().start();
  for (const [analysis, field] of [
    [{ kind: 'group-sequential' }, 'horizon'],
    [{ ...GROUPED, looks: 1 }, 'looks'],
    [{ ...GROUPED, looks: ['50%', '40%', '100%'] }, 'looks[1]'],
    [{ ...GROUPED, looks: ['50%', '90%'] }, 'looks'],
    [{ ...GROUPED, looks: 20 }, 'looks'],
    [{ ...FIXED, looks: 3 }, 'looks'],
    [{ ...GROUPED, spending: 'evenly' }, 'spending'],
  ] as const)
    await expect(node.apply(spec(analysis), me)).rejects.toMatchObject({
      code: 'invalid_spec',
      field: `guards[0].analysis.${field}`,
    });
  const bandit = spec(GROUPED);
  const guard = { ...(bandit.guards?.[0] as KindSpec), variants: 'policy' };
  await expect(node.apply({ ...bandit, guards: [guard] }, me)).rejects.toMatchObject({
    field: 'guards[0].analysis',
  });
});
