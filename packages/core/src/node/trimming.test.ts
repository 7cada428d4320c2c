import { describe, expect, test } from 'vitest';
import { createNode, type HostedNode } from '../node.ts';
import type { Actor } from '../node-api.ts';
import { standard } from '../presets/standard.ts';
import { memoryDisk } from '../testing/memory-storage.ts';

const me: Actor = { name: 'me', authority: '*' };
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const EPOCH = 1_700_000_000_000;

async function place(logKeptMs = 0) {
  let ms = 1_000_000;
  let aheadMs = 0;
  let word = 7;
  const disk = memoryDisk();
  let node: HostedNode;
  const self = {
    disk,
    async start(): Promise<HostedNode> {
      node = await createNode({
        name: 'cloud',
        tier: 'cloud',
        root: true,
        registry: standard,
        tuning: { logKeptMs },
        ports: {
          clock: { monotonicMs: () => ms, wallMs: () => EPOCH + ms + aheadMs },
          chance: { uint32: () => (word = (Math.imul(word, 1664525) + 1013904223) >>> 0) },
          storage: disk.open(),
        },
      });
      return node;
    },
    async pass(forMs: number): Promise<void> {
      for (const end = ms + forMs; ms < end; ) {
        ms += Math.min(HOUR, end - ms);
        node.tick();
        for (let i = 0; i < 40; i++) await undefined;
      }
    },
    setWall: (byMs: number) => void (aheadMs += byMs),
    async kept(journal: string): Promise<number[]> {
      const reader = node.state.ports.storage!;
      return (await reader.scan(journal, 0, -1, 1_000_000)).map(({ atMs }) => atMs - EPOCH);
    },
    now: () => ms,
  };
  return self;
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
    const at = await place();
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
    const at = await place(10 * DAY);
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
    const at = await place();
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
    const at = await place();
    const node = await at.start();
    await node.apply(spec, me);
    await at.pass(401 * DAY);
    expect(await at.kept('audit')).toEqual([]);
  });
});
