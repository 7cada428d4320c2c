import { describe, expect, test } from 'vitest';
import { isGanglionError } from '../errors.ts';
import type { HostedNode } from '../node.ts';
import { byHand, handNode, me, settle } from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/memory-storage.ts';
import { spokenChild } from '../testing/spoken-child.ts';

const spec = {
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'thompson' },
  guards: [{ kind: 'breaker', failureRate: 0.5, minCalls: 10, openFor: '1s', probes: 1 }],
  attribution: { window: '1h' },
};

async function place() {
  const disk = memoryDisk({ faults: { commitFails: 0 } });
  const hand = byHand();
  const start = () => handNode({ hand, disk, tuning: { intakeMax: 100, unsavedMax: 500 } });
  const node = await start();
  await node.apply(spec, me);
  const pass = (forMs: number, stepMs = 1000) => settle([node], forMs, stepMs);
  const decide = (times: number): string[] =>
    Array.from({ length: times }, (_, i) => node.decide('p', { unit: `u${i}` }).id);
  /** What the caller is told of each item. */
  const report = async (ids: readonly string[]): Promise<string[]> =>
    Promise.all(
      ids.map((id) =>
        node.feedback([{ id, reward: 1 }]).then(
          ([{ status }]) => status,
          (error) => (isGanglionError(error) ? error.code : 'odd'),
        ),
      ),
    );
  return { disk, node, start, pass, decide, report };
}

const waiting = ({ state }: HostedNode): number =>
  state.unsaved.length + state.accepted.length + state.writes.length;

describe('while the disk fails', () => {
  test('decisions are made, and what waits for the disk is bounded and counted', async () => {
    const { disk, node, pass, decide } = await place();
    disk.faults.commitFails = 1;
    for (let minute = 0; minute < 60; minute++) {
      expect(decide(50)).toHaveLength(50);
      await pass(60_000, 5000);
    }
    const { unwritten, unsaved, writes } = node.state;
    expect(unwritten.decisions + unsaved.length).toBe(500);
    expect(node.nodes()[0].refused.decision_not_logged).toBe(2500);
    // Not one snapshot of the guards for every five seconds.
    expect(writes.filter((write) => write.kind !== 'append' && write.collection === 'guards')).toHaveLength(
      1,
    );
    expect(node.nodes()[0].storage).toBe('failing');
  });

  test('feedback is refused, at first for the disk and then for the room', async () => {
    const { disk, node, pass, decide, report } = await place();
    const ids = decide(400);
    disk.faults.commitFails = 1;
    const told: string[] = [];
    for (let at = 0; at < ids.length; at += 40) {
      told.push(...(await report(ids.slice(at, at + 40))));
      await pass(5000);
    }
    expect(told).not.toContain('joined');
    expect(told.slice(0, 40)).toEqual(told.slice(0, 40).map(() => 'storage_failed'));
    expect(told.slice(200)).toEqual(told.slice(200).map(() => 'overloaded'));
    expect(node.state.unwritten.outcomes + node.state.accepted.length).toBeLessThanOrEqual(100);
    expect(waiting(node)).toBeLessThan(200);
  });

  test('and so is that of children, which send it again', async () => {
    const { disk, node, pass, decide } = await place();
    const ids = decide(400);
    disk.faults.commitFails = 1;
    const child = spokenChild(node, 'dev');
    for (let at = 0; at < ids.length; at += 50) {
      child.say({ feedback: ids.slice(at, at + 50).map((id, seq) => ({ seq, item: { id, reward: 1 } })) });
      await pass(5000);
    }
    expect(child.heard.at(-1)?.ack).toBe(0);
    expect(node.state.unwritten.outcomes + node.state.accepted.length).toBeLessThanOrEqual(150);
    expect(node.nodes()[0].refused.feedback_without_room).toBeGreaterThan(200);
  });

  test('nothing that was acknowledged is lost, once it is mended and after a crash', async () => {
    const { disk, node, start, pass, decide, report } = await place();
    const ids = decide(150);
    await pass(2000);
    expect(await report(ids.slice(0, 10))).toEqual(ids.slice(0, 10).map(() => 'joined'));
    disk.faults.commitFails = 1;
    const during = decide(450);
    await report(ids.slice(10, 40));
    await pass(120_000, 5000);
    disk.faults.commitFails = 0;
    await pass(10_000);
    expect(node.state.unwritten).toEqual({ decisions: 0, outcomes: 0, bytes: 0 });
    expect(await report(ids.slice(10, 40))).toEqual(ids.slice(10, 40).map(() => 'duplicate'));
    expect(await report(during.slice(0, 60))).toEqual(during.slice(0, 60).map(() => 'joined'));
    disk.crash();
    const again = await start();
    const known = await again.feedback(
      [...ids.slice(0, 40), ...during.slice(0, 60)].map((id) => ({ id, reward: 1 })),
    );
    expect(known.every(({ status }) => status === 'duplicate')).toBe(true);
    expect(again.report('p', 'self').pooled.ownOutcomes).toBe(100);
  });

  test('a kill is in force at once, and is one however often it is said', async () => {
    const { disk, node, start, pass } = await place();
    disk.faults.commitFails = 1;
    const kill = () => node.kill({ scope: 'point:p', reason: 'x', by: me });
    for (let i = 0; i < 1000; i++) {
      const refused = expect(kill()).rejects.toMatchObject({
        code: 'storage_failed',
        message: expect.stringContaining('It is in force at cloud all the same'),
      });
      await pass(500);
      await refused;
    }
    expect(node.decide('p').reason).toBe('killed');
    expect(node.controls().kills).toHaveLength(1);
    expect(waiting(node)).toBeLessThan(11_000);
    disk.faults.commitFails = 0;
    await kill();
    disk.crash();
    const again = await start();
    expect(again.controls().kills).toHaveLength(1);
    expect(again.decide('p').reason).toBe('killed');
  });

  test('what sets free, or declares, is refused and changes nothing', async () => {
    const { disk, node, pass } = await place();
    await node.kill({ scope: 'point:p', reason: 'x', by: me });
    disk.faults.commitFails = 1;
    node.decide('p');
    await pass(1000);
    const before = [node.controls(), node.points(), node.audit()];
    const refused: Promise<unknown>[] = [
      node.revive({ scope: 'point:p', reason: 'x', by: me }),
      node.override({ point: 'p', arm: 'b', reason: 'x', by: me }),
      node.reset({ point: 'p', reason: 'x', by: me }),
      node.apply({ ...spec, arms: ['a', 'b', 'c'] }, me),
      node.remove('p', me),
      node.models.register({ model: 'm', version: '1', digest: 'd', by: me } as never),
    ];
    for (const each of refused) await expect(each).rejects.toMatchObject({ code: 'storage_failed' });
    expect([node.controls(), node.points(), node.audit()]).toEqual(before);
    expect(node.decide('p').reason).toBe('killed');
    disk.faults.commitFails = 0;
    await node.revive({ scope: 'point:p', reason: 'x', by: me });
    expect(node.decide('p').reason).toBe('policy');
  });

  test('a declaration that is not on the disk yet is not said to stand as it was', async () => {
    const { disk, node, pass } = await place();
    disk.faults.commitFails = 1;
    const changed = { ...spec, arms: ['a', 'b', 'c'] };
    await expect(node.apply(changed, me)).rejects.toMatchObject({ code: 'storage_failed' });
    await expect(node.apply(changed, me)).rejects.toMatchObject({ code: 'storage_failed' });
    disk.faults.commitFails = 0;
    await pass(6000);
    expect(await node.apply(changed, me)).toEqual({ version: 2, changed: false });
  });
});
