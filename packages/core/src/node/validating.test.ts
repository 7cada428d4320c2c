import { describe, expect, test } from 'vitest';
import type { PointSpec } from '../decision/spec.ts';
import type { HostedNode } from '../node.ts';
import { type Stream, stream } from '../stats/random.ts';
import type { ValidationReport } from '../status.ts';
import { byHand, drawnFrom, type HandNode, handNode, join, me, settle } from '../testing/hand-node.ts';
import { type MemoryDisk, memoryDisk } from '../testing/index.ts';

const point = (more: Partial<PointSpec> = {}): PointSpec => ({
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'b',
  policy: { kind: 'thompson' },
  oversight: { lease: 'none' },
  validation: {},
  ...more,
});

/** All nodes of a test, under one clock. */
class World {
  readonly hand = byHand();
  nodes: HandNode[] = [];
  async start(name = 'cloud', disk?: MemoryDisk): Promise<HandNode> {
    const { hand } = this;
    const node = await handNode({ name, disk, hand, chance: drawnFrom(stream(name.length, hand.ms)) });
    this.nodes.push(node);
    return node;
  }
  pass(forMs: number): Promise<void> {
    return settle(this.nodes, forMs, 500);
  }
  /** Decides and reports `n` times, twenty at a time. Returns how often each arm was taken. */
  async run(node: HostedNode, n: number, rates: Readonly<Record<string, number>>, random: Stream) {
    const taken: Record<string, number> = {};
    for (let done = 0; done < n; done += 20) {
      const items = Array.from({ length: 20 }, () => {
        const { id, arm } = node.decide('p');
        taken[String(arm)] = (taken[String(arm)] ?? 0) + 1;
        return { id, reward: random.next() < rates[String(arm)] ? 1 : 0 };
      });
      await node.feedback(items);
      await this.pass(1000);
    }
    return taken;
  }
}

const validation = (node: HostedNode): ValidationReport => node.report('p').validation as ValidationReport;
const learned = (node: HostedNode): number => node.report('p').pooled.ownOutcomes;
const GOOD = { a: 0.8, b: 0.3 };
const FLIPPED = { a: 0.2, b: 0.7 };

