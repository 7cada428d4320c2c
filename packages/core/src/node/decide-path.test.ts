import { describe, expect, test } from 'vitest';
import type { DecisionRecord } from '../decision/decision-record.ts';
import type { PointSpec } from '../decision/spec.ts';
import type { HostedNode } from '../node.ts';
import { byHand, counting, handNode, me } from '../testing/hand-node.ts';
import { type MemoryDisk, memoryDisk } from '../testing/memory-storage.ts';

const spec: PointSpec = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } };

const start = (disk?: MemoryDisk, ms = 1000) =>
  handNode({ disk, hand: byHand({ ms, chance: counting(ms) }) });

const learned = (node: HostedNode): number => node.report('p').pooled.ownOutcomes;

describe('a unit that keeps its arm', () => {
  const sticky: PointSpec = { ...spec, sticky: { for: '1h' } };

  test('teaches once: its repeats are no draws of their own', async () => {
    const node = await start();
    await node.apply(sticky, me);
    const first = node.decide('p', { unit: 'u' });
    const again = node.decide('p', { unit: 'u' });
    expect(again).toMatchObject({ reason: 'sticky', arm: first.arm, propensity: first.propensity });
    await node.feedback([first, again].map(({ id }) => ({ id, reward: 1 })));
    expect(learned(node)).toBe(1);
  });

  test('keeps it over a restart', async () => {
    const disk = memoryDisk();
    const node = await start(disk);
    await node.apply(sticky, me);
    const { arm } = node.decide('p', { unit: 'u' });
    await node.close();
    const after = await start(disk, 5000);
    expect(after.decide('p', { unit: 'u' })).toMatchObject({ reason: 'sticky', arm });
  });

  test('lets go of what the learner chose for it while nothing of the learner may reach anybody', async () => {
    const node = await start();
    const open: PointSpec = { ...sticky, arms: ['a', 'b'], fallback: 'a' };
    await node.apply(open, me);
    const units = Array.from({ length: 40 }, (_, i) => `u${i}`);
    const armsOf = () => units.map((unit) => node.decide('p', { unit }).arm);
    const before = armsOf();
    expect(new Set(before).size).toBe(2);
    await node.apply({ ...open, guards: [{ kind: 'shadow' }] }, me);
    expect(new Set(armsOf())).toEqual(new Set(['a']));
    // What the baseline gave them they keep.
    expect(new Set(units.map((unit) => node.decide('p', { unit }).reason))).toEqual(new Set(['sticky']));
  });

  test('is one of 65,536 at most, those that drew last, after a restart as before', async () => {
    const disk = memoryDisk();
    const node = await start(disk);
    await node.apply({ ...sticky, pending: 131_072 }, me);
    for (let i = 0; i < 70_000; i++) node.decide('p', { unit: `u${i}` });
    const known = ({ state }: HostedNode): number => state.points.get('p')?.stuck.size ?? 0;
    expect(known(node)).toBe(65_536);
    await node.close();
    const after = await start(disk, 5000);
    expect(known(after)).toBe(65_536);
    expect(after.decide('p', { unit: 'u69999' }).reason).toBe('sticky');
    expect(after.decide('p', { unit: 'u0' }).reason).toBe('policy');
  });
});

