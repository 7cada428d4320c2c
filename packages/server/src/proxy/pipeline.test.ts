import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { bodyOf, eventually, inOrder, Scope } from './testing.ts';

const scope = new Scope();
afterEach(() => scope.close());

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: h\r\n${more}\r\n`;
const HANDSHAKE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
const CONNECT = 'CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n';

/** A backend that answers when told to, with the target of the request. */
async function held(): Promise<{
  origin: string;
  asked: string[];
  answer(body?: string): void;
}> {
  const open: [IncomingMessage, ServerResponse][] = [];
  const asked: string[] = [];
  const origin = await scope.backend((request, response) => {
    asked.push(request.url as string);
    open.push([request, response]);
  });
  return {
    origin,
    asked,
    answer(body) {
      const [request, response] = open.shift() as [IncomingMessage, ServerResponse];
      response.end(body ?? `<${request.url}>`);
    },
  };
}

/** Starts of answers, and bodies as `held` gives them, in the order in which they came. */
function order(text: string): string[] {
  return text.match(/HTTP\/1\.1 \d+|<[^>]*>/g) ?? [];
}

describe('what may not be answered before its turn', () => {
  it('is an offer of a WebSocket: the request is served without, and the connection closes with its answer', async () => {
    const { origin, asked, answer } = await held();
    const { port, proxy } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    client.write(get('/slow') + get('/socket', HANDSHAKE) + get('/after'));
    await eventually(() => asked.length === 1);
    client.write(get('/later'));
    answer();
    await eventually(() => asked.length === 2);
    answer();
    const text = await client.untilClosed();
    expect(order(text)).toEqual(['HTTP/1.1 200', '</slow>', 'HTTP/1.1 200', '</socket>']);
    expect(text).toMatch(/keep-alive.*close.*<.socket>/is);
    expect(asked).toEqual(['/slow', '/socket']);
    await eventually(() => proxy.stats.inFlight === 0);
  });

  it.each([
    ['a CONNECT', CONNECT, 405],
    ['what is no request', 'what?\r\n\r\n', 400],
    ['a head that is too large', get('/', `X: ${'y'.repeat(20_000)}\r\n`), 431],
    ['a request that is refused', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    ['an expectation that nobody meets', get('/', 'Expect: tea\r\n'), 417],
  ])('is %s, and the connection closes with that answer', async (_what, last, status) => {
    const { origin, asked, answer } = await held();
    const { port, proxy } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    client.write(get('/one') + get('/two') + last + get('/never'));
    await eventually(() => asked.length === 1);
    answer();
    await eventually(() => asked.length === 2);
    expect(order(client.text)).toEqual(['HTTP/1.1 200', '</one>']);
    answer();
    const text = await client.untilClosed();
    expect(order(text)).toEqual(['HTTP/1.1 200', '</one>', 'HTTP/1.1 200', '</two>', `HTTP/1.1 ${status}`]);
    expect(asked).toEqual(['/one', '/two']);
    expect(proxy.stats).toMatchObject({ inFlight: 0, waiting: 0, requests: 3, malformed: 1 });
    expect(proxy.stats.responses).toEqual([0, 0, 2, 0, 1, 0]);
  });

  it('is a CONNECT behind an answer that takes its client some time', async () => {
    const { origin, asked, answer } = await held();
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }), clientIdleTimeoutMs: 2000 });
    const client = await scope.raw(port);
    client.write(get('/large') + CONNECT);
    await eventually(() => asked.length === 1);
    client.socket.pause();
    answer('x'.repeat(20_000_000));
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.socket.resume();
    const text = await client.untilClosed();
    expect(text.length).toBeGreaterThan(20_000_000);
    expect(text.slice(20_000_000)).toMatch(/x+(?:\r\n0\r\n\r\n)?HTTP\/1.1 405 /);
  });

  it('is told to stay away: what follows an answer that closes the connection reaches nobody', async () => {
    const { origin, asked, answer } = await held();
    const { port, proxy } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    client.write(get('/one') + get('/two', 'Max-Forwards: x\r\n') + get('/three'));
    await eventually(() => asked.length === 1);
    const closing = proxy.close(60_000);
    answer();
    const text = await client.untilClosed();
    expect(order(text)).toEqual(['HTTP/1.1 200', '</one>']);
    expect(text).toMatch(/connection: close/i);
    expect(await closing).toEqual({ cut: 0 });
    expect(asked).toEqual(['/one']);
    expect(proxy.stats.waiting).toBe(0);
  });
});

describe('requests of one connection', () => {
  it('reach the backends one after the other, in their order', async () => {
    const seen: string[] = [];
    const origin = await scope.backend(async (request, response) => {
      seen.push(`${request.url} begins`);
      const body = await bodyOf(request);
      await new Promise((resolve) => setTimeout(resolve, 10));
      seen.push(`${request.url} ${body}`);
      response.end('ok');
    });
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    client.write(
      'PUT /first HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n' +
        'PUT /second HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nConnection: close\r\n\r\ndef',
    );
    await client.untilClosed();
    expect(seen).toEqual(['/first begins', '/first abc', '/second begins', '/second def']);
  });

  it('take one place at a backend, however many there are, and all are answered', async () => {
    let active = 0;
    let most = 0;
    let answered = 0;
    const origin = await scope.backend((_request, response) => {
      active += 1;
      most = Math.max(most, active);
      setImmediate(() => {
        active -= 1;
        answered += 1;
        response.end(`<${answered}>`);
      });
    });
    const warnings: unknown[] = [];
    const warn = (warning: unknown): unknown => warnings.push(warning);
    process.on('warning', warn);
    scope.defer(() => process.removeListener('warning', warn));
    const { port, url, proxy } = await scope.proxy({ chooser: inOrder({ a: origin }), maxPerBackend: 2 });
    const client = await scope.raw(port);
    const requests = 3000;
    client.write(get('/many').repeat(requests));
    await eventually(() => proxy.stats.waiting > 0);
    for (let i = 0; i < 10; i++) expect((await fetch(url)).status).toBe(200);
    await eventually(
      () => order(client.text.slice(-1000)).at(-1) === `<${answered}>` && answered === requests + 10,
    );
    expect(client.text.match(/HTTP\/1\.1 200/g)).toHaveLength(requests);
    expect(most).toBeLessThanOrEqual(2);
    expect(proxy.stats).toMatchObject({ waiting: 0, shed: 0 });
    expect(warnings).toEqual([]);
  });

  it('that wait are bounded on all connections together: what is above is refused, after those before it', async () => {
    const { origin, asked, answer } = await held();
    const { port, proxy } = await scope.proxy({ chooser: inOrder({ a: origin }), maxInFlight: 2 });
    const client = await scope.raw(port);
    client.write(['/1', '/2', '/3', '/4', '/5'].map((path) => get(path)).join(''));
    for (let i = 1; i <= 3; i++) {
      await eventually(() => asked.length === i);
      answer();
    }
    const text = await client.untilClosed();
    expect(order(text)).toEqual([
      ...['1', '2', '3'].flatMap((n) => ['HTTP/1.1 200', `</${n}>`]),
      'HTTP/1.1 503',
    ]);
    expect(text).toMatch(/"overloaded"/);
    expect(asked).toHaveLength(3);
    expect(proxy.stats).toMatchObject({ waiting: 0, shed: 1, requests: 4 });
  });

  it('are read no further while many wait; nor is it the client’s fault, then, that a head is late', async () => {
    const { origin, asked, answer } = await held();
    const { port, proxy } = await scope.proxy({ chooser: inOrder({ a: origin }), clientHeadTimeoutMs: 100 });
    const client = await scope.raw(port);
    const waiting = 20;
    client.write(`${get('/x').repeat(1 + waiting)}GET /last HTTP/1.1\r\n`);
    await eventually(() => proxy.stats.waiting === waiting);
    client.write(`Host: h\r\n\r\n${get('/more')}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(proxy.stats.waiting).toBe(waiting);
    for (let i = 1; i <= waiting + 3; i++) {
      await eventually(() => asked.length === i);
      answer();
    }
    await client.until('</more>');
    expect(client.text).not.toMatch(/HTTP\/1.1 [^2]/);
    expect(proxy.stats).toMatchObject({ clientStalls: 0, malformed: 0 });
  });

  it('whose head is late although all was read are waited for no longer', async () => {
    const { origin, asked, answer } = await held();
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }), clientHeadTimeoutMs: 100 });
    const client = await scope.raw(port);
    client.write(`${get('/x').repeat(21)}GET /last HTTP/1.1\r\n`);
    await eventually(() => asked.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (let i = 1; i <= 21; i++) {
      await eventually(() => asked.length === i);
      answer();
    }
    expect(await client.untilClosed()).toMatch(/HTTP\/1.1 408 .*"request_timeout"/s);
  });
});

describe('a fault of the proxy’s own', () => {
  it('costs its connection, is told, and ends nothing else', async () => {
    const errors: unknown[] = [];
    const { origin, asked, answer } = await held();
    const { port, proxy } = await scope.proxy({
      chooser: inOrder({ a: origin }),
      onError: (error) => errors.push(error),
    });
    const client = await scope.raw(port);
    // A counter that cannot be raised stands for whatever else may throw where a request comes in.
    Object.defineProperty(proxy.stats, 'requests', {
      configurable: true,
      get: () => {
        throw new Error('on purpose');
      },
    });
    client.write(get('/'));
    await client.untilClosed();
    expect(errors).toEqual([new Error('on purpose')]);
    Object.defineProperty(proxy.stats, 'requests', { value: 0, writable: true });
    const other = await scope.raw(port);
    other.write(get('/other'));
    await eventually(() => asked.length === 1);
    answer();
    await other.until('</other>');
  });
});
