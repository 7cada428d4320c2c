import { describe, expect, test } from 'vitest';
import type { PointSpec } from '../decision/spec.ts';
import type { HostedNode } from '../node.ts';
import { byHand, congruential, type HandNode, handNode, me } from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/memory-storage.ts';

const PENDING = 16;
const WINDOW_MS = 10_000;
const spec: PointSpec = {
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'thompson' },
  objective: { success: 1 },
  attribution: { window: WINDOW_MS, correction: '10s' },
  pending: PENDING,
};
const KEPT_MS = 2 * WINDOW_MS;

const hand = byHand({ chance: congruential() });
const start = (disk = memoryDisk()) => handNode({ hand, disk });
const pass = (node: HandNode, forMs: number): void => {
  for (let left = forMs; left > 0; left -= 500) node.pass(500);
};
const decide = (node: HostedNode, count: number): string[] =>
  Array.from({ length: count }, () => node.decide('p').id);

/** What becomes of feedback: its status, or why it was refused. */
async function sent(node: HostedNode, ids: readonly string[], metrics = { success: 1 }): Promise<string[]> {
  const results = await node.feedback(ids.map((id) => ({ id, metrics })));
  return results.map((each) => (each.status === 'rejected' ? each.problem.code : each.status));
}
const only = (words: readonly string[]): ReadonlySet<string> => new Set(words);

describe('feedback for a decision that is not remembered', () => {
  test('is unjoined while its windows are open, and expired once they have closed', async () => {
    const node = await start();
    await node.apply(spec, me);
    const many = decide(node, 3 * PENDING);
    const soon = await sent(node, many);
    expect(only(soon)).toEqual(new Set(['joined', 'unjoined']));
    const notKept = many.filter((_, i) => soon[i] === 'unjoined');
    pass(node, KEPT_MS - 1000);
    expect(only(await sent(node, notKept))).toEqual(new Set(['unjoined']));
    pass(node, 2000);
    expect(only(await sent(node, many))).toEqual(new Set(['feedback_expired']));
    await node.close();
  });

  test('is expired for all that was kept until its end, though room was short once', async () => {
    const node = await start();
    await node.apply(spec, me);
    decide(node, 3 * PENDING);
    pass(node, KEPT_MS + 1000);
    const [late] = decide(node, 1);
    pass(node, KEPT_MS + 1000);
    const short = decide(node, 3 * PENDING);
    expect(await sent(node, [late])).toEqual(['feedback_expired']);
    expect(only(await sent(node, short))).toEqual(new Set(['joined', 'unjoined']));
    expect(node.report('p').unjoined).toBeGreaterThan(0);
    await node.close();
  });

  test('is unjoined where it was let go before its correction window closed', async () => {
    const node = await start();
    await node.apply(spec, me);
    const told = decide(node, PENDING);
    expect(only(await sent(node, told))).toEqual(new Set(['joined']));
    // What only waits for corrections makes room first.
    decide(node, 1);
    const corrections = await node.feedback(told.map((id) => ({ id, metrics: { success: 0 }, revision: 1 })));
    expect(only(corrections.map(({ status }) => status))).toEqual(new Set(['unjoined']));
    await node.close();
  });

  test('is told apart after a restart too, of what an earlier process decided', async () => {
    const disk = memoryDisk();
    const before = await start(disk);
    await before.apply(spec, me);
    const old = decide(before, 2);
    pass(before, KEPT_MS - 2000);
    const many = decide(before, 3 * PENDING);
    pass(before, 1000);
    await before.close();
    hand.ms += 2000;
    const node = await start(disk);
    expect(await sent(node, old)).toEqual(['feedback_expired', 'feedback_expired']);
    expect(only(await sent(node, many))).toEqual(new Set(['joined', 'unjoined']));
    pass(node, 2 * KEPT_MS);
    expect(only(await sent(node, many))).toEqual(new Set(['feedback_expired']));
    await node.close();
  });
});

test('a decision that chose nothing has no outcome: what is told of it is unjoined, not late', async () => {
  const node = await start();
  const none = { kind: 'bulkhead', total: 1 };
  await node.apply({ ...spec, guards: [none] }, me);
  const [, blocked] = [node.decide('p'), node.decide('p')];
  expect(blocked.reason).toBe('blocked');
  expect(await sent(node, [blocked.id])).toEqual(['unjoined']);
  await node.close();
});
