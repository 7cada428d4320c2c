import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../limits.ts';
import type { HostedNode } from '../node.ts';
import type { NodeStatus, PointReport } from '../status.ts';
import { decodeMessage, encodeMessage } from '../sync/codec.ts';
import type { Telemetry, UpMessage } from '../sync/messages.ts';
import { byHand, handNode, join, me, settle } from '../testing/hand-node.ts';
import { spokenChild } from '../testing/spoken-child.ts';

const spec = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } };
const nothing = { kills: [], overrides: [], quarantines: [], removed: [], specs: [], resets: [] };

/** A region below a root, over a link that takes what a real one takes. */
async function tree() {
  const hand = byHand();
  const root = await handNode({ hand });
  const region = await handNode({ name: 'region', tier: 'region', hand });
  await root.apply(spec, me);
  const sizes: number[] = [];
  const way = { isCut: false };
  const sent: UpMessage[] = [];
  join(root, region, {
    up: (message) => {
      const bytes = encodeMessage(message);
      sizes.push(bytes.length);
      sent.push(message);
      if (bytes.length > DEFAULT_LIMITS.messageBytes || way.isCut) return undefined;
      return decodeMessage(bytes, DEFAULT_LIMITS).message as UpMessage;
    },
    down: (message) => structuredClone(message),
  });
  const pass = (times: number): Promise<void> => settle([root, region], 250 * times, 250);
  await pass(8);
  return { root, region, sizes, sent, pass, way };
}

const statusOf = (node: HostedNode, name: string, problem = ''): NodeStatus => ({
  ...node.nodes()[0],
  node: name,
  problems: [problem],
});

const told = (node: HostedNode, name: string, chars = 0): Telemetry => {
  const report: PointReport = { ...node.report('p', 'self'), node: name, why: 'x'.repeat(chars) };
  return { status: statusOf(node, name), reports: [report], via: '' };
};

