import { type IncomingMessage, request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { createProxy } from './proxy.ts';
import { bodyOf, deadOrigin, eventually, inOrder, Scope } from './testing.ts';

const scope = new Scope();
afterEach(() => scope.close());

/** Sends with node's client, so that nothing but what is asked for is sent. */
function send(
  url: string,
  options: {
    method?: string;
    headers?: Record<string, string | string[]>;
    body?: string;
    path?: string;
  } = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body, path = '/' } = options;
    const outgoing = request(url, { method, headers, path, agent: false }, resolve);
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** A backend that answers with what it was sent. */
async function mirror(): Promise<string> {
  return scope.backend(async (request, response) => {
    const body = await bodyOf(request);
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: body.toString(),
        trailers: request.trailers,
      }),
    );
  });
}

interface Mirrored {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
  trailers: Record<string, string>;
}

async function mirrored(response: IncomingMessage): Promise<Mirrored> {
  return JSON.parse((await bodyOf(response)).toString());
}

describe('requests', () => {
  it('reach the backend with method, target, fields and body as the client sent them', async () => {
    const { url } = await scope.proxy({ chooser: inOrder({ a: await mirror() }) });
    const response = await send(url, {
      method: 'PATCH',
      path: '/a//b/../c%2F?x=1&x=%20',
      headers: { 'X-One': ['1', '2'], cookie: 'a=b', host: 'shop.example:8443' },
      body: 'hello',
    });
    const seen = await mirrored(response);
    expect(seen).toMatchObject({ method: 'PATCH', url: '/a//b/../c%2F?x=1&x=%20', body: 'hello' });
    expect(seen.headers).toMatchObject({ 'x-one': '1, 2', cookie: 'a=b', host: 'shop.example:8443' });
  });

  it('carry Via and forwarding fields, and none that the client made up', async () => {
    const { url } = await scope.proxy({ chooser: inOrder({ a: await mirror() }), via: 'edge-1' });
    const { headers } = await mirrored(
      await send(url, {
        headers: {
          host: 'shop.example',
          via: '1.0 phone',
          'x-forwarded-for': '6.6.6.6',
          'x-forwarded-user': 'root',
          'x-real-ip': '6.6.6.6',
          forwarded: 'for=6.6.6.6',
        },
      }),
    );
    expect(headers).toMatchObject({
      via: '1.0 phone, 1.1 edge-1',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'shop.example',
      forwarded: 'for=127.0.0.1;host="shop.example";proto=http',
    });
    expect(headers).not.toHaveProperty('x-forwarded-user');
    expect(headers).not.toHaveProperty('x-real-ip');
  });

  it('of a trusted proxy keep what it says of its client', async () => {
    const chooser = inOrder({ a: await mirror() });
    const { url } = await scope.proxy({ chooser, trustedProxies: ['127.0.0.0/8'] });
    const { headers } = await mirrored(
      await send(url, { headers: { 'x-forwarded-for': '6.6.6.6', 'x-forwarded-proto': 'https' } }),
    );
    expect(headers).toMatchObject({ 'x-forwarded-for': '6.6.6.6, 127.0.0.1', 'x-forwarded-proto': 'https' });
  });

  it('lose hop-by-hop fields and what Connection names (RFC 9110 §7.6.1)', async () => {
    const { url } = await scope.proxy({ chooser: inOrder({ a: await mirror() }) });
    const { headers } = await mirrored(
      await send(url, {
        headers: {
          connection: 'close, x-private',
          'x-private': '1',
          'keep-alive': 'timeout=1',
          'proxy-authorization': 'Basic eDp5',
          'proxy-connection': 'keep-alive',
          te: 'trailers',
          upgrade: 'h2c',
          'x-public': '2',
        },
      }),
    );
    for (const name of [
      'x-private',
      'keep-alive',
      'proxy-authorization',
      'proxy-connection',
      'te',
      'upgrade',
    ])
      expect(headers).not.toHaveProperty(name);
    expect(headers).toMatchObject({ 'x-public': '2', connection: 'keep-alive' });
  });

  it('show the backend its own host where asked to', async () => {
    const origin = await mirror();
    const { url } = await scope.proxy({ chooser: inOrder({ a: origin }), hostHeader: 'backend' });
    const plain = await mirrored(await send(url, { headers: { host: 'shop.example' } }));
    const chunked = await mirrored(
      await send(url, {
        method: 'POST',
        headers: { host: 'shop.example', 'transfer-encoding': 'chunked' },
        body: 'x',
      }),
    );
    for (const seen of [plain, chunked])
      expect(seen.headers).toMatchObject({
        host: new URL(origin).host,
        'x-forwarded-host': 'shop.example',
      });
  });

  it('share kept backend connections', async () => {
    let connections = 0;
    const origin = await scope.backend(
      (_request, response) => response.end('ok'),
      (server) => server.on('connection', () => (connections += 1)),
    );
    const { url } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    for (let i = 0; i < 5; i++) await bodyOf(await send(url));
    expect(connections).toBe(1);
  });

  it('are shown to the chooser as plain values', async () => {
    const chooser = inOrder({ a: await mirror() });
    const { url } = await scope.proxy({ chooser, unit: { cookie: 'uid' } });
    await bodyOf(
      await send(url, { path: '/p/q?r=s', headers: { cookie: 'x=y; uid=u-7; z', 'X-Tag': ['a', 'b'] } }),
    );
    expect(chooser.asked[0]).toMatchObject({
      method: 'GET',
      path: '/p/q',
      unit: 'u-7',
      attempt: 0,
      exclude: [],
    });
    expect(chooser.asked[0].header('x-tag')).toBe('a, b');
    expect(chooser.asked[0].header('absent')).toBeUndefined();
  });

  it('with OPTIONS * are answered without a backend', async () => {
    const chooser = inOrder({ a: await mirror() });
    const { url } = await scope.proxy({ chooser });
    const response = await send(url, { method: 'OPTIONS', path: '*' });
    expect(response.statusCode).toBe(204);
    expect(chooser.asked).toEqual([]);
  });
});

