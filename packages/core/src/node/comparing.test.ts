import { describe, expect, test } from 'vitest';
import type { KindSpec, PointSpec } from '../decision/spec.ts';
import type { HostedNode } from '../node.ts';
import { type Stream, stream } from '../stats/random.ts';
import type { ExperimentReport } from '../status.ts';
import { byHand, drawnFrom, type HandNode, handNode, join, me, settle } from '../testing/hand-node.ts';
import { type MemoryDisk, memoryDisk } from '../testing/index.ts';

const WINDOW_MS = 1000;
const two = { control: { arm: 'a' }, treatment: { arm: 'b' } };

const point = (guard: object, more: Partial<PointSpec> = {}): PointSpec => ({
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'thompson' },
  objective: { success: 1 },
  attribution: { window: WINDOW_MS },
  oversight: { lease: 'none' },
  guards: [{ kind: 'experiment', name: 'copy', variants: two, metrics: ['success'], ...guard } as KindSpec],
  ...more,
});

/** All nodes of a test, under one clock. */
class Clock {
  readonly hand = byHand();
  nodes: HandNode[] = [];
  settle(forMs: number): Promise<void> {
    return settle(this.nodes, forMs, 100);
  }
}

async function start(clock: Clock, name = 'cloud', disk?: MemoryDisk): Promise<HandNode> {
  const chance = drawnFrom(stream(name.length, clock.hand.ms));
  const node = await handNode({ name, disk, hand: clock.hand, chance });
  clock.nodes.push(node);
  return node;
}

interface Traffic {
  readonly units: number;
  readonly first?: number;
  readonly success: Readonly<Record<string, number>>;
  /** Share of an arm's outcomes that never come back. */
  readonly lost?: Readonly<Record<string, number>>;
  readonly context?: (random: Stream) => Record<string, number>;
}

/** Units one after the other; each decides once and reports whether it succeeded. */
async function run(node: HostedNode, { units, first = 0, success, lost = {}, context }: Traffic, seed = 1) {
  const random = stream(seed, 3);
  const items: { id: string; metrics: { success: number } }[] = [];
  for (let i = first; i < first + units; i++) {
    const given = context?.(random);
    const decision = node.decide('p', { unit: `u${i}`, ...(given === undefined ? {} : { context: given }) });
    const arm = decision.arm as string;
    const chance = success[arm] + (given?.spend === undefined ? 0 : 0.3 * given.spend);
    if (random.next() >= (lost[arm] ?? 0))
      items.push({ id: decision.id, metrics: { success: random.next() < chance ? 1 : 0 } });
  }
  await node.feedback(items);
}

const experimentOf = (node: HostedNode): ExperimentReport => node.report('p').experiments[0];