describe('a new version of a point', () => {
  const full: PointSpec = {
    ...spec,
    guards: [{ kind: 'bulkhead', total: 2 }],
  };

  test('goes on with what is in flight, and hears when it is so no longer', async () => {
    const node = await start();
    await node.apply(full, me);
    const [first, second] = [node.decide('p'), node.decide('p')];
    await node.apply({ ...full, description: 'v2' }, me);
    expect(node.decide('p').reason).toBe('blocked');
    await node.apply({ ...full, description: 'v3' }, me);
    expect(node.decide('p').reason).toBe('blocked');
    await node.feedback([{ id: first.id, reward: 1 }]);
    expect(node.decide('p').reason).toBe('policy');
    node.release(second.id);
    const inflight = node.report('p').arms.map((arm) => arm.inflight);
    expect(inflight.reduce((sum, n) => sum + n, 0)).toBe(1);
  });

  test('nor is what was in flight forgotten where it was deleted and is declared again', async () => {
    const node = await start();
    await node.apply(full, me);
    const [first, second] = [node.decide('p'), node.decide('p')];
    await node.remove('p', me);
    await node.apply(full, me);
    expect(node.decide('p').reason).toBe('blocked');
    node.release(first.id);
    expect(node.decide('p').reason).toBe('policy');
    expect(node.decide('p').reason).toBe('blocked');
    node.release(second.id);
    expect(node.state.points.get('p')).toMatchObject({ inflightTotal: 1 });
    expect(node.state.domainLoads.get('default')?.inflight).toBe(1);
  });

  test('counts by arm, wherever the arm stands now', async () => {
    const node = await start();
    const fixed: PointSpec = { ...spec, policy: { kind: 'fixed', arm: 'b' } };
    await node.apply(fixed, me);
    const { id } = node.decide('p');
    await node.apply({ ...fixed, arms: ['c', 'b', 'a'] }, me);
    const of = () => Object.fromEntries(node.report('p').arms.map((each) => [each.arm, each.inflight]));
    expect(of()).toEqual({ a: 0, b: 1, c: 0 });
    node.release(id);
    expect(of()).toEqual({ a: 0, b: 0, c: 0 });
  });

  test('is none where only the order of the keys is another', async () => {
    const node = await start();
    await node.apply({ ...spec, policy: { kind: 'thompson', reward: 'gaussian' } }, me);
    const { policy: _, ...rest } = spec;
    expect(await node.apply({ policy: { reward: 'gaussian', kind: 'thompson' }, ...rest }, me)).toEqual({
      version: 1,
      changed: false,
    });
  });
});

describe('an arm that the caller cannot use', () => {
  test('is not the fallback either: then nothing is chosen', async () => {
    const node = await start();
    await node.apply(spec, me);
    await node.kill({ scope: 'point:p', reason: 'stop', by: me });
    expect(node.decide('p', { exclude: ['b'] })).toMatchObject({ reason: 'killed', arm: 'a' });
    expect(node.decide('p', { exclude: ['a'] })).toMatchObject({ reason: 'blocked', arm: null });
  });

  test('a table goes on to its next rule', async () => {
    const node = await start();
    await node.apply(
      { ...spec, arms: ['a', 'b', 'c'], fallback: { rules: [{ when: {}, arm: 'a' }, { arm: 'b' }] } },
      me,
    );
    await node.kill({ scope: 'point:p', reason: 'stop', by: me });
    expect(node.decide('p').arm).toBe('a');
    expect(node.decide('p', { exclude: ['a'] })).toMatchObject({ reason: 'killed', arm: 'b' });
    expect(node.decide('p', { exclude: ['a', 'b'] }).reason).toBe('blocked');
  });
});

describe('what comes after the window', () => {
  const objective = { success: 1 };
  const late: PointSpec = { ...spec, objective, attribution: { window: '1s', correction: '1h' } };

  test('teaches nothing where silence was the outcome, and is kept', async () => {
    const disk = memoryDisk();
    const node = await start(disk);
    await node.apply(late, me);
    const { id } = node.decide('p');
    node.pass(2000);
    expect(node.report('p')).toMatchObject({ expired: 1, outcomes: 0 });
    expect((await node.feedback([{ id, metrics: { success: 1 } }]))[0].status).toBe('joined');
    expect(learned(node)).toBe(0);
    await node.close();
    // Not after a restart either: a correction would take back what was never learned.
    const after = await start(disk, 5000);
    await after.feedback([{ id, metrics: { success: 0 }, revision: 1 }]);
    expect(learned(after)).toBe(0);
  });

  test('corrects what was learned, also from a default', async () => {
    const node = await start();
    await node.apply({ ...late, attribution: { ...late.attribution, default: { success: 0 } } }, me);
    const { id } = node.decide('p');
    node.pass(2000);
    expect(learned(node)).toBe(1);
    await node.feedback([{ id, metrics: { success: 1 } }]);
    expect(learned(node)).toBe(1);
  });
});

