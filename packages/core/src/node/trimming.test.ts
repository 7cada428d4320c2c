import { describe, expect, test } from 'vitest';
import { BOOT_MS, byHand, congruential, type HandNode, handNode, me, settle } from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/memory-storage.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function place(logKeptMs = 0) {
  const hand = byHand({ ms: 1_000_000, chance: congruential(7) });
  const disk = memoryDisk();
  let node: HandNode;
  return {
    disk,
    async start(): Promise<HandNode> {
      node = await handNode({ hand, disk, tuning: { logKeptMs } });
      return node;
    },
    pass: (forMs: number) => settle([node], forMs, HOUR),
    setWall: (byMs: number) => void (hand.bootMs += byMs),
    async kept(journal: string): Promise<number[]> {
      const reader = node.state.ports.storage!;
      return (await reader.scan(journal, 0, -1, 1_000_000)).map(({ atMs }) => atMs - BOOT_MS);
    },
    now: () => hand.ms,
  };
}

const spec = {
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'thompson' },
  attribution: { window: '2d', correction: '1d' },
};

describe('journals', () => {
  test('keep what a restart may ask for, and no more', async () => {
    const at = place();
    let node = await at.start();
    await node.apply(spec, me);
    for (let day = 0; day < 30; day++) {
      const { id } = node.decide('p', { unit: `u${day}` });
      await node.feedback([{ id, reward: 1 }]);
      await at.pass(DAY);
    }
    const oldest = at.now() - 4 * DAY - 2 * HOUR;
    for (const journal of ['decisions', 'outcomes']) {
      const kept = await at.kept(journal);
      expect(kept.length).toBeGreaterThanOrEqual(3);
      expect(Math.min(...kept)).toBeGreaterThan(oldest);
    }
    const { id } = node.decide('p', { unit: 'last' });
    await at.pass(2 * DAY - HOUR);
    at.disk.crash();
    node = await at.start();
    expect((await node.feedback([{ id, reward: 1 }]))[0].status).toBe('joined');
    expect(node.audit().map(({ action }) => action)).toContain('point.apply');
  });

  test('keep the log for as long as it is wanted', async () => {
    const at = place(10 * DAY);
    const node = await at.start();
    await node.apply(spec, me);
    for (let day = 0; day < 20; day++) {
      node.decide('p', { unit: `u${day}` });
      await at.pass(DAY);
    }
    const oldest = Math.min(...(await at.kept('decisions')));
    expect(oldest).toBeGreaterThan(at.now() - 10 * DAY - 2 * HOUR);
    expect(oldest).toBeLessThan(at.now() - 8 * DAY);
  });

  test('lose nothing to a wall clock that is set a year ahead', async () => {
    const at = place();
    const node = await at.start();
    await node.apply(spec, me);
    node.decide('p', { unit: 'u' });
    await at.pass(1000);
    const before = await at.kept('decisions');
    at.setWall(365 * DAY);
    await at.pass(2 * HOUR);
    expect(await at.kept('decisions')).toEqual(before);
  });

  test('keep the audit for its own time', async () => {
    const at = place();
    const node = await at.start();
    await node.apply(spec, me);
    await at.pass(401 * DAY);
    expect(await at.kept('audit')).toEqual([]);
  });
});
