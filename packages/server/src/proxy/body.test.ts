import { createHash, randomBytes } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { bodyOf, eventually, inOrder, Scope } from './testing.ts';

const scope = new Scope();
afterEach(() => scope.close());

const MIB = 2 ** 20;
const SIZE = 50 * MIB;

function open(
  url: string,
  options: { method?: string; headers?: Record<string, string | number> },
): { outgoing: ReturnType<typeof request>; response: Promise<IncomingMessage> } {
  const outgoing = request(url, { agent: false, ...options });
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
  });
  response.catch(() => {});
  return { outgoing, response };
}

/** Writes `size` bytes of noise and returns their hash; waits for drain as a good sender does. */
async function pour(
  write: (chunk: Buffer) => boolean,
  drained: () => Promise<unknown>,
  size: number,
): Promise<string> {
  const hash = createHash('sha256');
  const chunk = randomBytes(MIB / 4);
  for (let sent = 0; sent < size; sent += chunk.length) {
    chunk.writeUInt32LE(sent);
    const copy = Buffer.from(chunk);
    hash.update(copy);
    if (!write(copy)) await drained();
  }
  return hash.digest('hex');
}

async function digest(stream: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest('hex');
}

const once = (emitter: NodeJS.EventEmitter, name: string): Promise<unknown> =>
  new Promise((resolve) => emitter.once(name, resolve));