describe('a failure', () => {
  const breaker: PointSpec = {
    ...spec,
    policy: { kind: 'fixed', arm: 'b' },
    objective: { success: 1, latencyMs: -0.001, range: [-1, 1] },
    guards: [{ kind: 'breaker', minCalls: 4, failureRate: 0.5 }],
    attribution: { window: '1s' },
  };

  test.each([
    ['success', { success: 0 }],
    ['error', { error: 1 }],
  ])('trips the breaker at once, by %s alone, and counts once', async (_, metrics) => {
    const node = await start();
    await node.apply(breaker, me);
    const made = [1, 2, 3, 4].map(() => node.decide('p').id);
    await node.feedback(made.slice(0, 3).map((id) => ({ id, metrics })));
    // The rest of what belongs to them comes later, and is no other call.
    await node.feedback(made.slice(0, 3).map((id) => ({ id, metrics: { success: 0, latencyMs: 5 } })));
    expect(node.decide('p').arm).toBe('b');
    await node.feedback([{ id: made[3], metrics }]);
    expect(node.decide('p').arm).toBe('a');
  });
});

describe('a truth that is text', () => {
  test('is durable, and first come first kept, as metrics are', async () => {
    const disk = memoryDisk();
    const first = await start(disk);
    await first.apply(spec, me);
    const { id } = first.decide('p');
    const status = async (node: HostedNode, truth: string | boolean, revision = 0) => {
      const [result] = await node.feedback([{ id, truth, revision }]);
      return result.status === 'rejected' ? result.problem.code : result.status;
    };
    expect(await status(first, 'cat')).toBe('joined');
    await first.close();
    const node = await start(disk, 5000);
    expect(await status(node, 'cat')).toBe('duplicate');
    expect(await status(node, 'dog')).toBe('feedback_conflict');
    expect(await status(node, true)).toBe('feedback_conflict');
    expect(await status(node, 'dog', 1)).toBe('joined');
    expect(await status(node, 'cat')).toBe('duplicate');
    expect(await status(node, true, 2)).toBe('joined');
    expect(await status(node, 'dog', 2)).toBe('feedback_conflict');
  });

  test('goes out with the outcome', async () => {
    const node = await start();
    await node.apply(spec, me);
    const heard: unknown[] = [];
    node.subscribe((event) => event.kind === 'outcome' && heard.push(event));
    await node.feedback([{ id: node.decide('p').id, reward: 1, truth: 'cat' }]);
    expect(heard).toMatchObject([{ truth: 'cat', reward: 1 }]);
  });
});

describe('the report', () => {
  test('counts by reason, and the counts add up', async () => {
    const node = await start();
    await node.apply({ ...spec, guards: [{ kind: 'holdout', share: 0.5 }] }, me);
    for (let i = 0; i < 40; i++) node.decide('p', { unit: `u${i}` });
    await node.kill({ scope: 'point:p', reason: 'stop', by: me });
    node.decide('p');
    await node.apply({ ...spec, description: 'v2' }, me);
    const { reasons, decisions } = node.report('p');
    expect(reasons.killed).toBe(1);
    expect(reasons.baseline).toBeGreaterThan(5);
    expect(Object.values(reasons).reduce((sum, n) => sum + n, 0)).toBe(decisions);
  });

  test('an arm’s reward stays in the range that was declared', async () => {
    const node = await start();
    await node.apply({ ...spec, policy: { kind: 'thompson', reward: 'gaussian' } }, me);
    const made = Array.from({ length: 3 }, () => node.decide('p') as DecisionRecord);
    await node.feedback(made.map(({ id }) => ({ id, reward: 1 })));
    node.pass(2000);
    for (const { reward } of node.report('p').arms) {
      expect(reward.low ?? 0).toBeGreaterThanOrEqual(0);
      expect(reward.high ?? 1).toBeLessThanOrEqual(1);
    }
  });
});
