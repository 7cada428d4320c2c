import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { bodyOf, deadOrigin, eventually, inOrder, Scope } from './testing.ts';

const scope = new Scope();
afterEach(() => scope.close());

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
  readonly code: string | undefined;
}

async function send(url: string, method = 'GET', body?: string, headers = {}): Promise<Answer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = request(url, { method, agent: false, headers }, resolve);
    outgoing.on('error', reject);
    outgoing.end(body);
  });
  const text = (await bodyOf(response)).toString();
  const problem = response.headers['content-type'] === 'application/problem+json';
  return { status: response.statusCode, text, code: problem ? JSON.parse(text).code : undefined };
}

/** A backend that drops each connection once a request head has arrived; counts them. */
async function resetting(count: { requests: number }): Promise<string> {
  return scope.tcp((socket) => {
    socket.once('data', () => {
      count.requests += 1;
      socket.resetAndDestroy();
    });
  });
}

const healthy = (): Promise<string> =>
  scope.backend(async (incoming, response) => response.end(`ok ${await bodyOf(incoming)}`));

/** An https origin whose handshake never ends, so that connecting goes on until it times out. */
const mute = async (): Promise<string> => (await scope.tcp(() => {})).replace('http:', 'https:');

describe('a failed attempt', () => {
  it.each([
    ['GET', {}],
    ['POST', {}],
    ['POST', { 'transfer-encoding': 'chunked' }],
  ])('that found no connection is retried on another arm: %s %j', async (method, headers) => {
    const chooser = inOrder({ dead: deadOrigin(), b: await healthy() });
    const { url, proxy } = await scope.proxy({ chooser });
    const answer = await send(url, method, method === 'POST' ? 'body' : undefined, headers);
    expect(answer).toMatchObject({ status: 200, text: method === 'POST' ? 'ok body' : 'ok ' });
    expect(chooser.asked.map(({ attempt, exclude }) => [attempt, exclude])).toEqual([
      [0, []],
      [1, ['dead']],
    ]);
    expect(chooser.outcomes).toMatchObject([
      { arm: 'dead', outcome: { fault: 'backend', error: 'backend_unreachable', status: undefined } },
      { arm: 'b', outcome: { fault: 'none', status: 200 } },
    ]);
    expect(proxy.stats.retries).toBe(1);
  });

  it('that was reset before a response head is retried where the method is idempotent', async () => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE', 'PUT']) {
      const count = { requests: 0 };
      const chooser = inOrder({ a: await resetting(count), b: await healthy() });
      const { url } = await scope.proxy({ chooser });
      expect((await send(url, method)).status).toBe(200);
      expect(chooser.outcomes[0]).toMatchObject({ outcome: { fault: 'backend', error: 'backend_reset' } });
      expect(count.requests).toBe(1);
    }
  });

  it('of a POST, or of any body that has begun to flow, is never retried', async () => {
    for (const [method, body, headers] of [
      ['POST', 'x'.repeat(100_000), {}],
      ['POST', 'small', {}],
      ['POST', undefined, {}],
      ['PATCH', 'small', {}],
      ['PUT', 'small', {}],
      ['PUT', 'small', { 'transfer-encoding': 'chunked' }],
      ['POST', 'small', { 'transfer-encoding': 'chunked' }],
    ] as const) {
      const count = { requests: 0 };
      const chooser = inOrder({ a: await resetting(count), b: await healthy() });
      const { url, proxy } = await scope.proxy({ chooser });
      expect(await send(url, method, body, headers)).toMatchObject({ status: 502, code: 'backend_reset' });
      expect(chooser.asked).toHaveLength(1);
      expect(count.requests).toBe(1);
      expect(proxy.stats.retries).toBe(0);
    }
  });

  it('on the only arm is tried once more after a reset, which may be a kept connection that timed out', async () => {
    let requests = 0;
    const origin = await scope.backend((incoming, response) => {
      requests += 1;
      if (requests === 2) incoming.socket.resetAndDestroy();
      else response.end('ok');
    });
    const chooser = inOrder({ a: origin });
    const { url } = await scope.proxy({ chooser });
    expect((await send(url)).status).toBe(200);
    expect((await send(url)).status).toBe(200);
    expect(requests).toBe(3);
    expect(chooser.outcomes.map(({ outcome }) => outcome.error)).toEqual([
      undefined,
      'backend_reset',
      undefined,
    ]);
  });

  it('is retried no more often than allowed, and the client learns the last reason', async () => {
    const dead = deadOrigin();
    const count = { requests: 0 };
    const arms = { a: dead, b: dead, c: await resetting(count), d: await healthy() };
    const chooser = inOrder(arms);
    const { url } = await scope.proxy({ chooser, retry: { max: 2 } });
    expect(await send(url)).toMatchObject({ status: 502, code: 'backend_reset' });
    expect(chooser.outcomes.map(({ arm }) => arm)).toEqual(['a', 'b', 'c']);
  });

  it('is not retried once the budget is spent', async () => {
    const chooser = inOrder({ dead: deadOrigin(), b: await healthy() });
    const { url, proxy } = await scope.proxy({ chooser, retry: { ratio: 0, minPerSecond: 0 } });
    expect((await send(url)).status).toBe(200);
    expect((await send(url)).code).toBe('backend_unreachable');
    expect(proxy.stats).toMatchObject({ retries: 1, retriesRefused: 1 });
  });

  it('is not retried where retries are off', async () => {
    const chooser = inOrder({ dead: deadOrigin(), b: await healthy() });
    const { url } = await scope.proxy({ chooser, retry: { max: 0 } });
    expect((await send(url)).code).toBe('backend_unreachable');
  });

  it('with a status worth a retry is given up for another arm, and its body thrown away', async () => {
    const failing = await scope.backend((_incoming, response) =>
      response.writeHead(503).end('x'.repeat(2e5)),
    );
    const chooser = inOrder({ a: failing, b: await healthy() });
    const { url } = await scope.proxy({ chooser, retry: { onStatus: [503] } });
    expect(await send(url)).toMatchObject({ status: 200, text: 'ok ' });
    expect(await send(url, 'POST', 'x')).toMatchObject({ status: 503 });
    expect(chooser.outcomes.map(({ arm, outcome }) => [arm, outcome.status])).toEqual([
      ['a', 503],
      ['b', 200],
      ['a', 503],
    ]);
  });

  it('whose answer is no HTTP is a bad response, and not retried', async () => {
    for (const junk of [
      'SSH-2.0-OpenSSH_9.6\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc',
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc',
      `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`,
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    ]) {
      const chooser = inOrder({ a: await scope.canned(junk), b: await healthy() });
      const { url } = await scope.proxy({ chooser });
      expect(await send(url), junk.slice(0, 60)).toMatchObject({ status: 502, code: 'backend_bad_response' });
      expect(chooser.outcomes).toMatchObject([
        { outcome: { fault: 'backend', error: 'backend_bad_response' } },
      ]);
    }
  });
});

