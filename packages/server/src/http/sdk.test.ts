import { standard } from '@ganglion/core/presets';
import { createClient, embedNode } from '@ganglion/sdk';
import { ganglionProvider } from '@ganglion/sdk/openfeature';
import { OpenFeature } from '@openfeature/server-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Daemon, startDaemon } from '../host/daemon.ts';
import { createLogger } from '../log.ts';
import { OFFER } from '../testing/feature-point.ts';
import { CHECKOUT, startNode } from '../testing/node.ts';
import { tokenGrant } from './auth.ts';

let node: Awaited<ReturnType<typeof startNode>>;
let daemon: Daemon;
let client: ReturnType<typeof createClient>;
beforeAll(async () => {
  node = await startNode([CHECKOUT]);
  const auth = { tokens: [tokenGrant('operator-token', 'operator', 'alice')] };
  daemon = await startDaemon({
    nodes: [node],
    host: '127.0.0.1',
    port: 0,
    logger: createLogger('silent'),
    auth,
  });
  client = createClient({ url: daemon.url, token: 'operator-token' });
});
afterAll(async () => {
  await daemon.close();
  await node.close();
});

const eventually = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
};

describe('the client against a real daemon', () => {
  it('sends events, and asks what they made known', async () => {
    await client.points.apply(OFFER);
    const event = { id: 'sdk-1', type: 'click', entity: 'user:ann', domain: 'shop' };
    expect(await client.ingest([event, event])).toMatchObject({ accepted: 2, taken: 1, duplicates: 1 });
    expect((await client.features('shop', 'user:ann')).features[0]).toMatchObject({
      feature: 'user.clicks',
      value: 1,
    });
    await expect(client.ingest({ ...event, entity: 'ann' })).rejects.toMatchObject({
      code: 'invalid_input',
      field: 'entity',
    });
    await expect(client.features('shop', 'dog:rex')).rejects.toMatchObject({ code: 'unknown_entity' });
    await client.points.remove('offer');
  });

  it('names episodes, and ends them', async () => {
    await client.points.apply({
      point: 'walk',
      arms: ['left', 'right'],
      fallback: 'left',
      policy: { kind: 'q-learning', state: [] },
    });
    const [first, second] = await client.decideMany('walk', [{ episode: 'e' }, { episode: 'e' }]);
    await expect(client.feedback({ id: first.id, reward: 1, done: true })).rejects.toMatchObject({
      code: 'invalid_input',
      field: 'done',
    });
    expect(await client.feedback({ id: first.id, reward: 1 })).toMatchObject({ joined: 1 });
    expect(await client.feedback({ id: second.id, done: true })).toMatchObject({ joined: 1 });
    await expect(client.decide('walk', { episode: 7 as never })).rejects.toMatchObject({ field: 'episode' });
    await client.points.remove('walk', 'r');
  });

  it('makes every call', async () => {
    const spec = {
      point: 'made',
      arms: ['x', 'y'],
      fallback: 'x',
      policy: { kind: 'split' },
      exposure: 'explicit',
    } as const;
    expect(await client.points.apply(spec)).toEqual({ point: 'made', version: 1, changed: true });
    expect(
      await client.points.applyYaml(
        'made',
        'point: made\narms: [x, y]\nfallback: x\npolicy: { kind: split }\nexposure: explicit\n',
      ),
    ).toMatchObject({ changed: false });
    expect((await client.points.list()).map((entry) => entry.spec.point)).toContain('made');
    expect((await client.points.get('made')).version).toBe(1);
    const [one, two] = await client.decideMany('made', [{}, { unit: 'u', deadlineMs: 50 }]);
    expect(await client.exposures([one.id, two.id])).toMatchObject({ accepted: 2 });
    expect(
      await client.feedback([
        { id: one.id, reward: 1 },
        { id: 'nobody', reward: 1 },
      ]),
    ).toMatchObject({ joined: 1, rejected: [{ index: 1, code: 'unknown_decision' }] });
    expect((await client.report('made')).report).toMatchObject({ point: 'made', decisions: 2 });
    const { stepMs, samples } = await client.history('made');
    // Taken every few seconds: this point may be too young to be in one.
    expect({ stepMs, samples }).toEqual({ stepMs: 3_000, samples: expect.any(Array) });
    await expect(client.history('nowhere')).rejects.toMatchObject({ code: 'unknown_point', status: 404 });
    const { tag } = await client.override('made', { arm: 'y', reason: 'r', forMs: 60_000 });
    expect((await client.decide('made')).arm).toBe('y');
    expect(await client.removeOverride('made', { tag })).toEqual({ tags: [tag] });
    const killed = await client.kill('point:made', 'r');
    expect((await client.controls()).kills).toMatchObject([{ tag: killed.tag, by: 'alice' }]);
    expect(await client.revive('point:made', 'r')).toEqual({ tags: [killed.tag] });
    await client.reset('made', 'r');
    await client.points.remove('made', 'r');
    expect((await client.audit(1))[0]).toMatchObject({ action: 'point.delete', target: 'made', by: 'alice' });
    expect((await client.nodes())[0].node).toBe('cloud');
    expect((await client.health()).status).toBe('ok');
    expect((await client.ready()).status).toBe('ready');
    await expect(client.quarantine('mars', 'r')).rejects.toMatchObject({ code: 'unknown_node' });
    await expect(client.decide('made')).rejects.toMatchObject({ code: 'unknown_point', status: 404 });
  });
});