describe('a learner that is validated', () => {
  test('is frozen within 400 outcomes of a flip, says so everywhere, and a person thaws it', async () => {
    const world = new World();
    const node = await world.start();
    await node.apply(point(), me);
    const random = stream(1);
    await world.run(node, 3000, GOOD, random);
    expect(validation(node)).toMatchObject({
      judged: 3000,
      kind: 'binary',
      frozen: [],
      decay: { armed: true },
    });
    expect(learned(node)).toBe(3000);
    expect(validation(node).recent.squared).toBeLessThan(0.2);

    await world.run(node, 400, FLIPPED, random);
    const [frozen] = validation(node).frozen;
    expect(frozen).toMatchObject({ node: 'cloud', action: 'freeze' });
    expect(frozen.why).toContain('squared error');
    const stopped = learned(node);
    expect(stopped).toBeLessThan(3400);
    expect(node.nodes()[0]).toMatchObject({ health: 'degraded' });
    expect(node.audit().map(({ action }) => action)).toContain('learner.freeze');

    const events: string[] = [];
    node.subscribe((event) => event.kind === 'audit' && events.push(event.entry.action));
    await world.run(node, 100, FLIPPED, random);
    expect(learned(node)).toBe(stopped);
    expect(node.report('p').training).toMatchObject({ frozen: 3500 - stopped });
    expect(validation(node).judged).toBe(3500); // it is judged all the same

    await expect(node.thaw({ point: 'p', reason: '', by: me })).rejects.toThrow();
    await node.thaw({ point: 'p', reason: 'labels were mended', by: me });
    expect(validation(node).frozen).toEqual([]);
    expect(events).toEqual(['thaw', 'learner.thaw']);
    await world.run(node, 40, GOOD, random);
    expect(learned(node)).toBe(stopped + 40);
  });

  test('thaws by itself, and goes to its baseline meanwhile if that was declared', async () => {
    const world = new World();
    const node = await world.start();
    await node.apply(point({ validation: { onDecay: 'baseline', thawAfter: '1h' } }), me);
    const random = stream(2);
    await world.run(node, 2000, GOOD, random);
    await world.run(node, 400, FLIPPED, random);
    expect(validation(node).frozen).toHaveLength(1);
    expect(await world.run(node, 100, FLIPPED, random)).toEqual({ b: 100 });
    const decision = node.decide('p');
    expect(decision).toMatchObject({ arm: 'b', propensity: 1, reason: 'policy' });
    expect(decision.trail).toMatchObject([{ guard: 'validation', kind: 'soften' }]);
    await world.pass(3_600_000);
    expect(validation(node).frozen).toEqual([]);
    expect(node.decide('p').trail).toEqual([]);
  });

  test('that is only reported goes on learning', async () => {
    const world = new World();
    const node = await world.start();
    await node.apply(point({ validation: { onDecay: 'report' } }), me);
    const random = stream(3);
    await world.run(node, 2000, GOOD, random);
    await world.run(node, 400, FLIPPED, random);
    expect(validation(node).frozen).toMatchObject([{ action: 'report' }]);
    expect(learned(node)).toBe(2400);
    expect(node.audit().map(({ action }) => action)).toContain('learner.decay');
  });

  test('stays frozen over a restart, forgets no loss, and what came meanwhile never taught', async () => {
    const world = new World();
    const disk = memoryDisk();
    const node = await world.start('cloud', disk);
    await node.apply(point({ attribution: { window: '1h' } }), me);
    const random = stream(4);
    await world.run(node, 2000, GOOD, random);
    await world.run(node, 400, FLIPPED, random);
    const before = validation(node);
    const { id } = node.decide('p');
    await node.feedback([{ id, reward: 1 }]);
    const stopped = learned(node);
    await node.close();
    world.nodes = [];
    const again = await world.start('cloud', disk);
    expect(validation(again).frozen).toEqual(before.frozen);
    expect(validation(again)).toMatchObject({ judged: 2401 });
    expect(learned(again)).toBe(stopped);
    await again.thaw({ point: 'p', reason: 'mended', by: me });
    // The outcome above was never learned, so its correction takes nothing back.
    await again.feedback([{ id, reward: 0, revision: 1 }]);
    expect(learned(again)).toBe(stopped);
    const fresh = again.decide('p');
    await again.feedback([{ id: fresh.id, reward: 1 }]);
    expect(learned(again)).toBe(stopped + 1);
  });

  test('whose feature has gone constant is frozen within 300 outcomes, once that has lasted an hour', async () => {
    const world = new World();
    const node = await world.start();
    const context = { load: { type: 'number', min: 0, max: 1 } } as const;
    await node.apply(point({ context, policy: { kind: 'linear-thompson' } }), me);
    const random = stream(5);
    const decide = async (n: number, read: (load: number) => number) => {
      for (let i = 0; i < n; i++) {
        const load = random.next();
        const { id, arm } = node.decide('p', { context: { load: read(load) } });
        await node.feedback([{ id, reward: random.next() < (arm === 'a' ? load : 1 - load) ? 1 : 0 }]);
        if (i % 50 === 0) await world.pass(1000);
      }
    };
    await decide(1000, (load) => load);
    expect(validation(node)).toMatchObject({ frozen: [], decay: { armed: true } });
    expect(validation(node).loss.skill).toBeGreaterThan(0);
    await decide(300, () => 0.5);
    expect(validation(node).frozen).toEqual([]);
    await world.pass(3_600_000);
    await decide(1, () => 0.5);
    expect(validation(node).frozen[0].why).toContain('load has had one value');
  });

  test('is asked for only where the policy predicts', async () => {
    const world = new World();
    const node = await world.start();
    await expect(node.apply(point({ policy: { kind: 'exp3' } }), me)).rejects.toThrow('predictions');
    await expect(node.apply(point({ validation: { warmup: 3 } as object }), me)).rejects.toThrow('warmup');
    const exp3 = { kind: 'exp3' };
    const { validation: _, ...unwatched } = point({ policy: exp3, training: { selfCaused: 'holdBack' } });
    await expect(node.apply(unwatched, me)).rejects.toThrow('propensity');
  });
});

test('where silence becomes an outcome, decisions are judged in their order when their windows close', async () => {
  const world = new World();
  const disk = memoryDisk();
  let node = await world.start('cloud', disk);
  await node.apply(point({ attribution: { window: '10s', default: { reward: 0 } } }), me);
  const random = stream(6);
  // Clicks come at once, no-clicks never: only the clicks are known at first.
  for (let i = 0; i < 200; i++) {
    const { id } = node.decide('p');
    if (random.next() < 0.3) await node.feedback([{ id, reward: 1 }]);
  }
  expect(validation(node).judged).toBe(0);
  await world.pass(20_000);
  expect(validation(node).judged).toBe(200);
  await node.close();
  world.nodes = [];
  node = await world.start('cloud', disk);
  await world.pass(20_000);
  expect(validation(node).judged).toBe(200);
});

test('a tree adds up what its nodes predicted; a freeze is one node’s, and is thawed from above', async () => {
  const world = new World();
  const cloud = await world.start();
  await cloud.apply(point({ pooling: { weight: 0 } }), me);
  const devices = [await world.start('left'), await world.start('right')];
  for (const device of devices) join(cloud, device);
  await world.pass(5000);
  const random = stream(7);
  for (const device of devices) await world.run(device, 1000, GOOD, random);
  await world.run(devices[0], 400, FLIPPED, random);
  await world.pass(5000);
  expect(validation(cloud)).toMatchObject({ judged: 2400, frozen: [{ node: 'left' }] });
  expect(validation(devices[1])).toMatchObject({ judged: 1000, frozen: [] });
  const [left, right] = devices.map((device) => validation(device).loss);
  const sum = (left.squared ?? 0) * left.n + (right.squared ?? 0) * right.n;
  expect(validation(cloud).loss.squared).toBeCloseTo(sum / 2400, 12);
  await cloud.thaw({ point: 'p', reason: 'mended', by: me });
  await world.pass(5000);
  expect(validation(devices[0]).frozen).toEqual([]);
});
