import { describe, expect, test } from 'vitest';
import type { HostedNode } from '../node.ts';
import type { Policy } from '../policy.ts';
import { standard } from '../presets/standard.ts';
import type { Factory } from '../registry.ts';
import type { NodeStatus } from '../status.ts';
import type { AskAnswer, UpMessage } from '../sync/messages.ts';
import { handNode, me } from '../testing/hand-node.ts';
import { upMessage } from '../testing/spoken-child.ts';

const spec = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } };

/** A root with one point, on clocks that stand still. */
async function root(limits: { points?: number; origins?: number } = {}): Promise<HostedNode> {
  const broken: Factory<Policy> = (options, input) => ({
    ...standard.policies.fixed({ arm: 'a', ...options }, input),
    propose: () => {
      throw new Error('the model is gone');
    },
  });
  const node = await handNode({
    registry: { ...standard, policies: { ...standard.policies, broken } },
    limits,
  });
  await node.apply(spec, me);
  return node;
}

/** A message that a device's link would let through. */
const up = (rest: Partial<UpMessage>) => upMessage({ complete: false, ...rest });

const nothing = { kills: [], overrides: [], quarantines: [], removed: [], specs: [], resets: [] };
const said = { tag: 'dev~x1~1', subtree: 'dev', reason: 'why', by: 'dev', atMs: 1 };