describe('a backend that breaks off', () => {
  const cutting = (framing: string) =>
    scope.canned(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n5\r\nhello\r\n`, (socket) =>
      setTimeout(() => socket.destroy(), 20),
    );

  it.each(['Content-Length: 100', 'Transfer-Encoding: chunked'])(
    'in the middle of a body breaks the client connection, so that the part is not taken for the whole: %s',
    async (framing) => {
      const chooser = inOrder({ a: await cutting(framing), b: await healthy() });
      const { url } = await scope.proxy({ chooser });
      await expect(send(url)).rejects.toMatchObject({ code: 'ECONNRESET' });
      expect(chooser.outcomes).toMatchObject([
        { arm: 'a', outcome: { fault: 'backend', error: 'backend_cut', status: 200 } },
      ]);
    },
  );

  it('resets the connection of an HTTP/1.0 client, for which its end would mean the end of the body', async () => {
    const chooser = inOrder({ a: await cutting('Transfer-Encoding: chunked') });
    const { port } = await scope.proxy({ chooser });
    const client = await scope.raw(port);
    let code: string | undefined;
    client.socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code;
    });
    client.write('GET / HTTP/1.0\r\n\r\n');
    await client.untilClosed();
    expect(code).toBe('ECONNRESET');
  });
});

describe('a client that goes away', () => {
  it.each(['while the backend works', 'in the middle of the response'])(
    '%s takes the request to the backend with it, and is not charged to the backend',
    async (when) => {
      let closed = false;
      let arrived = false;
      const origin = await scope.backend((_incoming, response) => {
        arrived = true;
        response.on('close', () => {
          closed = !response.writableFinished;
        });
        if (when !== 'while the backend works') response.write('part');
      });
      const chooser = inOrder({ a: origin, b: await healthy() });
      const { port, proxy } = await scope.proxy({ chooser });
      const client = await scope.raw(port);
      client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      if (when === 'while the backend works') await eventually(() => arrived);
      else await client.until('part');
      client.socket.destroy();
      await eventually(() => closed);
      await eventually(() => chooser.outcomes.length === 1);
      expect(chooser.outcomes).toMatchObject([
        { arm: 'a', outcome: { fault: 'client', error: 'client_gone' } },
      ]);
      await eventually(() => proxy.stats.inFlight === 0);
      expect(proxy.stats.clientAborts).toBe(1);
    },
  );

  it.each(['Content-Length: 100', 'Transfer-Encoding: chunked'])(
    'in the middle of its own body is not charged to the backend either: %s',
    async (framing) => {
      let aborted = false;
      const origin = await scope.backend((incoming) => {
        incoming.on('data', () => {});
        incoming.on('error', () => {
          aborted = true;
        });
      });
      const chooser = inOrder({ a: origin, b: await healthy() });
      const { port } = await scope.proxy({ chooser });
      const client = await scope.raw(port);
      client.write(`PUT / HTTP/1.1\r\nHost: h\r\n${framing}\r\n\r\n5\r\nhello\r\n`);
      await eventually(() => chooser.asked.length === 1);
      await new Promise((resolve) => setTimeout(resolve, 30));
      client.socket.destroy();
      await eventually(() => aborted);
      expect(chooser.outcomes).toMatchObject([{ arm: 'a', outcome: { fault: 'client' } }]);
    },
  );

  it('before a connection is made lets the attempt end, uncharged', async () => {
    const chooser = inOrder({ a: await mute() });
    const { port, proxy } = await scope.proxy({ chooser });
    const client = await scope.raw(port);
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await eventually(() => chooser.asked.length === 1);
    client.socket.destroy();
    await eventually(() => chooser.outcomes.length === 1);
    expect(chooser.outcomes[0].outcome).toMatchObject({ fault: 'client', error: 'client_gone' });
    await eventually(() => proxy.stats.inFlight === 0);
  });

  it('with requests still in the pipeline takes all of them along: no backend hears of them', async () => {
    const chooser = inOrder({ a: await scope.backend(() => {}) });
    const { port, proxy } = await scope.proxy({ chooser });
    const client = await scope.raw(port);
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(3));
    await eventually(() => proxy.stats.waiting === 2 && chooser.asked.length === 1);
    client.socket.destroy();
    await eventually(() => chooser.outcomes.length === 1);
    expect(chooser.outcomes[0].outcome.fault).toBe('client');
    await eventually(() => proxy.stats.inFlight === 0 && proxy.stats.waiting === 0);
    expect(chooser.asked).toHaveLength(1);
  });
});

describe('time-outs', () => {
  it('without a connection: 504, charged to the backend', async () => {
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const chooser = inOrder({ a: await mute() });
      const { url } = await scope.proxy({ chooser, connectTimeoutMs: 100 });
      const answer = await send(url, 'PUT', 'x', headers);
      expect(answer).toMatchObject({ status: 504, code: 'backend_connect_timeout' });
      expect(chooser.outcomes).toMatchObject([
        { outcome: { fault: 'backend', error: 'backend_connect_timeout' } },
      ]);
    }
  });

  it.each([
    ['GET', undefined, {}],
    ['POST', 'body', {}],
    ['POST', 'body', { 'transfer-encoding': 'chunked' }],
  ])('without a response head: 504, charged to the backend (%s %s %j)', async (method, body, headers) => {
    const chooser = inOrder({ a: await scope.backend((incoming) => incoming.resume()), b: await healthy() });
    const { url } = await scope.proxy({ chooser, headTimeoutMs: 100 });
    expect(await send(url, method, body, headers)).toMatchObject({
      status: 504,
      code: 'backend_head_timeout',
    });
    expect(chooser.outcomes).toMatchObject([
      { outcome: { fault: 'backend', error: 'backend_head_timeout' } },
    ]);
  });

  it.each([{}, { 'transfer-encoding': 'chunked' }])(
    'in the middle of the response: the client connection breaks, charged to the backend (%j)',
    async (headers) => {
      const origin = await scope.backend((_incoming, response) => response.write('part'));
      const chooser = inOrder({ a: origin });
      const { url } = await scope.proxy({ chooser, bodyIdleTimeoutMs: 100 });
      await expect(send(url, 'POST', 'x', headers)).rejects.toMatchObject({ code: 'ECONNRESET' });
      expect(chooser.outcomes).toMatchObject([
        { outcome: { fault: 'backend', error: 'backend_body_timeout' } },
      ]);
    },
  );

  it.each(['Content-Length: 100', 'Transfer-Encoding: chunked'])(
    'of a client that stops sending: 408, not charged to the backend: %s',
    async (framing) => {
      const chooser = inOrder({
        a: await scope.backend((incoming) => incoming.resume()),
        b: await healthy(),
      });
      const { port } = await scope.proxy({ chooser, clientIdleTimeoutMs: 100, headTimeoutMs: 5000 });
      const client = await scope.raw(port);
      client.write(`PUT / HTTP/1.1\r\nHost: h\r\n${framing}\r\n\r\n5\r\nhello\r\n`);
      expect(await client.untilClosed()).toMatch(/^HTTP\/1.1 408 .*"request_timeout"/s);
      expect(chooser.outcomes).toMatchObject([{ outcome: { fault: 'client', error: 'client_stalled' } }]);
    },
  );

  it('of a client that stops reading: its connection ends, not charged to the backend', async () => {
    const origin = await scope.backend((_incoming, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    });
    const chooser = inOrder({ a: origin });
    const { port, proxy } = await scope.proxy({ chooser, clientIdleTimeoutMs: 200, bodyIdleTimeoutMs: 50 });
    const client = await scope.raw(port);
    client.socket.pause();
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await eventually(() => chooser.outcomes.length === 1);
    expect(chooser.outcomes).toMatchObject([{ outcome: { fault: 'client', error: 'client_stalled' } }]);
    await eventually(() => proxy.stats.inFlight === 0);
  });

  it('of a client that never finishes its head: 408', async () => {
    const { port } = await scope.proxy({ chooser: inOrder({}), clientHeadTimeoutMs: 100 });
    const client = await scope.raw(port);
    client.write('GET / HTTP/1.1\r\nHost: h\r\nX-Slow: ');
    expect(await client.untilClosed()).toMatch(/^HTTP\/1.1 408 .*"request_timeout"/s);
  });
});

describe('limits', () => {
  it('of one backend send what is above to the next arm, or answer 503', async () => {
    const held: Socket[] = [];
    const holding = await scope.backend((incoming) => held.push(incoming.socket));
    const chooser = inOrder({ a: holding, b: await healthy() });
    const { url } = await scope.proxy({ chooser, maxPerBackend: 1 });
    const first = send(url).catch(() => 'cut');
    await eventually(() => held.length === 1);
    expect((await send(url, 'POST', 'x')).text).toBe('ok x');
    expect(chooser.outcomes[0]).toMatchObject({
      arm: 'a',
      outcome: { fault: 'proxy', error: 'backend_saturated' },
    });
    for (const socket of held) socket.destroy();
    await first;
    const alone = await scope.proxy({
      chooser: inOrder({ a: holding }),
      maxPerBackend: 1,
      retry: { max: 0 },
    });
    const second = send(alone.url).catch(() => 'cut');
    await eventually(() => held.length === 2);
    expect(await send(alone.url)).toMatchObject({ status: 503, code: 'backend_saturated' });
    held[1].destroy();
    await second;
  });

  it('of requests in flight answer 503', async () => {
    const held: Socket[] = [];
    const chooser = inOrder({ a: await scope.backend((incoming) => held.push(incoming.socket)) });
    const { url, proxy } = await scope.proxy({ chooser, maxInFlight: 1, retry: { max: 0 } });
    const first = send(url);
    await eventually(() => held.length === 1);
    expect(await send(url)).toMatchObject({ status: 503, code: 'overloaded' });
    expect(proxy.stats.shed).toBe(1);
    held[0].destroy();
    expect((await first).code).toBe('backend_reset');
  });
});