describe('an experiment', () => {
  test('pins arms with a true propensity, finds the better variant and says to ship it', async () => {
    const clock = new Clock();
    const node = await start(clock);
    await node.apply(point({}), me);
    const decision = node.decide('p', { unit: 'u1' });
    expect(decision.stratum).toMatch(/^experiment:copy:(control|treatment)$/);
    expect(decision).toMatchObject({ propensity: 1, arm: decision.stratum.endsWith('control') ? 'a' : 'b' });
    await run(node, { units: 4000, first: 10, success: { a: 0.3, b: 0.4 } });
    expect(experimentOf(node).variants.map(({ counted }) => counted)).toEqual([0, 0]); // no window has closed
    await clock.settle(2 * WINDOW_MS);
    const report = experimentOf(node);
    expect(report).toMatchObject({ decision: 'ship', winner: 'treatment', mismatch: { verdict: 'sound' } });
    const [control, treatment] = report.metrics[0].variants;
    expect(control.mean.mean).toBeCloseTo(0.3, 1);
    expect(treatment.difference?.low).toBeGreaterThan(0);
    expect(report.variants[0].counted + report.variants[1].counted).toBe(4000);
  });

  test('A/A keeps going, and a unit counts once', async () => {
    const clock = new Clock();
    const node = await start(clock);
    await node.apply(point({}), me);
    await run(node, { units: 1500, success: { a: 0.3, b: 0.3 } });
    await run(node, { units: 1500, success: { a: 0.3, b: 0.3 } }, 2);
    await clock.settle(2 * WINDOW_MS);
    const report = experimentOf(node);
    expect(report).toMatchObject({ decision: 'keep going', winner: null });
    expect(report.variants[0].closed + report.variants[1].closed).toBe(1500);
  });

  test('lost outcomes of one arm are a sample ratio mismatch, and stop it', async () => {
    const clock = new Clock();
    const node = await start(clock);
    await node.apply(point({}), me);
    await run(node, { units: 6000, success: { a: 0.3, b: 0.5 }, lost: { b: 0.15 } });
    await clock.settle(2 * WINDOW_MS);
    expect(experimentOf(node)).toMatchObject({ decision: 'stop', mismatch: { verdict: 'mismatch' } });
  });

  test('a broken guardrail stops it, however good the rest', async () => {
    const clock = new Clock();
    const node = await start(clock);
    const metrics = ['success', { metric: 'error', guardrail: true, margin: 0.02 }];
    await node.apply(point({ metrics }), me);
    const random = stream(5);
    for (let i = 0; i < 3000; i++) {
      const { id, arm } = node.decide('p', { unit: `u${i}` });
      const good = random.next() < (arm === 'b' ? 0.6 : 0.4) ? 1 : 0;
      const error = random.next() < (arm === 'b' ? 0.15 : 0.03) ? 1 : 0;
      await node.feedback([{ id, metrics: { success: good, error } }]);
    }
    await clock.settle(2 * WINDOW_MS);
    expect(experimentOf(node).decision).toBe('stop');
    expect(experimentOf(node).reason).toContain('error');
  });

  test('a covariate takes variance away', async () => {
    const clock = new Clock();
    const node = await start(clock);
    const context = { spend: { type: 'number' as const } };
    await node.apply(point({ covariate: 'spend' }, { context }), me);
    await run(node, {
      units: 3000,
      success: { a: 0.3, b: 0.3 },
      context: (random) => ({ spend: random.next() < 0.5 ? -1 : 1 }),
    });
    await clock.settle(2 * WINDOW_MS);
    expect(experimentOf(node).metrics[0].reduction).toBeGreaterThan(0.2);
  });

  test('a fixed horizon is not looked at before its end', async () => {
    const clock = new Clock();
    const node = await start(clock);
    await node.apply(point({ analysis: { kind: 'fixed', horizon: 3000 } }), me);
    await run(node, { units: 2999, success: { a: 0.3, b: 0.6 } });
    await clock.settle(2 * WINDOW_MS);
    expect(experimentOf(node)).toMatchObject({ decision: 'keep going' });
    expect(experimentOf(node).metrics[0].variants[1]).toMatchObject({ p: null, verdict: 'undecided' });
    await run(node, { units: 1, first: 5000, success: { a: 0.3, b: 0.6 } });
    await clock.settle(2 * WINDOW_MS);
    expect(experimentOf(node)).toMatchObject({ decision: 'ship', winner: 'treatment' });
  });

  test('a variant whose arm is killed gets the baseline, and its stratum stays', async () => {
    const clock = new Clock();
    const node = await start(clock);
    await node.apply(point({ variants: { x: { arm: 'b' }, y: { arm: 'b' } } }), me);
    await node.kill({ scope: 'artifact:b', reason: 'bad', by: me });
    expect(node.decide('p', { unit: 'u1' })).toMatchObject({ arm: 'a', reason: 'baseline' });
    expect(node.decide('p', { unit: 'u1' }).stratum).toContain('experiment:copy:');
  });

  test('adding another keeps what was counted; a new generation begins anew', async () => {
    const clock = new Clock();
    const node = await start(clock);
    const first = { name: 'copy', share: '50%', variants: two, metrics: ['success'] };
    const with2 = (...of: object[]) => point({}, { guards: [{ kind: 'experiment', of }] });
    await node.apply(with2(first), me);
    await run(node, { units: 400, success: { a: 0.3, b: 0.3 } });
    await clock.settle(2 * WINDOW_MS);
    const counted = (): number => experimentOf(node).variants.reduce((sum, v) => sum + v.counted, 0);
    const before = counted();
    expect(before).toBeGreaterThan(150);
    await node.apply(with2(first, { ...first, name: 'more' }), me);
    expect(counted()).toBe(before);
    await node.apply(with2({ ...first, generation: 1 }), me);
    expect(counted()).toBe(0);
  });
});

describe('a bandit experiment', () => {
  test('compares the arms as the policy draws them, by propensity', async () => {
    const clock = new Clock();
    const node = await start(clock);
    const floor: KindSpec = { kind: 'exploration', floor: 0.2 };
    const guard: KindSpec = { kind: 'experiment', name: 'arms', variants: 'policy', metrics: ['success'] };
    await node.apply({ ...point({}), guards: [guard, floor] }, me);
    for (let i = 0; i < 40; i++) {
      await run(node, { units: 100, first: i * 100, success: { a: 0.3, b: 0.45 } }, i);
      await clock.settle(100);
    }
    await clock.settle(2 * WINDOW_MS);
    const report = experimentOf(node);
    expect(report).toMatchObject({
      kind: 'arms',
      decision: 'ship',
      winner: 'b',
      mismatch: { verdict: 'sound' },
    });
    const [a, b] = report.metrics[0].variants;
    expect(Math.abs((a.mean.mean as number) - 0.3)).toBeLessThan(0.06);
    expect(Math.abs((b.mean.mean as number) - 0.45)).toBeLessThan(0.04);
  });
});

