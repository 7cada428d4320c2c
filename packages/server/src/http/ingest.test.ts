import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, problem } from '../testing/calls.ts';
import { OFFER } from '../testing/feature-point.ts';
import { startNode } from '../testing/node.ts';
import { buildServer } from './server.ts';

let node: Awaited<ReturnType<typeof startNode>>;
let app: Awaited<ReturnType<typeof buildServer>>;
beforeAll(async () => {
  node = await startNode([OFFER]);
  app = await buildServer({ nodes: [node], limits: { callsPerSecond: 0 } });
});
afterAll(async () => {
  await app.close();
  await node.close();
});

const ingest = (body: unknown, type = 'application/json') =>
  call(app, 'POST', '/v1/ingest', body, { 'content-type': type });
const known = async (entity: string, feature: string): Promise<unknown> => {
  const { json } = await call(app, 'GET', `/v1/features/shop/${encodeURIComponent(entity)}`);
  return json.features.find((each: { feature: string }) => each.feature === feature)?.value;
};
let last = 0;
const click = (entity: string | string[], more: object = {}) => ({
  id: `h${++last}`,
  type: 'click',
  entity,
  domain: 'shop',
  ...more,
});
const cloud = (subject: string, more: object = {}) => ({
  specversion: '1.0',
  id: `c${++last}`,
  source: '/web',
  type: 'click',
  subject,
  domain: 'shop',
  ...more,
});

