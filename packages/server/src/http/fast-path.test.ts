import type { PointSpec } from '@ganglion/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHECKOUT, startNode } from '../testing/node.ts';
import { listen, send } from '../testing/socket.ts';
import { buildServer } from './server.ts';

// A rule decides, and nothing is drawn: the two ways must answer the same to the letter.
const SURE: PointSpec = {
  ...CHECKOUT,
  point: 'sure',
  context: { region: { type: 'category', values: ['eu', 'us'] }, load: { type: 'number' } },
  guards: [],
  policy: { kind: 'rules', rules: [{ when: { region: 'eu' }, arm: 'b' }, { arm: 'c' }] },
};

let node: Awaited<ReturnType<typeof startNode>>;
let app: Awaited<ReturnType<typeof buildServer>>;
let port: number;
beforeAll(async () => {
  node = await startNode([CHECKOUT, SURE]);
  app = await buildServer({
    nodes: [node],
    limits: { bodyBytes: 10_000, bulkBytes: 50_000, items: 100 },
    auth: { tokens: [], allowedOrigins: ['https://shop.example'] },
  });
  ({ port } = await listen(app));
});
afterAll(async () => {
  await app.close();
  await node.close();
});

/** The same call over both ways: one that names its node is none for the fast path. */
const both = async (path: string, body: string | Buffer | undefined, headers?: Record<string, string>) => [
  await send(port, 'POST', path, body, headers),
  await send(port, 'POST', `${path}?node=cloud`, body, headers),
];

/** Without what differs from call to call: a view may be made anew between two of them. */
const plain = (text: string) =>
  text
    .replace(/"id":"[^"]*"/g, '"id":""')
    .replace(/"atMs":\d+/g, '"atMs":0')
    .replace(/"view":\d+/g, '"view":0');

const JSON_TYPE = { 'content-type': 'application/json' };

/** Of an answer, what must be the same. */
const seen = ({ status, text, headers }: Awaited<ReturnType<typeof send>>) => ({
  status,
  text: plain(text),
  type: headers['content-type'],
  vary: headers.vary,
  pages: Object.entries(headers).filter(([name]) => name.startsWith('access-control-')),
});

describe('the fast path and Fastify answer alike', () => {
  it.each([
    ['a decision', '{"context":{"region":"eu"},"unit":"u"}', JSON_TYPE],
    ['a decision with a charset', '{}', { 'content-type': 'application/json; charset=utf-8' }],
    ['a list', '[{"context":{"region":"eu"}},{}]', JSON_TYPE],
    ['an empty list', '[]', JSON_TYPE],
    ['characters beyond ASCII', '{"context":{"region":"größe"},"unit":"☃"}', JSON_TYPE],
    ['a byte order mark', '\ufeff{}', JSON_TYPE],
    ['a deadline', '{"deadlineMs":5}', JSON_TYPE],
    ['a wrong context', '{"context":{"load":"much"}}', JSON_TYPE],
    ['malformed JSON', '{"context":', JSON_TYPE],
    ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), JSON_TYPE],
    ['no body', undefined, JSON_TYPE],
    ['an empty body', '', JSON_TYPE],
    ['text', '"text"', JSON_TYPE],
    ['an unknown field', '{"contxt":{}}', JSON_TYPE],
    ['a prototype', '{"__proto__":{}}', JSON_TYPE],
    ['too long a list', JSON.stringify(Array.from({ length: 101 }, () => ({}))), JSON_TYPE],
    ['too large a single body', JSON.stringify({ unit: 'u'.repeat(20_000) }), JSON_TYPE],
    ['another type', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['no type', '{}', {}],
    ['a compressed body', '{}', { ...JSON_TYPE, 'content-encoding': 'gzip' }],
    ['a page of an allowed origin', '{}', { ...JSON_TYPE, origin: 'https://shop.example' }],
    ['its mistake', '{"context":', { ...JSON_TYPE, origin: 'https://shop.example' }],
    ['another site’s page', '{}', { ...JSON_TYPE, origin: 'https://evil.example' }],
    ['a rebound name', '{}', { ...JSON_TYPE, host: 'evil.example' }],
  ])('to %s', async (_what, body, headers) => {
    for (const path of ['/v1/points/sure/decide', '/v1/points/nowhere/decide']) {
      const [fast, slow] = await both(path, body, headers as Record<string, string>);
      expect(seen(fast)).toEqual(seen(slow));
    }
  });

  it.each([
    ['an unknown decision', '{"id":"nobody","reward":1}'],
    ['nothing said', '{"id":"nobody"}'],
    ['nonsense in a list', '[1,{"id":2},{"id":"x","reward":1e999}]'],
    ['an empty list', '[]'],
    ['malformed JSON', '['],
  ])('to feedback of %s', async (_what, body) => {
    const [fast, slow] = await both('/v1/feedback', body);
    expect({ status: fast.status, text: fast.text }).toEqual({ status: slow.status, text: slow.text });
  });
});

it('feedback of which nothing was taken is counted, on both ways', async () => {
  const rejected = async (): Promise<number> => {
    const metrics = await fetch(`http://127.0.0.1:${port}/metrics`).then((reply) => reply.text());
    return Number(/^ganglion_feedback_total\{status="rejected"\} (\d+)$/m.exec(metrics)?.[1] ?? 0);
  };
  const before = await rejected();
  await both('/v1/feedback', '[{"id":"nobody","reward":1},{"id":"nobody else","reward":1}]');
  await both('/v1/feedback', '{"id":"nobody","reward":1}');
  expect((await rejected()) - before).toBe(6);
});

describe('a body beyond the limit', () => {
  it('is refused by its announced length, before it is sent', async () => {
    const big = Buffer.alloc(60_000, ' ');
    for (const reply of await both('/v1/points/sure/decide', big))
      expect(reply).toMatchObject({ status: 413 });
    expect(JSON.parse((await send(port, 'POST', '/v1/feedback', big)).text)).toMatchObject({
      code: 'too_large',
    });
  });

  it('is refused while it comes, where no length was announced', async () => {
    const reply = await send(port, 'POST', '/v1/points/sure/decide', Buffer.alloc(60_000, ' '), {
      ...JSON_TYPE,
      'transfer-encoding': 'chunked',
    });
    expect(reply).toMatchObject({ status: 413 });
    expect(JSON.parse(reply.text)).toMatchObject({ code: 'too_large' });
  });
});

it('feedback through the fast path joins what the fast path decided', async () => {
  const decided = JSON.parse(
    (await send(port, 'POST', '/v1/points/checkout-backend/decide', '[{},{},{}]')).text,
  ) as { id: string }[];
  const items = decided.map(({ id }) => ({ id, metrics: { success: 1, latencyMs: 10 } }));
  const { status, text } = await send(port, 'POST', '/v1/feedback', JSON.stringify(items));
  expect({ status, ...JSON.parse(text) }).toMatchObject({
    status: 202,
    accepted: 3,
    joined: 3,
    rejected: [],
  });
});

it('a list that is read late is whole, whatever was answered meanwhile', async () => {
  const list = JSON.stringify(Array.from({ length: 100 }, () => ({})));
  const path = '/v1/points/checkout-backend/decide';
  const ids = (text: string) => (JSON.parse(text) as { id: string }[]).map(({ id }) => id);
  const late = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: JSON_TYPE,
    body: list,
  });
  const others = await Promise.all(Array.from({ length: 20 }, () => send(port, 'POST', path, list)));
  const seen = [...ids(await late.text()), ...others.flatMap(({ text }) => ids(text))];
  expect(new Set(seen).size).toBe(2_100);
});
