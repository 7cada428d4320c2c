import { describe, expect, test } from 'vitest';
import type { PointSpec } from '../decision/spec.ts';
import { createNode } from '../node.ts';
import type { DecideInput } from '../node-api.ts';
import { standard } from '../presets/standard.ts';
import { handNode, me } from '../testing/hand-node.ts';
import { rotateIncarnation } from './rotation.ts';

const spec: PointSpec = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } };

describe('decide answers, whatever it is given', () => {
  const withField = { ...spec, context: { x: { type: 'number' as const } } };
  const inputs: [string, unknown][] = [
    ['null', { context: null }],
    ['text', { context: 'x' }],
    [
      'a getter that throws',
      {
        context: {
          get x() {
            throw new Error('gone');
          },
        },
      },
    ],
    ['an exclude that is no list', { exclude: 5 }],
    ['nothing', null],
  ];
  test.each(inputs)('%s', async (_, input) => {
    const node = await handNode();
    await node.apply(withField, me);
    await node.override({ point: 'p', arm: 'b', segment: { x: 1 }, reason: 'pin', by: me });
    expect(node.decide('p', input as DecideInput).arm).not.toBeNull();
  });

  test('and a listener that throws is counted, not felt', async () => {
    const node = await handNode();
    await node.apply(spec, me);
    node.subscribe(() => {
      throw new Error('a page went away');
    });
    expect(node.decide('p').reason).toBe('policy');
    expect(() => node.pass(2000)).not.toThrow();
    expect(node.nodes()[0].refused.listener_failed).toBeGreaterThan(0);
  });
});

describe('one decision shows nothing of the one before', () => {
  test('a stopped one has no stratum, and the hash of its own unit', async () => {
    const node = await handNode();
    await node.apply({ ...spec, guards: [{ kind: 'holdout', share: 1 }] }, me);
    const { unitHash } = node.decide('p', { unit: 'u2' }) as unknown as { unitHash: number };
    expect(node.decide('p', { unit: 'u1' }).stratum).toBe('holdout');
    await node.kill({ scope: 'point:p', reason: 'stop', by: me });
    expect(node.decide('p', { unit: 'u2' })).toMatchObject({ reason: 'killed', unitHash });
    await node.kill({ scope: 'artifact:a', reason: 'stop', by: me });
    expect(node.decide('p', { unit: 'u2' })).toMatchObject({ reason: 'blocked', stratum: '' });
  });
});

describe('what is kept', () => {
  test('a new incarnation goes on with the limits of the old one', async () => {
    const node = await handNode();
    await node.apply(
      { ...spec, guards: [{ kind: 'limit', of: 'actions', max: 3, per: '1h', scope: 'unit' }] },
      me,
    );
    const reasons = () => Array.from({ length: 3 }, () => node.decide('p', { unit: 'u' }).reason);
    expect(reasons()).toEqual(['policy', 'policy', 'policy']);
    const before = node.incarnation;
    rotateIncarnation(node.state);
    expect(node.incarnation).not.toBe(before);
    expect(node.decide('p', { unit: 'u' }).reason).toBe('blocked');
    expect(node.decide('p', { unit: 'other' }).id).toContain(node.incarnation);
  });

  test('deleted points leave room for others', async () => {
    const node = await handNode({ limits: { points: 2 } });
    for (const point of ['a', 'b', 'c', 'd']) {
      await node.apply({ ...spec, point }, me);
      await node.remove(point, me, 'done');
    }
    await node.apply({ ...spec, point: 'e' }, me);
    await node.apply({ ...spec, point: 'a' }, me);
    await expect(node.apply({ ...spec, point: 'f' }, me)).rejects.toMatchObject({ code: 'overloaded' });
  });

  test('metrics of one decision are bounded, however often something is said of it', async () => {
    const node = await handNode();
    await node.apply(spec, me);
    const { id } = node.decide('p');
    const many = (from: number) =>
      Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`m${from + i}`, 1]));
    expect((await node.feedback([{ id, metrics: many(0) }]))[0].status).toBe('joined');
    expect((await node.feedback([{ id, metrics: many(100) }]))[0]).toMatchObject({
      status: 'rejected',
      problem: { code: 'invalid_input', field: 'metrics' },
    });
  });

  test('another truth under the same revision is a conflict', async () => {
    const node = await handNode();
    await node.apply(spec, me);
    const { id } = node.decide('p');
    await node.feedback([{ id, truth: true }]);
    expect((await node.feedback([{ id, truth: true }]))[0].status).toBe('duplicate');
    expect((await node.feedback([{ id, truth: false }]))[0]).toMatchObject({
      status: 'rejected',
      problem: { code: 'feedback_conflict', field: 'truth' },
    });
  });

  test('an abandoned decision is no failure of its arm; one merely silent is', async () => {
    const node = await handNode();
    const objective = { success: 1 };
    await node.apply({ ...spec, objective, attribution: { window: '1s', default: { success: 0 } } }, me);
    node.release(node.decide('p').id, true);
    node.pass(2000);
    expect(node.report('p')).toMatchObject({ outcomes: 0, expired: 1, pending: 0 });
    node.release(node.decide('p').id);
    node.pass(2000);
    expect(node.report('p')).toMatchObject({ outcomes: 1, expired: 1, pending: 0 });
  });

  test('a node that has been stopped promises nothing more', async () => {
    const node = await handNode();
    await node.apply(spec, me);
    const { id } = node.decide('p');
    await node.close();
    await expect(node.kill({ scope: '*', reason: 'stop', by: me })).rejects.toMatchObject({ code: 'closed' });
    await expect(node.feedback([{ id, reward: 1 }])).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('the clocks of a decision', () => {
  test('are read anew as soon as the wall clock has moved, and now and then where it stands still', async () => {
    let wallMs = 1_700_000_000_000;
    let monoMs = 0;
    let reads = 0;
    const clock = {
      wallMs: () => wallMs,
      monotonicMs: () => {
        reads++;
        return monoMs;
      },
    };
    const node = await createNode({
      name: 'cloud',
      tier: 'cloud',
      root: true,
      registry: standard,
      ports: { clock, chance: { uint32: () => 1 } },
    });
    await node.apply(spec, me);
    node.decide('p');
    const before = reads;
    monoMs += 500;
    for (let i = 0; i < 200; i++) node.decide('p');
    expect(reads - before).toBeGreaterThan(1);
    expect(reads - before).toBeLessThan(10);
    wallMs += 1;
    monoMs += 100;
    expect(node.decide('p').atMs).toBe(wallMs);
    expect(node.state.moment.monoMs).toBe(600);
  });
});