describe('bodies', () => {
  it.each([
    ['with a length', { 'content-length': SIZE }],
    ['in chunks', { 'transfer-encoding': 'chunked' }],
  ])('%s of 50 MB arrive whole at the backend', async (_how, headers) => {
    let seen = '';
    const origin = await scope.backend(async (incoming, response) => {
      seen = await digest(incoming);
      response.end('done');
    });
    const { url } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const { outgoing, response } = open(url, { method: 'POST', headers });
    const sent = await pour(
      (chunk) => outgoing.write(chunk),
      () => once(outgoing, 'drain'),
      SIZE,
    );
    outgoing.end();
    expect((await bodyOf(await response)).toString()).toBe('done');
    expect(seen).toBe(sent);
  });

  it.each([
    ['with a length', { 'content-length': SIZE }],
    ['in chunks', {}],
  ])('%s of 50 MB arrive whole at the client', async (_how, headers) => {
    let sent = '';
    const origin = await scope.backend(async (_request, response) => {
      response.writeHead(200, headers);
      sent = await pour(
        (chunk) => response.write(chunk),
        () => once(response, 'drain'),
        SIZE,
      );
      response.end();
    });
    const chooser = inOrder({ a: origin });
    const { url } = await scope.proxy({ chooser });
    const { outgoing, response } = open(url, {});
    outgoing.end();
    expect(await digest(await response)).toBe(sent);
    expect(chooser.outcomes[0].outcome).toMatchObject({ fault: 'none', bytes: SIZE });
  });

  it('are not kept for a client that does not read: the backend has to wait', async () => {
    let sent = 0;
    let waiting = false;
    const origin = await scope.backend(async (_request, response) => {
      while (sent < SIZE && !response.destroyed) {
        sent += MIB / 4;
        if (response.write(Buffer.alloc(MIB / 4))) continue;
        waiting = true;
        await once(response, 'drain');
        waiting = false;
      }
      response.end();
    });
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const socket = connect({ port, host: '127.0.0.1' });
    scope.defer(() => socket.destroy());
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    await settled(() => (waiting ? sent : Number.NaN));
    // What may be on its way: the buffers of four sockets and two streams. The rest is still with the backend.
    expect(sent).toBeLessThan(SIZE / 2);
    let received = 0;
    for await (const chunk of socket) received += chunk.length;
    expect(received).toBeGreaterThan(SIZE);
  });

  it.each([
    ['with a length', { 'content-length': SIZE }],
    ['in chunks', { 'transfer-encoding': 'chunked' }],
  ])('%s are not kept for a backend that does not read: the client has to wait', async (_how, headers) => {
    let reading: IncomingMessage | undefined;
    const origin = await scope.backend((incoming, response) => {
      reading = incoming;
      incoming.on('end', () => response.end('ok'));
    });
    const { url } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const { outgoing, response } = open(url, { method: 'PUT', headers });
    let sent = 0;
    const pouring = (async () => {
      while (sent < SIZE) {
        sent += MIB / 4;
        if (!outgoing.write(Buffer.alloc(MIB / 4))) await once(outgoing, 'drain');
      }
      outgoing.end();
    })();
    await eventually(() => reading !== undefined);
    await settled(() => sent);
    expect(sent).toBeLessThan(SIZE / 2);
    reading?.resume();
    await pouring;
    expect((await bodyOf(await response)).toString()).toBe('ok');
  });

  it('flow both ways at once, and their head leaves before their first byte', async () => {
    const origin = await scope.backend((incoming, response) => {
      response.writeHead(200);
      response.flushHeaders();
      incoming.pipe(response);
    });
    const { url } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const { outgoing, response } = open(url, { method: 'POST', headers: { 'transfer-encoding': 'chunked' } });
    outgoing.flushHeaders();
    const incoming = await response;
    for (const word of ['ping', 'pong']) {
      outgoing.write(word);
      expect(String(await once(incoming, 'data'))).toBe(word);
    }
    outgoing.end();
    await once(incoming, 'end');
  });

  it('in chunks keep their trailers', async () => {
    let trailers: unknown;
    const origin = await scope.backend(async (incoming, response) => {
      await bodyOf(incoming);
      trailers = { announced: incoming.headers.trailer, came: incoming.trailers };
      response.end();
    });
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    client.write(
      'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n' +
        '3\r\nabc\r\n0\r\nX-Sum: 9\r\nAuthorization: x\r\n\r\n',
    );
    await client.until('HTTP/1.1 200');
    expect(trailers).toEqual({ announced: 'X-Sum', came: { 'x-sum': '9' } });
  });

  it('that the backend does not want to the end do not keep its answer from the client', async () => {
    const origin = await scope.backend((_incoming, response) => {
      response.writeHead(413, { connection: 'close' });
      response.end('too much');
    });
    const chooser = inOrder({ a: origin });
    const { port } = await scope.proxy({ chooser });
    const client = await scope.raw(port);
    client.write(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${SIZE}\r\n\r\n${'x'.repeat(1000)}`);
    expect(await client.until('too much')).toContain('HTTP/1.1 413');
    await eventually(() => chooser.outcomes.length === 1);
    expect(chooser.outcomes[0].outcome).toMatchObject({ fault: 'none', status: 413 });
    // It may not go on forever, either.
    await client.untilClosed();
  });
});

describe('Expect: 100-continue', () => {
  const head = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n';

  it('is left to the backend to answer: its 100 lets the body flow', async () => {
    let expected: string | undefined;
    const origin = await scope.backend(
      () => {},
      (server) =>
        server.on('checkContinue', async (incoming, response) => {
          expected = incoming.headers.expect;
          response.writeContinue();
          response.end(`got ${await bodyOf(incoming)}`);
        }),
    );
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    client.write(head);
    expect(await client.until('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.write('12345');
    await client.until('got 12345');
    expect(expected).toBe('100-continue');
  });

  it('is left to the backend to refuse: no byte of the body is asked for', async () => {
    const origin = await scope.backend(
      () => {},
      (server) => server.on('checkContinue', (_incoming, response) => response.writeHead(401).end('who?')),
    );
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    client.write(head);
    const text = await client.until('who?');
    expect(text).toMatch(/^HTTP\/1.1 401/);
    expect(text).not.toContain('100 Continue');
  });

  it('does not hold up a client that sends without waiting', async () => {
    const origin = await scope.backend(async (incoming, response) =>
      response.end(`got ${await bodyOf(incoming)}`),
    );
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    client.write(`${head}12345`);
    await client.until('got 12345');
  });

  it('of something else is refused', async () => {
    const { port } = await scope.proxy({ chooser: inOrder({}) });
    const client = await scope.raw(port);
    client.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: miracles\r\n\r\n');
    expect(await client.until('}')).toMatch(/^HTTP\/1.1 417 .*expectation_failed/s);
  });
});

/** Waits until a number has stopped changing. */
async function settled(value: () => number): Promise<void> {
  let before = Number.NaN;
  let same = 0;
  while (same < 20) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const now = value();
    same = now === before ? same + 1 : 0;
    before = now;
  }
}
