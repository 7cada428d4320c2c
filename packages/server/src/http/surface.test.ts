import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHECKOUT, startNode } from '../testing/node.ts';
import { listen, type Reply, raw, send } from '../testing/socket.ts';
import { buildServer } from './server.ts';

/**
 * The HTTP surface under whatever anybody may send, over a real socket: each answer is a good one or a whole problem
 * document, none is a 5xx, and the process stays up.
 */
let node: Awaited<ReturnType<typeof startNode>>;
let app: Awaited<ReturnType<typeof buildServer>>;
let port: number;
beforeAll(async () => {
  node = await startNode([CHECKOUT]);
  app = await buildServer({
    nodes: [node],
    limits: {
      actionsPerSecond: 0,
      callsPerSecond: 0,
      headersMs: 1_000,
      requestMs: 2_000,
      headerBytes: 8_192,
    },
  });
  ({ port } = await listen(app));
});
afterAll(async () => {
  await app.close();
  await node.close();
});

function checkAnswer(reply: Reply): void {
  if (reply.status < 400) return;
  expect(reply.status).toBeLessThan(500);
  expect(reply.headers['content-type']).toContain('application/problem+json');
  const document = JSON.parse(reply.text);
  expect(document.status).toBe(reply.status);
  expect(document.code).toMatch(/^[a-z_]+$/);
  expect(document.title.length * document.detail.length).toBeGreaterThan(0);
}

const alive = async (): Promise<void> => {
  expect((await send(port, 'GET', '/healthz', undefined, {})).status).toBe(200);
};

const POSTS = [
  '/v1/points/checkout-backend/decide',
  '/v1/points/checkout-backend/decide?node=cloud',
  '/v1/feedback',
  '/v1/exposures',
  '/v1/ingest',
  '/v1/kill',
  '/v1/models/m/versions',
  '/v1/models/m/promote',
  '/v1/models/m/rollback',
  '/v1/revive',
  '/v1/quarantine',
  '/v1/points/checkout-backend/rank',
  '/v1/points/checkout-backend/reset',
  '/v1/points/checkout-backend/thaw',
  '/v1/points/checkout-backend/weights',
  '/ofrep/v1/evaluate/flags',
  '/ofrep/v1/evaluate/flags/checkout-backend',
];
const PUTS = ['/v1/points/fuzzed', '/v1/points/checkout-backend/override'];
const target = fc.constantFrom(...POSTS.map((path) => ['POST', path]), ...PUTS.map((path) => ['PUT', path]));

/** Values shaped like what the calls take, with anything in their places. */
const anything = fc.anything({ withNullPrototype: false, withBigInt: false, maxDepth: 3 });
const shaped = fc.oneof(
  fc.jsonValue(),
  fc.dictionary(
    fc.constantFrom(
      'context',
      'unit',
      'deadlineMs',
      'id',
      'metrics',
      'reward',
      'truth',
      'revision',
      'entity',
      'specversion',
      'subject',
      'data',
      'scope',
      'reason',
      'arm',
      'arms',
      'segment',
      'forMs',
      'node',
      'point',
      'policy',
      'guards',
      'fallback',
      'kind',
      '__proto__',
      'constructor',
      'x',
    ),
    fc.oneof(
      anything,
      fc.constantFrom(
        'checkout-backend',
        'a',
        'point:checkout-backend',
        'r',
        'split',
        ['a', 'b'],
        { kind: 'split' },
        -1,
        1e308,
        5e-324,
      ),
    ),
    { maxKeys: 6 },
  ),
);