describe('what a child sends is not believed', () => {
  test('a standing kill is not turned into one of nothing under its own tag', async () => {
    const node = await root();
    const { tag } = await node.kill({ scope: 'point:p', reason: 'bad', by: me });
    const forged = { ...said, tag, scope: 'point:other', reason: 'zzz' };
    node.receiveUp(up({ controls: { ...nothing, kills: [forged] } }), () => {});
    expect(node.decide('p').reason).toBe('killed');
    expect(node.controls().kills[0].scope).toBe('point:p');
  });

  test('nor is a tag taken that only this process may give', async () => {
    const node = await root();
    const forged = { ...said, tag: `cloud~${node.incarnation}~1`, scope: 'point:other', reason: 'zzz' };
    node.receiveUp(up({ controls: { ...nothing, kills: [forged] } }), () => {});
    await node.kill({ scope: 'point:p', reason: 'bad', by: me });
    expect(node.decide('p').reason).toBe('killed');
    expect(node.nodes()[0].refused.forged_control).toBe(1);
  });

  test('an override above is not given another arm under its own tag', async () => {
    const node = await root();
    const { tag } = await node.override({ point: 'p', arm: 'b', reason: 'pin', by: me });
    const forged = { ...said, tag, subtree: 'cloud', point: 'p', arm: 'a', segment: {}, expiresMs: null };
    node.receiveUp(up({ controls: { ...nothing, overrides: [{ ...forged, reason: 'zzz' }] } }), () => {});
    expect(node.decide('p').arm).toBe('b');
  });

  test('a kill of a scope that this version does not know is shown, and can be listed', async () => {
    const node = await root();
    node.subscribe(() => {});
    const kill = { ...said, scope: 'galaxy:m31' };
    expect(() => node.receiveUp(up({ controls: { ...nothing, kills: [kill] } }), () => {})).not.toThrow();
    expect(node.controls().kills[0].scope).toBe('galaxy:m31');
  });

  test('a status without its fields is refused, not shown to pages and metrics', async () => {
    const node = await root();
    const status = { node: 'dev', ageMs: 0 } as NodeStatus;
    node.receiveUp(up({ telemetry: [{ status, reports: [], via: '' }] }), () => {});
    expect(node.nodes().map((each) => each.node)).toEqual(['cloud']);
    expect(node.nodes()[0].refused.malformed_telemetry).toBe(1);
  });

  test('the status that a node tells of itself is sound', async () => {
    const node = await root();
    const status = { ...node.nodes()[0], node: 'dev' };
    node.receiveUp(up({ telemetry: [{ status, reports: [], via: '' }] }), () => {});
    expect(node.nodes().map((each) => each.node)).toEqual(['cloud', 'dev']);
  });

  describe('a report', () => {
    /** What a child says of the point, with one thing changed. */
    async function told(change: (report: Record<string, never>) => void) {
      const node = await root();
      const teller = await root();
      const watched = { ...spec, validation: {}, guards: [{ kind: 'holdout', share: 0.5 }] };
      for (const each of [node, teller]) await each.apply(watched, me);
      for (let i = 0; i < 20; i++)
        await teller.feedback([{ id: teller.decide('p', { unit: `u${i}` }).id, reward: i % 2 }]);
      const report = JSON.parse(JSON.stringify(teller.reports('p')[0]));
      const status = { ...teller.nodes()[0], node: 'dev' };
      change(report);
      node.subscribe(() => {});
      node.receiveUp(up({ telemetry: [{ status, reports: [report], via: '' }] }), () => {});
      return node;
    }

    test('of an honest child is counted', async () => {
      const node = await told(() => {});
      expect(node.report('p').decisions).toBe(20);
      expect(node.nodes()[0].refused.malformed_telemetry).toBeUndefined();
    });

    const lies: [string, (report: Record<string, never>) => void][] = [
      ['counts less than nothing', (report) => Object.assign(report, { outcomes: -1 })],
      ['has an arm of less than nothing', ({ arms }) => Object.assign(arms[0], { decisions: -1 })],
      ['has an arm whose sums are none', ({ arms }) => Object.assign(arms[0], { sums: null })],
      ['has an arm without a reward', ({ arms }) => Object.assign(arms[0], { reward: null })],
      ['has a latency without sums', ({ arms }) => Object.assign(arms[0], { latency: { metric: 'm' } })],
      ['has a lift whose sums are none', ({ lift }) => Object.assign(lift[0], { sums: null })],
      ['has a lift without a difference', ({ lift }) => Object.assign(lift[0], { difference: null })],
      [
        'has guards that acted less than never',
        ({ guards }) => Object.assign(guards[0], { interventions: -1 }),
      ],
      ['has no calibration', ({ validation }) => Object.assign(validation, { calibration: null })],
      ['has no recent losses', ({ validation }) => Object.assign(validation, { recent: null })],
    ];
    test.each(lies)('that %s is refused, and neither report nor page fails of it', async (_what, change) => {
      const node = await told(change);
      expect(node.nodes()[0].refused.malformed_telemetry).toBe(1);
      expect(node.report('p').decisions).toBe(0);
      expect(() => node.tick()).not.toThrow();
    });
  });

  test('a question that the policy fails at gets no answer, and takes nobody down', async () => {
    const node = await root();
    await node.apply({ ...spec, point: 'q', policy: { kind: 'broken' } }, me);
    const ask = { id: 1, point: 'q', context: {}, unit: '', allowed: ['a', 'b'], budgetMs: 1 };
    const answers: unknown[] = [];
    node.receiveUp(up({ asks: [ask] }), (down) => answers.push(...down.answers));
    expect(answers).toEqual([{ id: 1, p: null, confidence: null }]);
  });

  test('questions that make no sense get no answer, and as many are taken as are sensible', async () => {
    const node = await root();
    const ask = { id: 1, point: 'p', context: {}, unit: '', allowed: ['a', 'b'], budgetMs: 1 };
    const odd = [
      { ...ask, allowed: [] },
      { ...ask, allowed: ['__proto__', 'constructor'] },
      { ...ask, allowed: 'ab' as never },
      { ...ask, budgetMs: Number.NaN },
      { ...ask, budgetMs: -1 },
      { ...ask, unit: 'u'.repeat(100_000) },
      { ...ask, unit: 5 as never },
      { ...ask, point: '__proto__' },
    ];
    const many = Array.from({ length: 3000 }, () => ask);
    const answers: AskAnswer[] = [];
    node.receiveUp(up({ asks: [...odd, ...many] }), (down) => answers.push(...down.answers));
    expect(answers).toHaveLength(1024);
    expect(answers.slice(0, odd.length).every(({ p }) => p === null)).toBe(true);
    expect(answers[odd.length].p).toEqual({ a: 0.5, b: 0.5 });
    expect(node.nodes()[0].refused.too_many_asks).toBe(odd.length + 3000 - 1024);
    expect(node.state.points.get('p')).toMatchObject({ n: 0, turns: 0, inflightTotal: 0 });
  });

  test('made-up learners and children cost no memory beyond the limits', async () => {
    const node = await root({ points: 2, origins: 3 });
    let session = { session: 0, parentIncarnation: '' };
    node.receiveUp(up({}), (down) => {
      session = { session: down.session, parentIncarnation: down.incarnation };
    });
    for (let seq = 2; seq < 40; seq++)
      node.receiveUp(
        up({
          ...session,
          seq,
          slots: [
            { key: `k${seq}|x|y|0`, origin: 'dev~x1', version: 1, onlyVia: '', bytes: new Uint8Array(1) },
          ],
          learners: [[`l${seq}|x|y|0`, 0]],
        }),
        () => {},
      );
    for (let i = 0; i < 40; i++) node.receiveUp(up({ node: `d${i}` }), () => {});
    const [link] = node.state.children.values();
    expect(node.state.children.size).toBe(3);
    expect(link.listed.size).toBeLessThanOrEqual(8);
    expect(link.bases.size).toBeLessThanOrEqual(8);
  });
});