describe('shadow mode', () => {
  test('the baseline acts, the policy proposes, and how often they agree is counted', async () => {
    const clock = new Clock();
    const node = await start(clock);
    const guards: KindSpec[] = [{ kind: 'shadow' }, { kind: 'exploration', floor: 0.5 }];
    const spec = point(
      {},
      { guards, baseline: { kind: 'fixed', arm: 'a' }, policy: { kind: 'fixed', arm: 'b' } },
    );
    await node.apply(spec, me);
    for (let i = 0; i < 50; i++)
      expect(node.decide('p', { unit: `u${i}` })).toMatchObject({ arm: 'a', proposed: 'b', propensity: 1 });
    expect(node.report('p').guards[0].state).toEqual({ decisions: 50, agreed: 0 });
  });
});

describe('over the tree and over restarts', () => {
  test('the root counts what devices counted, once each', async () => {
    const clock = new Clock();
    const root = await start(clock);
    const devices = [await start(clock, 'd1'), await start(clock, 'd2')];
    for (const device of devices) join(root, device);
    await root.apply(point({}), me);
    await clock.settle(3000);
    await run(devices[0], { units: 900, success: { a: 0.3, b: 0.3 } });
    await run(devices[1], { units: 600, first: 900, success: { a: 0.3, b: 0.3 } });
    await run(root, { units: 300, first: 5000, success: { a: 0.3, b: 0.3 } });
    await clock.settle(10_000);
    expect(experimentOf(root).variants.reduce((sum, v) => sum + v.counted, 0)).toBe(1800);
    expect(experimentOf(devices[0]).variants.reduce((sum, v) => sum + v.counted, 0)).toBe(900);
  });

  test('a restart neither forgets what was counted nor counts it twice', async () => {
    const clock = new Clock();
    const disk = memoryDisk();
    let node = await start(clock, 'cloud', disk);
    await node.apply(point({}, { attribution: { window: WINDOW_MS, correction: '1m' } }), me);
    await run(node, { units: 500, success: { a: 0.3, b: 0.3 } });
    await clock.settle(2 * WINDOW_MS);
    await run(node, { units: 200, first: 500, success: { a: 0.3, b: 0.3 } });
    await node.close();
    clock.nodes = [];
    node = await start(clock, 'cloud', disk);
    const counted = (): number => experimentOf(node).variants.reduce((sum, v) => sum + v.counted, 0);
    expect(counted()).toBe(500);
    await clock.settle(2 * WINDOW_MS);
    expect(counted()).toBe(700);
  });
});

describe('apprentice mode', () => {
  const plain = (more: Partial<PointSpec> = {}): PointSpec => ({ ...point({}), guards: [], ...more });

  test('what another system took is recorded beside what the policy would have, and teaches by its propensity', async () => {
    const clock = new Clock();
    const node = await start(clock);
    await node.apply(plain(), me);
    const random = stream(11);
    for (let i = 0; i < 600; i++) {
      const arm = random.next() < 0.5 ? 'a' : 'b';
      const decision = node.decide('p', { unit: `u${i}`, taken: { arm, propensity: 0.5 } });
      expect(decision).toMatchObject({ arm, reason: 'observed', propensity: 0.5 });
      expect(['a', 'b']).toContain(decision.proposed);
      const success = random.next() < (arm === 'a' ? 0.2 : 0.8) ? 1 : 0;
      await node.feedback([{ id: decision.id, metrics: { success } }]);
    }
    await clock.settle(2 * WINDOW_MS);
    expect(node.report('p').pooled.ownOutcomes).toBe(600);
    expect(node.decide('p', { taken: { arm: 'a', propensity: 0.5 } }).proposed).toBe('b');
  });

  test('without its propensity, or under a kill, it is recorded and teaches nothing', async () => {
    const clock = new Clock();
    const node = await start(clock);
    await node.apply(plain(), me);
    const unknown = node.decide('p', { taken: { arm: 'a' } });
    expect(unknown).toMatchObject({ reason: 'observed', propensity: null });
    await node.kill({ scope: 'point:p', reason: 'stop', by: me });
    const killed = node.decide('p', { taken: { arm: 'b', propensity: 0.5 } });
    expect(killed).toMatchObject({ arm: 'b', reason: 'observed' });
    await node.feedback([unknown, killed].map(({ id }) => ({ id, metrics: { success: 1 } })));
    expect(node.report('p').pooled.ownOutcomes).toBe(0);
  });

  test('guards neither forbid nor count what another system did; an arm that there is not is blocked', async () => {
    const clock = new Clock();
    const node = await start(clock);
    const limit: KindSpec = { kind: 'limit', of: 'actions', max: 1, per: '1h' };
    await node.apply(plain({ guards: [limit] }), me);
    for (let i = 0; i < 5; i++)
      expect(node.decide('p', { taken: { arm: 'a', propensity: 1 } }).reason).toBe('observed');
    expect(node.decide('p').reason).toBe('policy');
    expect(node.decide('p', { taken: { arm: 'z' } })).toMatchObject({ arm: null, reason: 'blocked' });
  });
});