describe('the surface', () => {
  it('takes any value in any place', async () => {
    await fc.assert(
      fc.asyncProperty(
        target,
        fc.oneof(shaped, fc.array(shaped, { maxLength: 4 })),
        async ([method, path], value) => {
          checkAnswer(await send(port, method, path, JSON.stringify(value) ?? 'null'));
        },
      ),
      { numRuns: 600 },
    );
    await alive();
  });

  it('takes any bytes as any type', async () => {
    const type = fc.constantFrom(
      'application/json',
      'application/yaml',
      'text/plain',
      '',
      'application/json; charset=utf-16',
      'x',
    );
    await fc.assert(
      fc.asyncProperty(
        target,
        type,
        fc.uint8Array({ maxLength: 300 }),
        async ([method, path], contentType, bytes) => {
          checkAnswer(await send(port, method, path, Buffer.from(bytes), { 'content-type': contentType }));
        },
      ),
      { numRuns: 300 },
    );
    await alive();
  });

  it('takes any address and any method', async () => {
    const method = fc.constantFrom(
      'GET',
      'POST',
      'PUT',
      'DELETE',
      'PATCH',
      'OPTIONS',
      'TRACE',
      'PROPFIND',
      'HEAD',
    );
    const path = fc.oneof(
      fc.webPath().map((each) => each || '/'),
      fc
        .tuple(
          fc.constantFrom('/v1/points/', '/v1/', '/ofrep/v1/evaluate/flags/'),
          fc.string({ maxLength: 40 }),
        )
        .map(([at, rest]) => at + encodeURIComponent(rest)),
      fc
        .tuple(
          fc.constantFrom('/v1/audit?limit=', '/v1/nodes?node=', '/v1/points/checkout-backend/report?'),
          fc.string({ maxLength: 20 }),
        )
        .map(([at, rest]) => at + encodeURIComponent(rest)),
    );
    await fc.assert(
      fc.asyncProperty(method, path, async (how, where) => {
        const reply = await send(port, how, where, undefined, {});
        if (how === 'HEAD') expect(reply.status).toBeLessThan(500);
        else checkAnswer(reply);
      }),
      { numRuns: 300 },
    );
    await alive();
  });

  it.each([
    ['a context of 1 MB', `{"context":{"region":"${'x'.repeat(1_000_000)}"}}`],
    [
      'a context of 100,000 fields',
      `{"context":{${Array.from({ length: 100_000 }, (_, i) => `"f${i}":1`).join()}}}`,
    ],
    ['a context of depth 1000', `{"context":${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}}`],
    ['half a million brackets', '['.repeat(500_000)],
    ['half a million pairs of brackets', `${'['.repeat(500_000)}${']'.repeat(500_000)}`],
    ['a number of a million digits', `{"context":{"load":${'9'.repeat(1_000_000)}}}`],
    ['huge and tiny numbers', '{"context":{"load":1e-320},"unit":"1e400"}'],
    ['a million commas', `[${','.repeat(1_000_000)}]`],
    ['a hundred thousand keys of one name', `{"context":{${'"a":1,'.repeat(100_000)}"a":1}}`],
    ['lone surrogates', '{"unit":"\\ud800","context":{"region":"\\udfff"}}'],
    ['zero bytes', '\u0000\u0000'],
  ])('takes %s', async (_what, body) => {
    for (const path of POSTS) checkAnswer(await send(port, 'POST', path, body));
    for (const path of PUTS) checkAnswer(await send(port, 'PUT', path, body));
    await alive();
  });
});

describe('what is hardly HTTP', () => {
  const status = (answer: string): string => /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 'closed';

  it.each([
    ['nonsense', 'hello\r\n\r\n', '400'],
    ['TLS', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), '400'],
    [
      'two lengths',
      'POST /v1/feedback HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}',
      '400',
    ],
    [
      'a length and chunks',
      'POST /v1/feedback HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}',
      '400',
    ],
    [
      'a negative length',
      'POST /v1/feedback HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n{}',
      '400',
    ],
    ['an endless header', `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, '431'],
    ['a tunnel', 'CONNECT evil:80 HTTP/1.1\r\nhost: evil\r\n\r\n', '405'],
    ['no host', 'GET /v1/points HTTP/1.1\r\n\r\n', '403'],
    [
      'an unknown expectation',
      'GET /healthz HTTP/1.1\r\nhost: localhost\r\nexpect: wonders\r\nconnection: close\r\n\r\n',
      '200',
    ],
  ])('%s is answered, with a problem document where it is refused', async (_what, bytes, expected) => {
    const answer = await raw(port, bytes);
    expect(status(answer)).toBe(expected);
    if (expected !== '200') expect(answer).toContain('application/problem+json');
    await alive();
  });

  it('a head that never ends is cut off with a problem document', async () => {
    const answer = await raw(port, 'GET / HTTP/1.1\r\nhost: localhost\r\n', 6_000);
    expect(status(answer)).toBe('408');
    expect(answer).toContain('"code":"request_timeout"');
  });

  it('a body that never comes is given up with a problem document', async () => {
    for (const path of ['/v1/feedback', '/v1/kill']) {
      const answer = await raw(
        port,
        `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{`,
        8_000,
      );
      expect(status(answer)).toBe('408');
    }
  });

  it('random bytes close the connection, not the daemon', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 100 }), async (bytes) => {
        const answer = await raw(port, Buffer.from([...bytes, 13, 10, 13, 10]), 300);
        expect(['400', 'closed']).toContain(status(answer));
      }),
      { numRuns: 50 },
    );
    await alive();
  });
});
