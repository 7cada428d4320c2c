import { expect, test } from 'vitest';
import type { PointSpec } from '../decision/spec.ts';
import type { HostedNode } from '../node.ts';
import { byHand, congruential, type HandNode, handNode, me, settle } from '../testing/hand-node.ts';
import { type MemoryDisk, memoryDisk } from '../testing/memory-storage.ts';

const WINDOW_MS = 10_000;
const spec: PointSpec = {
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'thompson' },
  objective: { success: 1 },
  attribution: { window: WINDOW_MS, correction: '10s' },
  training: { selfCaused: 'holdBack' },
};

const hand = byHand({ chance: congruential() });
const start = (disk: MemoryDisk) => handNode({ hand, disk, tuning: { restartGraceMs: 1000 } });
const decide = (node: HostedNode, count: number): string[] =>
  Array.from({ length: count }, () => node.decide('p').id);
const told = (ids: readonly string[], success: number) => ids.map((id) => ({ id, metrics: { success } }));

/** What the report says of outcomes: joined, awaited, expired, unjoined, failures and what could have taught. */
const counts = (node: HostedNode) => {
  const { outcomes, pending, expired, unjoined, arms, training } = node.report('p');
  const failures = arms.reduce((sum, arm) => sum + arm.failures, 0);
  const taught = (training?.caused ?? 0) + (training?.others ?? 0);
  return { outcomes, pending, expired, unjoined, failures, taught };
};

/** Decisions of a process that is gone, durable here, and the process that came after it. */
async function restarted(count: number): Promise<{ node: HandNode; ids: string[] }> {
  const disk = memoryDisk();
  const before = await start(disk);
  await before.apply(spec, me);
  const ids = decide(before, count);
  await settle([before], 1000, 500);
  await before.feedback(told(ids.slice(0, 1), 0));
  expect(counts(before)).toMatchObject({ outcomes: 1, pending: count - 1, failures: 1, taught: 1 });
  await before.close();
  return { node: await start(disk), ids };
}

test('outcomes joined since this start are counted, whichever process decided', async () => {
  const { node, ids } = await restarted(5);
  expect(counts(node)).toEqual({ outcomes: 0, pending: 4, expired: 0, unjoined: 0, failures: 0, taught: 0 });
  await node.feedback(told(ids.slice(1, 3), 0));
  await node.feedback(told(ids.slice(3, 4), 1));
  const three = { outcomes: 3, pending: 1, expired: 0, unjoined: 0, failures: 2, taught: 3 };
  expect(counts(node)).toEqual(three);
  // Neither said again, nor corrected, nor joined before this start already.
  await node.feedback(told(ids.slice(1, 3), 0));
  await node.feedback([{ id: ids[0], metrics: { success: 1 }, revision: 1 }]);
  expect(counts(node)).toEqual(three);
  await settle([node], 2 * WINDOW_MS, 500);
  expect(counts(node)).toEqual({ ...three, pending: 0, expired: 1 });
  await settle([node], 2 * WINDOW_MS, 500);
  // The state of the process before has nothing left to wait for; what was counted stays.
  expect(counts(node)).toEqual({ ...three, pending: 0, expired: 1 });
  await node.close();
});

test('a point declared anew goes on counting what was decided under its former declaration', async () => {
  const node = await start(memoryDisk());
  await node.apply(spec, me);
  const ids = decide(node, 4);
  await node.feedback(told(ids.slice(0, 1), 0));
  await node.apply({ ...spec, arms: ['c', 'b', 'a'] }, me);
  expect(counts(node)).toEqual({ outcomes: 1, pending: 3, expired: 0, unjoined: 0, failures: 1, taught: 1 });
  await node.feedback(told(ids.slice(1, 3), 0));
  decide(node, 1);
  expect(counts(node)).toEqual({ outcomes: 3, pending: 2, expired: 0, unjoined: 0, failures: 3, taught: 3 });
  await settle([node], 2 * WINDOW_MS, 500);
  expect(counts(node)).toEqual({ outcomes: 3, pending: 0, expired: 2, unjoined: 0, failures: 3, taught: 3 });
  await node.close();
});

test('feedback that finds no place is counted as unjoined, whichever process decided', async () => {
  const disk = memoryDisk();
  const before = await start(disk);
  await before.apply({ ...spec, pending: 16 }, me);
  const ids = decide(before, 64);
  await settle([before], 1000, 500);
  await before.close();
  const node = await start(disk);
  const results = await node.feedback(told(ids, 1));
  const joined = results.filter(({ status }) => status === 'joined').length;
  expect(joined).toBeGreaterThan(0);
  expect(counts(node)).toMatchObject({ outcomes: joined, pending: 0, unjoined: ids.length - joined });
  await node.close();
});
