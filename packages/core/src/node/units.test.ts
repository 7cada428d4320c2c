import { describe, expect, test } from 'vitest';
import type { KindSpec, PointSpec } from '../decision/spec.ts';
import type { HostedNode } from '../node.ts';
import { stream } from '../stats/random.ts';
import type { ExperimentReport } from '../status.ts';
import {
  byHand,
  drawnFrom,
  type HandNode,
  type HandOptions,
  handNode,
  join,
  me,
  settle,
} from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/index.ts';

const spec = (guard: object): PointSpec => ({
  point: 'p',
  arms: ['old', 'new'],
  fallback: 'old',
  policy: { kind: 'fixed', arm: 'new' },
  objective: { success: 1 },
  attribution: { window: 500 },
  oversight: { lease: 'none' },
  guards: [guard as KindSpec],
});

const rollout = (more: object = {}): object => ({
  kind: 'rollout',
  stages: ['30%', '100%'],
  dwell: '1h',
  guardrails: [{ metric: 'success' }],
  ...more,
});

const experiment = (more: object = {}): object => ({
  kind: 'experiment',
  name: 'x',
  variants: { a: { arm: 'old' }, b: { arm: 'new' } },
  metrics: ['success'],
  ...more,
});

class World {
  readonly hand = byHand();
  readonly nodes: HandNode[] = [];

  async start(seed: number, more: HandOptions = {}): Promise<HandNode> {
    const node = await handNode({ hand: this.hand, chance: drawnFrom(stream(seed, 10)), ...more });
    this.nodes.push(node);
    return node;
  }

  pass(forMs: number): Promise<void> {
    return settle(this.nodes, forMs, 250);
  }
}

interface Visits {
  readonly units: number;
  readonly times: number;
  readonly prefix?: string;
}

/** Units that each decide many times, at nodes by turns; what a unit is like, its outcomes are like, whatever the arm. */
async function visit(nodes: readonly HostedNode[], { units, times, prefix = 'u' }: Visits, seed: number) {
  const random = stream(seed, 3);
  const likes = Array.from({ length: units }, () => (random.next() < 0.5 ? 0.1 : 0.9));
  for (let i = 0; i < units * times; i++) {
    const node = nodes[Math.floor(i / units) % nodes.length];
    const unit = i % units;
    const { id } = node.decide('p', { unit: `${seed}-${prefix}${unit}` });
    await node.feedback([{ id, metrics: { success: random.next() < likes[unit] ? 1 : 0 } }]);
  }
}

const reportOf = (node: HostedNode): ExperimentReport => node.report('p').experiments[0];
const countedIn = (node: HostedNode): number =>
  reportOf(node).variants.reduce((sum, { counted }) => sum + counted, 0);

describe('units that come back', () => {
  test('are no sample ratio mismatch, nor take a rollout back, where nothing is wrong', async () => {
    let [mismatches, reverted] = [0, 0];
    for (let run = 0; run < 30; run++) {
      const world = new World();
      const node = await world.start(run);
      await node.apply(spec(rollout()), me);
      await visit([node], { units: 60, times: 50 }, run);
      await world.pass(2000);
      const guard = node.point('p')?.spec.guards?.[0] as KindSpec;
      if (guard.reverted !== undefined) reverted++;
      else if (reportOf(node).mismatch.verdict === 'mismatch') mismatches++;
    }
    expect({ mismatches, reverted }).toEqual({ mismatches: 0, reverted: 0 });
  });

  test('count once in a rollout, unless it is declared to count decisions', async () => {
    const world = new World();
    const node = await world.start(1);
    await node.apply(spec(rollout()), me);
    await visit([node], { units: 50, times: 4 }, 1);
    await world.pass(2000);
    expect(countedIn(node)).toBe(50);
    await node.apply(spec(rollout({ count: 'decision' })), me);
    await visit([node], { units: 50, times: 4 }, 1);
    await world.pass(2000);
    expect(countedIn(node)).toBe(200);
  });

  test('count once over restarts', async () => {
    const world = new World();
    const disk = memoryDisk();
    let node = await world.start(1, { disk });
    await node.apply(spec(experiment()), me);
    for (let run = 0; run < 3; run++) {
      await visit([node], { units: 200, times: 2 }, 1);
      await world.pass(2000);
      await node.close();
      world.nodes.length = 0;
      node = await world.start(2 + run, { disk });
      expect(countedIn(node)).toBe(200);
    }
    await visit([node], { units: 10, times: 2, prefix: 'more' }, 1);
    await world.pass(2000);
    expect(countedIn(node)).toBe(210);
  });

  test('count once although more came than are remembered: then only a known share of the new counts, of all variants alike', async () => {
    const world = new World();
    const disk = memoryDisk();
    const tuning = { countedUnitsMax: 256 };
    let node = await world.start(1, { disk, tuning });
    await node.apply(spec(experiment()), me);
    await visit([node], { units: 3000, times: 1 }, 1);
    await world.pass(2000);
    const counted = countedIn(node);
    expect(counted).toBeGreaterThan(256 * 2);
    expect(counted).toBeLessThan(256 * 4);
    await visit([node], { units: 3000, times: 1 }, 1);
    await world.pass(2000);
    expect(countedIn(node)).toBe(counted);
    await node.close();
    world.nodes.length = 0;
    node = await world.start(2, { disk, tuning });
    await visit([node], { units: 3000, times: 1 }, 1);
    await world.pass(2000);
    expect(countedIn(node)).toBe(counted);
    expect(reportOf(node).mismatch.verdict).toBe('sound');
  });

  test('count, at nodes by turns, for as much as they are: those who were counted at several are allowed for', async () => {
    let mismatches = 0;
    for (let run = 0; run < 20; run++) {
      const world = new World();
      const root = await world.start(run);
      const devices = await Promise.all(
        Array.from({ length: 8 }, (_, d) => world.start(run, { name: `d${d}` })),
      );
      for (const device of devices) join(root, device);
      await root.apply(spec(experiment()), me);
      await world.pass(2000);
      await visit(devices, { units: 100, times: 8 }, run);
      await world.pass(6000);
      const report = reportOf(root);
      expect(countedIn(root)).toBe(800);
      expect(report.repeats).toBeCloseTo(8, 6);
      if (report.mismatch.verdict === 'mismatch') mismatches++;
    }
    expect(mismatches).toBe(0);
  });
});