describe('POST /v1/ingest', () => {
  it('takes one event or many, about one entity or several, and decisions see them at once', async () => {
    const one = await ingest(click('user:ann', { data: { device: 'phone', item: 'x' } }));
    expect([one.status, one.json]).toEqual([
      202,
      { accepted: 1, taken: 1, duplicates: 0, unused: 0, rejected: [] },
    ]);
    const again = click(['user:ann', 'item:shoe']);
    const many = await ingest([
      again,
      again,
      { ...click('user:ann'), type: 'scroll' },
      click('user:ann', { type: '' }),
    ]);
    expect(many.json).toMatchObject({
      accepted: 3,
      taken: 1,
      duplicates: 1,
      unused: 1,
      rejected: [{ index: 3, code: 'invalid_input', field: '[3].type' }],
    });
    expect(await known('user:ann', 'user.clicks')).toBe(2);
    expect(await known('user:ann', 'user.device')).toBe('phone');
    expect(await known('item:shoe', 'item.clicks')).toBe(1);
    const decided = await call(app, 'POST', '/v1/points/offer/decide', {
      unit: 'ann',
      context: { item: 'shoe' },
    });
    expect(decided.json.trail).toEqual([]);
  });

  it('takes CloudEvents, structured and batched, idempotent by source and id', async () => {
    const event = cloud('user:cy', {
      time: new Date(Date.now() - 60_000).toISOString(),
      datacontenttype: 'application/json',
      data: { device: 'desk' },
    });
    expect((await ingest(event, 'application/cloudevents+json; charset=utf-8')).json).toMatchObject({
      taken: 1,
    });
    expect(
      (await ingest([event, { ...event, source: '/app' }], 'application/cloudevents-batch+json')).json,
    ).toMatchObject({ taken: 1, duplicates: 1 });
    expect((await ingest([event, cloud('user:cy')])).json).toMatchObject({ taken: 1, duplicates: 1 });
    expect(await known('user:cy', 'user.clicks')).toBe(3);
    const { json } = await call(app, 'GET', '/v1/features/shop/user:cy');
    const device = json.features.find((each: { feature: string }) => each.feature === 'user.device');
    expect(device.knownAtMs - device.eventAtMs).toBeGreaterThanOrEqual(60_000);
  });

  it.each([
    ['a batch under the type of one', [cloud('user:x')], 'application/cloudevents+json', 'body'],
    ['one under the type of a batch', cloud('user:x'), 'application/cloudevents-batch+json', 'body'],
    ['an event of another form', click('user:x'), 'application/cloudevents+json', 'body'],
    [
      'another version',
      cloud('user:x', { specversion: '0.3' }),
      'application/cloudevents+json',
      'specversion',
    ],
    ['no source', cloud('user:x', { source: '' }), 'application/json', 'source'],
    ['no subject', cloud('user:x', { subject: 7 }), 'application/json', 'subject'],
    ['binary data', cloud('user:x', { data_base64: 'AA==' }), 'application/json', 'data_base64'],
    ['nested data', cloud('user:x', { data: { a: { b: 1 } } }), 'application/json', 'data.a'],
    ['a time that is none', click('user:x', { time: 'yesterday' }), 'application/json', 'time'],
    ['two times', click('user:x', { time: '2026-01-31T12:00:00Z', atMs: 1 }), 'application/json', 'time'],
    ['a time long gone', click('user:x', { atMs: 1 }), 'application/json', 'atMs'],
    ['a time to come', click('user:x', { atMs: Date.now() + 120_000 }), 'application/json', 'atMs'],
    ['no entity', click([]), 'application/json', 'entity'],
    ['an entity without a kind', click(['user:x', 'x']), 'application/json', 'entity[1]'],
    ['one entity twice', click(['user:x', 'user:x']), 'application/json', 'entity'],
    ['no id', { ...click('user:x'), id: '' }, 'application/json', 'id'],
    ['a key that nobody knows', click('user:x', { colour: 1 }), 'application/json', 'colour'],
    ['an array as data', click('user:x', { data: [] }), 'application/json', 'data'],
    [
      'text beyond the bound',
      click('user:x', { data: { a: 'x'.repeat(257) } }),
      'application/json',
      'data.a',
    ],
    ['a list of no events', [7], 'application/json', '[0]'],
  ])('refuses %s, naming the field and what to do', async (_, body, type, field) => {
    const refused = problem(await ingest(body, type));
    expect(refused).toMatchObject({ status: 400, code: 'invalid_input', field });
    expect(refused.mend).toBeTruthy();
  });

  it('refuses CloudEvents where no events are taken', async () => {
    const answer = await call(app, 'POST', '/v1/feedback', cloud('user:x'), {
      'content-type': 'application/cloudevents+json',
    });
    expect(problem(answer)).toMatchObject({ status: 415 });
  });

  it('answers for whatever is sent, and what it refuses changes nothing', async () => {
    const before = node.entities().stores;
    const anything = fc.anything({ maxDepth: 2 });
    const event = fc.record(
      {
        id: fc.oneof(fc.string({ maxLength: 300 }), anything),
        type: fc.oneof(fc.constant('click'), anything),
        entity: fc.oneof(fc.constantFrom('user', ':', 'user:', 'user'), anything),
        domain: fc.oneof(fc.constant('shop'), anything),
        atMs: fc.oneof(fc.double(), anything),
        time: anything,
        data: fc.oneof(fc.dictionary(fc.string(), anything), anything),
        specversion: fc.oneof(fc.constant('1.0'), anything),
        subject: anything,
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(event, fc.array(event, { maxLength: 3 }), anything), async (body) => {
        const answer = await ingest(JSON.stringify(body) ?? 'null');
        expect(answer.status === 202 || answer.status === 400).toBe(true);
        if (answer.status === 400) problem(answer);
      }),
      { numRuns: 500, seed: 3 },
    );
    expect(node.entities().stores).toEqual(before);
  });
});

describe('GET /v1/features', () => {
  it('tells of an entity that nothing is known of', async () => {
    const { status, json } = await call(app, 'GET', '/v1/features/shop/user:nobody');
    expect([status, json.known]).toEqual([200, false]);
    expect(json.features[0]).toMatchObject({
      feature: 'user.clicks',
      value: null,
      knownAtMs: null,
      points: ['offer'],
    });
  });

  it('refuses what is not declared, and what is no entity', async () => {
    expect(problem(await call(app, 'GET', '/v1/features/shop/dog:rex'))).toMatchObject({
      status: 404,
      code: 'unknown_entity',
    });
    expect(problem(await call(app, 'GET', '/v1/features/shop/ann'))).toMatchObject({
      status: 400,
      field: 'entity',
    });
  });
});
