import { describe, expect, test } from 'vitest';
import { encodeContext } from '../decision/context.ts';
import type { DecisionRecord } from '../decision/decision-record.ts';
import { withShown } from '../decision/shown.ts';
import type { PointSpec } from '../decision/spec.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { type HostedNode, type NodeTuning, readLog } from '../node.ts';
import type { IngestEvent } from '../node-api.ts';
import { standard } from '../presets/standard.ts';
import { BOOT_MS, byHand, congruential, type HandNode, handNode, me, turns } from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/memory-storage.ts';

const HOUR = 3_600_000;

const spec: PointSpec = {
  point: 'offer',
  arms: ['a', 'b'],
  fallback: 'a',
  domain: 'shop',
  features: {
    user: {
      ttl: '2d',
      maxEntities: 100,
      define: {
        clicks: { count: 'click' },
        clicks_1h: { rate: 'click', halfLife: '1h', per: '1h' },
        spent: { count: 'purchase', sum: 'amount' },
        device: { latest: 'device', of: 'click' },
        ctr: { ratio: ['clicks', 'views'] },
        views: { count: 'view' },
      },
    },
    item: { key: 'context.item', define: { sold: { count: 'purchase', where: { gift: false } } } },
  },
  context: {
    clicks: { feature: 'user.clicks', default: 0, min: 0, max: 10 },
    'user.clicks_1h': { feature: 'user.clicks_1h', default: 0, mean: 0, sd: 5 },
    device: { feature: 'user.device', values: ['phone', 'desk'] },
    sold: { feature: 'item.sold', default: -1, min: -1, max: 9 },
    ctr: { feature: 'user.ctr', min: 0, max: 1 },
    hour: { type: 'number', min: 0, max: 24 },
  },
  policy: { kind: 'linear-thompson' },
};

function place(tuning: Partial<NodeTuning> = {}) {
  const hand = byHand({ ms: 1_000_000, chance: congruential(7) });
  const disk = memoryDisk();
  return {
    disk,
    pass: (byMs: number) => void (hand.ms += byMs),
    now: () => BOOT_MS + hand.ms,
    async start(declare: PointSpec | null = spec): Promise<HandNode> {
      const node = await handNode({ hand, disk, tuning });
      if (declare !== null) await node.apply(declare, me);
      return node;
    },
  };
}

let lastId = 0;
const event = (type: string, entity: string | string[], data: IngestEvent['data'] = {}): IngestEvent => ({
  id: `e${++lastId}`,
  type,
  entity,
  domain: 'shop',
  data,
});

const context = (decision: unknown): readonly number[] => (decision as DecisionRecord).encodedContext;
const whys = (decision: unknown): string[] =>
  (decision as DecisionRecord).trail.filter(({ guard }) => guard === 'features').map(({ why }) => why);

