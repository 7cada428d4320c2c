import { expect, test } from 'vitest';
import type { PointSpec } from '../decision/spec.ts';
import { byHand, counting, type HandNode, handNode, me } from '../testing/hand-node.ts';
import { type MemoryDisk, memoryDisk } from '../testing/memory-storage.ts';

const start = (disk: MemoryDisk, arms: number, ms: number) =>
  handNode({ disk, limits: { arms }, hand: byHand({ ms, chance: counting(ms) }) });

const point = (name: string, arms: number): PointSpec => ({
  point: name,
  arms: Array.from({ length: arms }, (_, i) => `a${i}`),
  fallback: 'a0',
  policy: { kind: 'thompson' },
  objective: { success: 1 },
  attribution: { window: '10m', correction: '1d' },
  features: { user: { define: { clicks: { count: 'click' } } } },
  domain: name,
  context: { clicks: { feature: 'user.clicks' } },
});
const learned = (node: HandNode, name: string) => node.report(name).pooled.ownOutcomes;

test('a declaration on the disk that is beyond the limits now is left out and named; all else is there', async () => {
  const disk = memoryDisk();
  const before = await start(disk, 8, 1000);
  const open: string[] = [];
  for (const [name, arms] of [
    ['large', 8],
    ['small', 2],
  ] as const) {
    await before.apply(point(name, arms), me);
    for (let i = 0; i < 20; i++) {
      const { id } = before.decide(name, { unit: `u${i}` });
      if (i > 0) await before.feedback([{ id, metrics: { success: 1 } }]);
      else open.push(id);
    }
    await before.ingest([
      {
        id: `e-${name}`,
        source: 's',
        type: 'click',
        entity: 'user:u1',
        domain: name,
        atMs: 1_700_000_000_500,
      },
    ]);
  }
  await before.kill({ scope: 'domain:other', reason: 'r', by: me });
  before.pass(5000);
  await before.close();

  const node = await start(disk, 4, 10_000);
  expect(node.nodes()[0].points.map(({ point: name }) => name)).toEqual(['small']);
  const [{ health, problems, refused }] = node.nodes();
  expect(health).toBe('degraded');
  expect(problems.join()).toMatch(/point large is left out: .*arms/);
  expect(refused.spec_not_understood).toBeGreaterThan(0);
  expect(learned(node, 'small')).toBe(19);
  await node.feedback([{ id: open[1], metrics: { success: 1 } }]);
  expect(learned(node, 'small')).toBe(20);
  expect(node.controls().kills.map(({ scope }) => scope)).toEqual(['domain:other']);
  node.pass(5000);
  await node.close();

  // Nothing of it was lost: under limits that it fits it is what it was.
  const again = await start(disk, 8, 20_000);
  expect(again.nodes()[0].problems).toEqual([]);
  expect(learned(again, 'large')).toBe(19);
  expect(learned(again, 'small')).toBe(20);
  await again.feedback([{ id: open[0], metrics: { success: 1 } }]);
  expect(learned(again, 'large')).toBe(20);
  for (const name of ['large', 'small']) expect(again.entity(name, 'user:u1').features[0].value).toBe(1);
  await again.close();
});