describe('responses', () => {
  it('come back with status, reason, fields and body as the backend sent them', async () => {
    const origin = await scope.canned(
      'HTTP/1.1 418 I am a Teapot\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-L: caf\xe9\r\n' +
        'Connection: keep-alive, x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n' +
        'Content-Length: 3\r\n\r\nabc',
    );
    const { url } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const response = await send(url);
    expect(response.statusCode).toBe(418);
    expect(response.statusMessage).toBe('I am a Teapot');
    expect(response.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(response.headers['x-l']).toBe('café');
    expect(response.headers['content-length']).toBe('3');
    for (const name of ['x-hop', 'proxy-authenticate', 'transfer-encoding'])
      expect(response.headers).not.toHaveProperty(name);
    expect((await bodyOf(response)).toString()).toBe('abc');
  });

  it('to HEAD keep their length and have no body', async () => {
    const origin = await scope.backend((_request, response) => {
      response.setHeader('content-length', 1234);
      response.end();
    });
    const { url } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const response = await send(url, { method: 'HEAD' });
    expect(response.headers['content-length']).toBe('1234');
    expect(await bodyOf(response)).toHaveLength(0);
  });

  it.each([204, 304])('with status %d have no body and keep the client connection', async (status) => {
    const origin = await scope.backend((_request, response) => {
      response.writeHead(status, { etag: '"x"' });
      response.end();
    });
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    for (let i = 1; i <= 2; i++) {
      client.text = '';
      client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      expect(await client.until('\r\n\r\n')).toMatch(new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*etag: "x"`));
    }
  });

  it('that end with the connection are passed on whole', async () => {
    const origin = await scope.canned(
      'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nto the end',
      (socket) => socket.end(),
    );
    const { url } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const response = await send(url);
    expect((await bodyOf(response)).toString()).toBe('to the end');
  });

  it('go to HTTP/1.0 clients without chunks', async () => {
    const origin = await scope.backend((_request, response) => {
      response.write('one ');
      response.end('two');
    });
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    client.write('GET / HTTP/1.0\r\n\r\n');
    const text = await client.untilClosed();
    expect(text.toLowerCase()).not.toContain('transfer-encoding');
    expect(text).toMatch(/\r\n\r\none two$/);
  });

  it('keep their trailers, but none that are framing', async () => {
    const origin = await scope.canned(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\n' +
        'X-Sum: 900150983\r\nHost: evil\r\nSet-Cookie: a=b\r\n\r\n',
    );
    const { url } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const response = await send(url);
    expect((await bodyOf(response)).toString()).toBe('abc');
    expect(response.headers.trailer).toBe('X-Sum');
    expect(response.trailers).toEqual({ 'x-sum': '900150983' });
  });

  it('pass Early Hints on before them', async () => {
    const origin = await scope.backend((_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
      response.end('ok');
    });
    const { url } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const hints: unknown[] = [];
    const body = await new Promise<string>((resolve, reject) => {
      const outgoing = request(url, { agent: false }, async (response) =>
        resolve((await bodyOf(response)).toString()),
      );
      outgoing.on('information', (info) => hints.push([info.statusCode, info.headers.link]));
      outgoing.on('error', reject);
      outgoing.end();
    });
    expect(body).toBe('ok');
    expect(hints).toEqual([[103, '</style.css>; rel=preload; as=style']]);
  });

  it('of pipelined requests come in the order of the requests', async () => {
    const origin = await scope.backend((request, response) => {
      setTimeout(() => response.end(request.url), request.url === '/slow' ? 50 : 0);
    });
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    client.write(
      'GET /slow HTTP/1.1\r\nHost: h\r\n\r\nGET /fast HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
    );
    expect(await client.untilClosed()).toMatch(/\/slow.*\/fast/s);
  });
});

describe('outcomes', () => {
  it('tell the chooser once of the head and once of the end', async () => {
    const origin = await scope.backend((_request, response) => response.writeHead(503).end('12345'));
    const chooser = inOrder({ a: origin });
    const { url, proxy } = await scope.proxy({ chooser });
    await bodyOf(await send(url));
    expect(chooser.answered).toMatchObject([{ arm: 'a', answer: { status: 503 } }]);
    expect(chooser.outcomes).toMatchObject([
      { arm: 'a', outcome: { fault: 'none', error: undefined, status: 503, bytes: 5 } },
    ]);
    const { outcome } = chooser.outcomes[0];
    expect(outcome.latencyMs).toBe(chooser.answered[0].answer.latencyMs);
    expect(outcome.totalMs).toBeGreaterThanOrEqual(outcome.latencyMs);
    await eventually(() => proxy.stats.inFlight === 0);
    expect(proxy.stats).toMatchObject({ requests: 1, retries: 0, responses: [0, 0, 0, 0, 0, 1] });
  });

  it('are errors with a stable code where no backend may or can be used', async () => {
    const answers: [unknown, unknown, unknown][] = [];
    const broken = { choose: (): never => expect.fail('thrown on purpose') };
    for (const chooser of [inOrder({}), inOrder({ a: deadOrigin() }), inOrder({ a: 'ftp://x' }), broken]) {
      const { url } = await scope.proxy({ chooser });
      const response = await send(url);
      const problem = JSON.parse((await bodyOf(response)).toString());
      expect(response.headers['content-type']).toBe('application/problem+json');
      expect(problem).toMatchObject({ status: response.statusCode, title: response.statusMessage });
      answers.push([response.statusCode, problem.code, problem.type]);
    }
    expect(answers).toEqual([
      [503, 'blocked', 'urn:ganglion:problem:blocked'],
      [502, 'backend_unreachable', 'urn:ganglion:problem:backend_unreachable'],
      [502, 'backend_invalid_origin', 'urn:ganglion:problem:backend_invalid_origin'],
      [500, 'internal', 'urn:ganglion:problem:internal'],
    ]);
  });

  it('survive a chooser whose hooks throw', async () => {
    const origin = await mirror();
    const errors: unknown[] = [];
    const fail = (): never => {
      throw new Error('hook');
    };
    const chooser = { choose: () => ({ arm: 'a', origin, answered: fail, done: fail }) };
    const { url } = await scope.proxy({ chooser, onError: (error) => errors.push(error) });
    expect((await send(url)).statusCode).toBe(200);
    await eventually(() => errors.length === 2);
  });

  it('are recorded for each exchange', async () => {
    const records: object[] = [];
    const { url } = await scope.proxy({
      chooser: inOrder({ dead: deadOrigin(), a: await mirror() }),
      onExchange: (exchange) => records.push(exchange),
    });
    await bodyOf(await send(url, { path: '/x?y' }));
    await eventually(() => records.length === 1);
    expect(records).toMatchObject([
      { method: 'GET', target: '/x?y', status: 200, code: undefined, arm: 'a', attempts: 2, tunnel: false },
    ]);
  });
});

describe('options out of range', () => {
  const chooser = inOrder({});
  it.each([
    [{ headTimeoutMs: -1 }, 'headTimeoutMs'],
    [{ headTimeoutMs: Number.NaN }, 'headTimeoutMs'],
    [{ maxPerBackend: 0 }, 'maxPerBackend'],
    [{ maxHeaderBytes: 1.5e3 + 0.5 }, 'maxHeaderBytes'],
    [{ retry: { max: 11 } }, 'max'],
    [{ retry: { onStatus: [200] } }, 'retry.onStatus'],
    [{ via: 'two words' }, 'via'],
    [{ unit: { header: 'a b' } }, 'unit'],
    [{ trustedProxies: ['all'] }, 'trustedProxies'],
  ])('%j are refused by name', (options, name) => {
    expect(() => createProxy({ chooser, ...options })).toThrow(name);
  });
});