describe('a decision', () => {
  test('sees what events have said of its entities, at once and decayed to the moment', async () => {
    const here = place();
    const node = await here.start();
    const results = await node.ingest([
      event('click', 'user:alice', { device: 'phone' }),
      event('click', 'user:alice', { device: 'desk' }),
      event('view', 'user:alice'),
      event('purchase', ['user:alice', 'item:shoe'], { amount: 30, gift: false }),
      event('purchase', ['user:alice', 'item:shoe'], { amount: 12, gift: true }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(Array(5).fill('taken'));
    here.pass(HOUR);
    const decision = node.decide('offer', { unit: 'alice', context: { item: 'shoe', hour: 3 } });
    const [clicks, rate, device, sold, ctr, hour] = context(decision);
    expect([clicks, device, sold, ctr, hour]).toEqual([2, 0, 1, 1, 3]);
    // Two clicks an hour ago, at a half-life of an hour: one's weight, times ln 2.
    expect(rate).toBeCloseTo(Math.LN2, 12);
    expect(whys(decision)).toEqual([]);
  });

  test('says so where an entity or a feature is not known, and shows the default; without one it is absent', async () => {
    const node = await place().start();
    const stranger = node.decide('offer', { unit: 'bob', context: { item: 'hat' } });
    expect(context(stranger)).toEqual([0, 0, Number.NaN, -1, Number.NaN, Number.NaN]);
    expect(whys(stranger)).toEqual([
      'user: nothing is known of this one here; defaults are shown',
      'item: nothing is known of this one here; defaults are shown',
    ]);
    await node.ingest([event('click', 'user:bob')]);
    expect(whys(node.decide('offer', { unit: 'bob', context: { sold: 0 } }))).toEqual([
      'user.device is not known; its default is shown',
      'user.ctr is not known; its default is shown',
    ]);
  });

  test('takes a value that the caller gives for what it is', async () => {
    const node = await place().start();
    await node.ingest([event('click', 'user:alice')]);
    const decision = node.decide('offer', { unit: 'alice', context: { clicks: 7 } });
    expect(context(decision)[0]).toBe(7);
    expect((decision as DecisionRecord).shown?.slice(0, 2)).toEqual([Number.NaN, Number.NaN]);
  });

  test('keeps when the events behind its features happened, and when they became known', async () => {
    const here = place();
    const node = await here.start();
    const heardMs = here.now();
    await node.ingest([{ ...event('click', 'user:alice'), atMs: heardMs - 5000 }]);
    here.pass(100);
    const { shown } = node.decide('offer', { unit: 'alice' }) as DecisionRecord;
    expect(shown).toEqual(
      [heardMs - 5000, heardMs, heardMs - 5000, heardMs, -1, -1, -1, -1, heardMs - 5000, heardMs].map(
        (x, i) => (i > 7 ? -1 : x),
      ),
    );
  });

  test('a value beyond the bounds of its field counts as the bound', async () => {
    const node = await place().start();
    await node.ingest(Array.from({ length: 20 }, () => event('click', 'user:alice')));
    expect(context(node.decide('offer', { unit: 'alice' }))[0]).toBe(10);
  });

  test('does without a feature that a person has stopped', async () => {
    const node = await place().start();
    await node.ingest([event('click', 'user:alice', { device: 'desk' }), event('view', 'user:alice')]);
    await node.kill({ scope: 'artifact:user.clicks', reason: 'bots', by: me });
    const decision = node.decide('offer', { unit: 'alice', context: { sold: 0 } });
    expect(context(decision)[0]).toBe(0);
    expect(whys(decision)).toEqual(['user.clicks is stopped by a control; its default is shown']);
    await node.revive({ scope: 'artifact:user.clicks', reason: 'gone', by: me });
    expect(context(node.decide('offer', { unit: 'alice' }))[0]).toBe(1);
  });
});

describe('what a decision was shown', () => {
  test('is what its parent is asked with, and what a replay of the log decides by', async () => {
    const here = place();
    const node = await here.start();
    await node.ingest([
      event('click', 'user:alice', { device: 'desk' }),
      event('purchase', ['user:alice', 'item:shoe'], { amount: 3, gift: false }),
    ]);
    here.pass(1234);
    const input = { unit: 'alice', context: { item: 'shoe', hour: 7 } };
    const decision = node.decide('offer', input) as DecisionRecord;
    const { compiled, features } = node.state.points.get('offer')!;
    const asked = new Float64Array(compiled.fields.length);
    expect(encodeContext(compiled.fields, withShown(features!, input, here.now()), asked)).toBe('');
    expect([...asked]).toEqual(decision.encodedContext);
    await node.close();
    const { decisions } = await readLog(here.disk.open(), standard, DEFAULT_LIMITS);
    expect(decisions[0].features).toMatchObject({
      clicks: {
        feature: 'user.clicks',
        entity: 'user:alice',
        source: 'events',
        eventAtMs: here.now() - 1234,
      },
      ctr: { feature: 'user.ctr', entity: 'user:alice', source: 'missing', eventAtMs: null, knownAtMs: null },
      sold: { feature: 'item.sold', entity: 'item:shoe', source: 'events' },
    });
    const stranger = await place().start();
    const replayed = stranger.decide('offer', { unit: 'alice', context: decisions[0].context });
    expect(context(replayed)).toEqual(decision.encodedContext);
  });
});

describe('events', () => {
  test('count once by source and id, also after a restart, and after a crash what was acknowledged is there', async () => {
    const here = place();
    const node = await here.start();
    const one = event('click', 'user:alice');
    expect((await node.ingest([one, one])).map(({ status }) => status)).toEqual(['taken', 'duplicate']);
    expect((await node.ingest([{ ...one, source: 'web' }]))[0].status).toBe('taken');
    const before = node.entity('shop', 'user:alice');
    here.disk.crash();
    const again = await here.start(null);
    expect(again.entity('shop', 'user:alice')).toEqual(before);
    expect((await again.ingest([one]))[0].status).toBe('duplicate');
    expect(context(again.decide('offer', { unit: 'alice' }))[0]).toBe(2);
  });

  test('from ahead of the clock are refused beyond a bound; within it they are of now', async () => {
    const here = place();
    const node = await here.start();
    const at = (byMs: number) => node.ingest([{ ...event('click', 'user:alice'), atMs: here.now() + byMs }]);
    expect(await at(60_001)).toMatchObject([{ status: 'rejected', problem: { field: 'atMs' } }]);
    expect(await at(-7 * 24 * HOUR - 1)).toMatchObject([{ status: 'rejected', problem: { field: 'atMs' } }]);
    expect(await at(60_000)).toMatchObject([{ status: 'taken' }]);
    const [clicks] = node.entity('shop', 'user:alice').features;
    expect(clicks).toMatchObject({
      feature: 'user.clicks',
      value: 1,
      eventAtMs: here.now(),
      knownAtMs: here.now(),
    });
  });

  test('that no feature reads are said to be unused, and are not kept', async () => {
    const node = await place().start();
    const results = await node.ingest([
      event('hover', 'user:a'),
      event('click', 'dog:rex'),
      { ...event('click', 'user:a'), domain: 'x' },
    ]);
    expect(results.map(({ status }) => status)).toEqual(['unused', 'unused', 'unused']);
    expect(node.entities().stores).toMatchObject([{ entities: 0 }, { entities: 0 }]);
  });

  test('of any size fit the disk, and the room that they wait in', async () => {
    const here = place({ ingestMax: 2000 });
    const node = await here.start();
    const data = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`p${i}`, '語'.repeat(256)]));
    const large = () => event('click', 'user:alice', data);
    // Of 33 each: half of the room is that of one domain.
    const results = await node.ingest(Array.from({ length: 40 }, large));
    expect(results.filter(({ status }) => status === 'taken').length).toBe(31);
    expect(results[39]).toMatchObject({ problem: { code: 'overloaded', field: 'domain' } });
    expect((await node.ingest([large()]))[0].status).toBe('taken');
    here.disk.crash();
    expect((await here.start(null)).entity('shop', 'user:alice').features[0].value).toBe(32);
  });

  test('are refused while the disk fails, and are there once it works', async () => {
    const here = place({ ingestMax: 4 });
    const node = await here.start();
    here.disk.faults.commitFails = 1;
    await expect(
      node.ingest([event('click', 'user:alice'), event('click', 'user:bob')]),
    ).rejects.toMatchObject({ code: 'storage_failed' });
    // Half of the queue is the most of one domain: others still get in.
    await expect(node.ingest([event('click', 'user:alice')])).resolves.toMatchObject([
      { status: 'rejected', problem: { code: 'overloaded' } },
    ]);
    await expect(
      node.ingest(Array.from({ length: 3 }, () => event('click', 'user:alice'))),
    ).rejects.toMatchObject({ code: 'overloaded' });
    here.disk.faults.commitFails = 0;
    await node.ingest([event('hover', 'user:x')]);
    here.pass(10_000);
    node.tick();
    await turns();
    here.disk.crash();
    const again = await here.start(null);
    expect(again.entity('shop', 'user:bob').known).toBe(true);
    expect((await again.ingest([event('click', 'user:alice')]))[0].status).toBe('taken');
  });
});