describe('lists and weights over the client', () => {
  it('ranks, teaches each item, sets weights with a reason, and reports', async () => {
    const metric = (weight: number) => ({ weight, range: [0, 1] as const });
    await client.points.apply({
      point: 'shelf',
      arms: ['x', 'y', 'z'],
      fallback: 'x',
      policy: { kind: 'thompson' },
      slate: { positions: 2, examination: [1, 0.5] },
    });
    const { items, diversityCost } = await client.rank('shelf', 2, { unit: 'u' });
    expect(new Set(items.map(({ arm }) => arm)).size).toBe(2);
    expect(diversityCost).toBeNull();
    expect(await client.feedback(items.map(({ id }, j) => ({ id, reward: j })))).toMatchObject({ joined: 2 });
    expect((await client.report('shelf')).report.slate).toMatchObject({ slates: 1, examination: [1, 0.5] });
    await expect(client.rank('shelf', 3)).rejects.toMatchObject({ code: 'invalid_input', field: 'k' });
    await client.points.apply({
      point: 'weighed',
      arms: ['x', 'y'],
      fallback: 'x',
      policy: { kind: 'thompson' },
      objective: { click: metric(1), complaint: metric(-1) },
    });
    expect(await client.reweigh('weighed', { complaint: -5 }, 'too many')).toEqual({
      point: 'weighed',
      version: 2,
      changed: true,
      forgets: false,
    });
    expect((await client.audit(1))[0]).toMatchObject({ action: 'point.reweigh', by: 'alice' });
    await expect(client.reweigh('weighed', { clicks: 1 }, 'r')).rejects.toMatchObject({
      field: 'weights.clicks',
    });
  });
});

describe('OpenFeature over the client', () => {
  it('evaluates and tracks, and follows the declaration when it changes', async () => {
    const spec = {
      point: 'remote',
      arms: ['a', 'b'],
      fallback: 'a',
      policy: { kind: 'fixed', arm: 'b' },
      objective: { click: 1 },
    } as const;
    await client.points.apply(spec);
    await OpenFeature.setProviderAndWait('remote', ganglionProvider(client, { flushMs: 1 }));
    const flags = OpenFeature.getClient('remote');
    expect(await flags.getStringDetails('remote', 'x', { targetingKey: 'u' })).toMatchObject({
      value: 'b',
      reason: 'SPLIT',
    });
    flags.track('click', { targetingKey: 'u' });
    await eventually(() => node.report('remote').outcomes === 1);
    await client.points.apply({
      ...spec,
      context: { region: { type: 'category', values: ['eu', 'us'] } },
      policy: { kind: 'rules', rules: [{ when: { region: 'eu' }, arm: 'a' }, { arm: 'b' }] },
    });
    await flags.getStringValue('remote', 'x', { region: 'eu' });
    expect(await flags.getStringValue('remote', 'x', { region: 'eu' })).toBe('a');
    expect(await flags.getStringDetails('nowhere', 'x')).toMatchObject({
      value: 'x',
      errorCode: 'FLAG_NOT_FOUND',
    });
    await OpenFeature.clearProviders();
  });
});

describe('a node embedded below the daemon', () => {
  it('gets its points and controls from it, and its report is seen there', async () => {
    const embedded = await embedNode({
      name: 'app-1',
      registry: standard,
      parent: { url: daemon.url, token: 'operator-token' },
    });
    try {
      await eventually(() => embedded.point('checkout-backend') !== undefined);
      await eventually(() => embedded.nodes()[0].lease.state === 'held');
      const decision = embedded.decide('checkout-backend', { unit: 'u' });
      expect(decision.tier).toBe('device');
      await embedded.feedback([{ id: decision.id, metrics: { success: 1, latencyMs: 5 } }]);
      await eventually(async () =>
        (await client.report('checkout-backend')).nodes.some(
          (report) => report.node === 'app-1' && report.outcomes === 1,
        ),
      );
      await client.kill('node:app-1', 'r');
      await eventually(() => embedded.decide('checkout-backend').reason === 'killed');
      await client.revive('node:app-1', 'r');
      await eventually(() => embedded.decide('checkout-backend').reason !== 'killed');
    } finally {
      await embedded.close();
    }
  });

  it('without the daemon’s token gets nothing, and decides nothing overseen', async () => {
    const troubles: unknown[] = [];
    const embedded = await embedNode({
      name: 'app-2',
      registry: standard,
      parent: { url: daemon.url, onTrouble: (error) => troubles.push(error) },
    });
    await eventually(() => troubles.length > 0);
    expect(embedded.points()).toEqual([]);
    await embedded.close();
  });
});
