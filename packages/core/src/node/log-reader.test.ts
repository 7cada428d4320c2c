import { describe, expect, test } from 'vitest';
import type { PointSpec } from '../decision/spec.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { readLog } from '../node.ts';
import { standard } from '../presets/standard.ts';
import { byHand, handNode, me } from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/memory-storage.ts';

const spec: PointSpec = {
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'a',
  context: {
    load: { type: 'number' },
    kind: { type: 'category', values: ['x', 'y'] },
    vip: { type: 'boolean' },
  },
  policy: { kind: 'thompson' },
  objective: { success: 1, latencyMs: -0.001, range: [-1, 1] },
  attribution: { window: '10s', correction: '10s' },
};

function world() {
  const disk = memoryDisk();
  const hand = byHand();
  const start = () => handNode({ hand, disk });
  const read = async (point?: string, most?: number) => {
    const storage = disk.open();
    const log = await readLog(storage, standard, DEFAULT_LIMITS, { point, most });
    await storage.close();
    return log;
  };
  return { start, read };
}

describe('the log of a node', () => {
  test('has every decision as it was made, and what came of it', async () => {
    const { start, read } = world();
    const node = await start();
    await node.apply(spec, me);
    const first = node.decide('p', { context: { load: 0.5, kind: 'y', vip: true }, unit: 'u1' });
    const second = node.decide('p', { context: { kind: 'unheard of' } });
    await node.feedback([{ id: first.id, metrics: { success: 1, latencyMs: 100 } }]);
    await node.feedback([{ id: first.id, metrics: { latencyMs: 300 }, revision: 1 }]);
    await node.close();
    const { decisions, unreadable } = await read();
    expect(unreadable).toBe(0);
    expect(decisions.map(({ id }) => id)).toEqual([first.id, second.id]);
    const { atMs, propensity, arm } = first;
    expect(decisions[0]).toMatchObject({
      point: 'p',
      atMs,
      arm,
      propensity,
      arms: ['a', 'b'],
      unit: 'u1',
      context: { load: 0.5, kind: 'y', vip: true },
      outcome: 'feedback',
      metrics: { success: 1, latencyMs: 300 },
      range: [-1, 1],
      trains: true,
    });
    expect(decisions[0].reward).toBeCloseTo(0.7, 12);
    expect(decisions[1]).toMatchObject({ outcome: 'none', reward: null, unit: '' });
    expect(decisions[1].context.kind).toMatch(/^#\d+$/);
  });

  test('is readable after restarts and new declarations, long after their windows have passed', async () => {
    const { start, read } = world();
    let node = await start();
    await node.apply(spec, me);
    const old = node.decide('p');
    await node.apply({ ...spec, arms: ['a', 'c', 'b'] }, me);
    await node.close();
    node = await start();
    const young = node.decide('p');
    for (let i = 0; i < 5; i++) node.pass(60_000);
    await node.close();
    node = await start();
    await node.close();
    const { decisions, unreadable } = await read();
    expect(unreadable).toBe(0);
    expect(decisions.map(({ id, arms, arm }) => [id, arms, arm])).toEqual([
      [old.id, ['a', 'b'], old.arm],
      [young.id, ['a', 'c', 'b'], young.arm],
    ]);
  });

  test('can be asked of one point', async () => {
    const { start, read } = world();
    const node = await start();
    await node.apply(spec, me);
    await node.apply({ ...spec, point: 'q' }, me);
    node.decide('p');
    node.decide('q');
    await node.close();
    expect((await read('q')).decisions.map(({ point }) => point)).toEqual(['q']);
  });

  test('has the newest alone where it may not have all, and says how many are older', async () => {
    const { start, read } = world();
    const node = await start();
    await node.apply(spec, me);
    const ids: string[] = [];
    for (let i = 0; i < 30; i++) {
      ids.push(node.decide('p', { context: { load: i } }).id);
      // A chunk of its own for every third, and one of several now and then.
      if (i % 3 === 0) await node.feedback([{ id: ids[i], metrics: { success: 1, latencyMs: i } }]);
      node.pass(1);
    }
    await node.close();
    const all = await read('p');
    expect([all.decisions.map(({ id }) => id), all.older]).toEqual([ids, 0]);
    for (const most of [1, 7, 29, 30, 100]) {
      const { decisions, older } = await read('p', most);
      expect([decisions, older]).toEqual([all.decisions.slice(-most), Math.max(0, 30 - most)]);
    }
  });
});