describe('entities', () => {
  test('are forgotten after their time, and beyond their number those least lately used go first, counted', async () => {
    const here = place();
    const node = await here.start();
    for (let i = 0; i < 100; i++) await node.ingest([event('click', `user:u${i}`)]);
    for (let i = 0; i < 100; i++) if (i !== 40) node.decide('offer', { unit: `u${i}` });
    await node.ingest(Array.from({ length: 30 }, (_, i) => event('click', `user:new${i}`)));
    for (let i = 60; i < 100; i++) node.decide('offer', { unit: `u${i}` });
    await node.ingest(Array.from({ length: 30 }, (_, i) => event('click', `user:newer${i}`)));
    const [users] = node.entities().stores;
    expect(users).toMatchObject({ entities: 100, maxEntities: 100, evicted: 60 });
    for (let i = 60; i < 100; i++) expect(node.entity('shop', `user:u${i}`).known).toBe(true);
    here.pass(2 * 24 * HOUR + 1);
    expect(node.entity('shop', 'user:u99').known).toBe(false);
    for (let i = 0; i < 4; i++) node.tick();
    expect(node.entities().stores[0]).toMatchObject({ entities: 0, expired: 100 });
    await node.close();
    const again = await here.start(null);
    expect(again.entities().stores[0].entities).toBe(0);
  });

  test('keep what features under a new declaration share with the old, and lose the rest', async () => {
    const here = place();
    const node = await here.start();
    await node.ingest([event('click', 'user:alice', { device: 'phone' }), event('view', 'user:alice')]);
    const { views, ...others } = spec.features!.user.define;
    const define = { views, since: { count: 'click', where: { device: 'phone' } }, clicks: others.clicks };
    const next = {
      ...spec,
      features: { user: { define } },
      context: { clicks: { feature: 'user.clicks', min: 0, max: 9 } },
    };
    await node.apply(next, me);
    const values = (at: HostedNode) =>
      at.entity('shop', 'user:alice').features.map(({ feature, value }) => [feature, value]);
    const expected = [
      ['user.views', 1],
      ['user.since', 0],
      ['user.clicks', 1],
    ];
    expect(values(node)).toEqual(expected);
    expect(() => node.entity('shop', 'item:shoe')).toThrow(/no point of shop declares features of item/);
    here.disk.crash();
    expect(values(await here.start(null))).toEqual(expected);
  });

  test('are the same whoever of the points of a domain declares the feature, and the view names them', async () => {
    const node = await place().start();
    await node.apply({ ...spec, point: 'banner' }, me);
    await node.ingest([event('click', 'user:alice')]);
    expect(node.entity('shop', 'user:alice').features[0]).toMatchObject({
      value: 1,
      points: ['offer', 'banner'],
    });
    expect(context(node.decide('banner', { unit: 'alice' }))[0]).toBe(1);
    await node.remove('offer', me);
    await node.remove('banner', me);
    expect(() => node.entity('shop', 'user:alice')).toThrow(/no point of shop/);
    expect(node.entities().stores).toMatchObject([{ entities: 0 }]);
  });
});