describe('whatever a child says, the link above it takes what is said of it', () => {
  test('telemetry: a chatty child leaves the others their turn', async () => {
    const { root, region, sizes, pass } = await tree();
    const chatty = spokenChild(region, 'chatty');
    const honest = spokenChild(region, 'honest');
    const speak = (): void => {
      chatty.say({ telemetry: Array.from({ length: 80 }, (_, i) => told(region, `c${i}`, 300_000)) });
      honest.say({ telemetry: [told(region, 'honest')] });
    };
    for (let i = 0; i < 3; i++) {
      speak();
      await pass(4);
    }
    expect(Math.max(...sizes)).toBeLessThan(DEFAULT_LIMITS.messageBytes);
    const names = root.nodes().map((each) => each.node);
    expect(names).toContain('honest');
    // Nobody is left out for good: what did not fit goes with the next.
    for (let i = 0; i < 8; i++) {
      speak();
      await pass(4);
    }
    expect(root.nodes()).toHaveLength(83);
    expect(root.reports('p').filter(({ why }) => why.length > 1000)).toHaveLength(80);
  });

  test('telemetry: what no honest node would say of itself is refused, and counted', async () => {
    const { region } = await tree();
    const hostile = spokenChild(region, 'hostile');
    hostile.say({ telemetry: [told(region, 'hostile', 2_000_000)] });
    expect(region.state.below.has('hostile')).toBe(false);
    expect(region.nodes()[0].refused.telemetry_too_large).toBe(1);
  });

  test('telemetry: a node with very many points tells of all of them, a part at a time', async () => {
    const { root, sizes, pass } = await tree();
    const arms = Array.from({ length: 400 }, (_, i) => `arm-${i}`);
    for (let i = 0; i < 20; i++) await root.apply({ ...spec, point: `p${i}`, arms, fallback: arms[0] }, me);
    await pass(40);
    expect(Math.max(...sizes)).toBeLessThan(3 << 20);
    const [own] = root.state.below.values();
    expect(own.telemetry.reports).toHaveLength(21);
    expect(JSON.stringify(own.telemetry).length).toBeGreaterThan(1 << 20);
  });

  test('feedback: all of it arrives, and that of a quiet child does not wait for that of a chatty one', async () => {
    const { root, region, sizes, sent, pass } = await tree();
    const metrics = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`${'m'.repeat(120)}${i}`, i]));
    const chatty = spokenChild(region, 'chatty');
    const quiet = spokenChild(region, 'quiet');
    for (let part = 0; part < 2; part++)
      chatty.say({
        feedback: Array.from({ length: 2000 }, (_, i) => ({
          seq: i,
          item: { id: `away~x~0~${part * 2000 + i}`, metrics },
        })),
      });
    quiet.say({ feedback: [{ seq: 1, item: { id: 'away~y~0~1', reward: 1 } }] });
    const before = sent.length;
    await pass(120);
    expect(Math.max(...sizes)).toBeLessThan(4 << 20);
    const first = sent.slice(before).find((up) => up.feedback.length > 0)!;
    expect(first.feedback.some(({ item }) => item.id.startsWith('away~y'))).toBe(true);
    expect(root.state.outbox.size).toBe(4001);
    expect(region.state.outbox.size).toBe(0);
  });

  test('acknowledgements: tags that no standing kill has are dropped, and those that stand arrive', async () => {
    const { root, region, sizes, pass } = await tree();
    const { tag } = await root.kill({ scope: 'point:p', reason: 'bad', by: me });
    await pass(8);
    const hostile = spokenChild(region, 'hostile');
    const honest = spokenChild(region, 'honest');
    for (let part = 0; part < 5; part++)
      hostile.say({
        applied: Array.from({ length: 200 }, (_, i) => ({
          node: `h${part * 200 + i}`,
          tags: Array.from({ length: 300 }, (_, n) => `${'t'.repeat(390)}${n}`),
        })),
      });
    honest.say({ applied: [{ node: 'honest', tags: [tag] }] });
    await pass(8);
    expect(Math.max(...sizes)).toBeLessThan(2 << 20);
    expect(region.state.applied.get('h0')).toEqual(new Set());
    expect(root.state.applied.get('honest')).toEqual(new Set([tag]));
  });

  test('kills that a child says: they leave room for what others say, and for the message', async () => {
    const { root, region, sizes, pass } = await tree();
    const hostile = spokenChild(region, 'hostile');
    for (let part = 0; part < 12; part++)
      hostile.say({
        controls: {
          ...nothing,
          kills: Array.from({ length: 1000 }, (_, i) => ({
            tag: `hostile~x1~${part * 1000 + i}`,
            subtree: 'hostile',
            scope: 'point:p',
            reason: 'r'.repeat(1000),
            by: 'b'.repeat(1000),
            atMs: 1,
          })),
        },
      });
    await region.kill({ scope: 'node:region', reason: 'people still may', by: me });
    await pass(20);
    expect(region.nodes()[0].refused.too_many_controls).toBeGreaterThan(10_000);
    expect(Math.max(...sizes)).toBeLessThan(4 << 20);
    expect(root.controls().kills.some(({ origin }) => origin === 'region')).toBe(true);
  });

  test('a kill under a tag that no link would take is not taken from a child', async () => {
    const { root, region, pass } = await tree();
    const hostile = spokenChild(region, 'hostile');
    const kill = { subtree: 'hostile', scope: 'point:p', reason: 'r', by: 'b', atMs: 1 };
    hostile.say({ controls: { ...nothing, kills: [{ ...kill, tag: `hostile~x1~${'9'.repeat(900)}` }] } });
    await pass(20);
    expect(region.controls().kills).toEqual([]);
    expect(root.nodes().map(({ node }) => node)).toContain('region');
  });

  test('questions: one that is too long gets no answer, and many go up a part at a time', async () => {
    const { root, region, sizes, sent, pass } = await tree();
    await root.apply({ ...spec, point: 'q', placement: 'cloud' }, me);
    await pass(4);
    const hostile = spokenChild(region, 'hostile');
    const ask = (id: number, chars: number) => ({
      id,
      point: 'q',
      context: {},
      unit: 'u'.repeat(chars),
      allowed: ['a', 'b'],
      budgetMs: 60_000,
    });
    hostile.say({ asks: Array.from({ length: 500 }, (_, i) => ask(i, 60_000)) });
    await pass(40);
    expect(Math.max(...sizes)).toBeLessThan(4 << 20);
    expect(sent.reduce((sum, up) => sum + up.asks.length, 0)).toBeGreaterThan(400);
  });

  test('questions: one child that asks and asks leaves room for those of others', async () => {
    const { root, region, pass, way } = await tree();
    await root.apply({ ...spec, point: 'q', placement: 'cloud' }, me);
    await pass(8);
    way.isCut = true;
    const ask = (id: number) => ({
      id,
      point: 'q',
      context: {},
      unit: '',
      allowed: ['a', 'b'],
      budgetMs: 3000,
    });
    const many = Array.from({ length: 1000 }, (_, i) => ask(i));
    const hostile = spokenChild(region, 'hostile');
    hostile.say({ asks: many });
    hostile.say({ asks: many });
    spokenChild(region, 'honest').say({ asks: many.slice(0, 50) });
    const { asksOf } = region.state.parent!;
    expect(asksOf.get('hostile')).toBe(512);
    expect(asksOf.get('honest')).toBe(50);
    await pass(20);
    expect(region.state.parent!.asks.size).toBe(0);
    expect(asksOf.size).toBe(0);
  });
});
