import { describe, expect, test } from 'vitest';
import type { HostedNode } from '../node.ts';
import { standard } from '../presets/standard.ts';
import { byHand, type HandNode, type HandOptions, handNode, join, me, settle } from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/memory-storage.ts';
import { spokenChild } from '../testing/spoken-child.ts';
import { learnersMax } from './guests.ts';

const DAY = 86_400_000;
const spec = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } };

async function place(limits: { points?: number; origins?: number } = {}) {
  const hand = byHand();
  const disk = memoryDisk();
  const { thompson: _, ...fewer } = standard.policies;
  const start = (more: HandOptions = {}) => handNode({ hand, disk, limits, ...more });
  return {
    disk,
    start,
    /** A region that knows nothing of the policy of the point. */
    older: () => start({ name: 'region', tier: 'region', registry: { ...standard, policies: fewer } }),
    pass: (node: HandNode, forMs: number, stepMs = DAY / 2) => settle([node], forMs, stepMs),
  };
}

const slot = (key: string, origin: string) => ({
  key,
  origin,
  version: 1,
  onlyVia: '',
  bytes: new Uint8Array(9),
});
const keys = (node: HostedNode): string[] => [...node.state.learners.keys()];

describe('learners that a child makes up', () => {
  test('leave places for what others bring, and for what is declared', async () => {
    const at = await place({ points: 100 });
    const node = await at.start();
    const hostile = spokenChild(node, 'hostile');
    for (let i = 0; i < 20; i++)
      hostile.say({
        slots: Array.from({ length: 100 }, (_, n) => slot(`made-up${i}-${n}|x|y|0`, 'hostile~x1')),
      });
    expect(node.state.learners.size).toBeLessThanOrEqual(0.8 * learnersMax(node.state) + 1);
    expect(node.nodes()[0].refused.learners_beyond_share).toBeGreaterThan(1000);
    const honest = spokenChild(node, 'honest');
    honest.say({ slots: Array.from({ length: 20 }, (_, n) => slot(`later${n}|x|y|0`, 'honest~x1')) });
    expect(keys(node).filter((key) => key.startsWith('later'))).toHaveLength(20);
    await node.apply(spec, me);
    expect(keys(node).some((key) => key.startsWith('p|thompson'))).toBe(true);
  });

  test('and so do origins', async () => {
    const at = await place({ origins: 100 });
    const node = await at.start();
    const hostile = spokenChild(node, 'hostile');
    hostile.say({ slots: Array.from({ length: 300 }, (_, n) => slot('q|x|y|0', `made-up${n}~x1`)) });
    const honest = spokenChild(node, 'honest');
    honest.say({ slots: Array.from({ length: 10 }, (_, n) => slot('q|x|y|0', `honest${n}~x1`)) });
    const { slots } = node.state.learners.get('q|x|y|0')!.slots;
    expect(slots.size).toBeLessThanOrEqual(100);
    expect([...slots.keys()].filter((origin) => origin.startsWith('honest'))).toHaveLength(10);
    expect(node.nodes()[0].refused.origins_beyond_share).toBeGreaterThan(200);
  });

  test('are forgotten 30 days after they last changed, on the disk as well', async () => {
    const at = await place();
    const node = await at.start();
    await node.apply(spec, me);
    spokenChild(node, 'hostile').say({ slots: [slot('made-up|x|y|0', 'hostile~x1')] });
    await at.pass(node, 29 * DAY);
    expect(keys(node)).toContain('made-up|x|y|0');
    await at.pass(node, 3 * DAY);
    expect(keys(node)).not.toContain('made-up|x|y|0');
    await node.close();
    const again = await at.start();
    expect(keys(again)).not.toContain('made-up|x|y|0');
  });
});

describe('what is declared', () => {
  test('is never forgotten, however long its node is away; what it was declared as before is', async () => {
    const at = await place();
    const node = await at.start();
    await node.apply(spec, me);
    const { id } = node.decide('p');
    await node.feedback([{ id, reward: 1 }]);
    const [former] = keys(node);
    await node.apply({ ...spec, policy: { kind: 'epsilon-greedy' } }, me);
    const [current] = keys(node).filter((key) => key !== former);
    const child = spokenChild(node, 'dev');
    const { evidence } = node.state.learners.get(current)!.slots;
    const bytes = evidence!.encode(evidence!.zero());
    child.say({ slots: [{ key: current, origin: 'dev~x1', version: 1, onlyVia: '', bytes }] });
    await at.pass(node, 60 * DAY);
    expect(keys(node)).toEqual([current]);
    expect(
      [...node.state.learners.get(current)!.slots.slots.keys()].some(
        (o) => o.startsWith('dev~') || o.endsWith('~retired'),
      ),
    ).toBe(true);
    await node.close();
    expect(keys(await at.start())).toEqual([current]);
  });

  test('and not understood here is passed on for as long as it is declared', async () => {
    const above = await place();
    const root = await above.start();
    await root.apply(spec, me);
    const [key] = keys(root);
    const at = await place();
    const region = await at.older();
    join(root, region);
    await at.pass(region, 10_000, 500);
    expect(region.state.controls.specs.has('p')).toBe(true);
    expect(region.state.points.has('p')).toBe(false);
    spokenChild(region, 'dev').say({ slots: [slot(key, 'dev~x1')] });
    await at.pass(region, 90 * DAY);
    expect(region.state.moment.leaseAgeMs).toBeLessThan(DAY);
    expect(region.state.learners.get(key)?.slots.slots.has('dev~x1')).toBe(true);
  });

  test('outlives a node that is cut off and cannot know it', async () => {
    const region = await handNode({ name: 'region', tier: 'region' });
    spokenChild(region, 'dev').say({ slots: [slot('new|x|y|0', 'dev~x1')] });
    for (let day = 0; day < 90; day++) region.pass(DAY);
    expect(keys(region)).toContain('new|x|y|0');
  });
});
