import { once } from 'node:events';
import type { Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { deadOrigin, eventually, inOrder, Scope } from './testing.ts';

const scope = new Scope();
afterEach(() => scope.close());

/** A backend that echoes WebSocket messages; remembers the fields of its handshakes. */
async function echo(): Promise<{
  origin: string;
  handshakes: Record<string, unknown>[];
  clients: Set<WebSocket>;
}> {
  const handshakes: Record<string, unknown>[] = [];
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'chat' });
  const origin = await scope.backend(
    (_request, response) => response.end('plain'),
    (server: Server) =>
      server.on('upgrade', (request, socket, head) => {
        handshakes.push(request.headers);
        sockets.handleUpgrade(request, socket, head, (client) => {
          client.on('message', (data, binary) => client.send(data, { binary }));
        });
      }),
  );
  scope.defer(() => {
    for (const client of sockets.clients) client.terminate();
  });
  return { origin, handshakes, clients: sockets.clients };
}

async function open(url: string, protocols: string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(url.replace('http', 'ws'), protocols);
  scope.defer(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

const handshake = (path = '/', upgrade = 'websocket'): string =>
  `GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: ${upgrade}\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

describe('WebSockets', () => {
  it('echo through the proxy, small and large, both kinds', async () => {
    const { origin, handshakes } = await echo();
    const chooser = inOrder({ a: origin });
    const { url, proxy } = await scope.proxy({ chooser });
    const socket = await open(url, ['chat']);
    expect(socket.protocol).toBe('chat');
    for (const message of ['hello', Buffer.alloc(5_000_000, 7)]) {
      socket.send(message);
      const [data, binary] = await once(socket, 'message');
      expect(binary).toBe(typeof message !== 'string');
      expect(Buffer.compare(data as Buffer, Buffer.from(message))).toBe(0);
    }
    expect(handshakes[0]).toMatchObject({
      connection: 'upgrade',
      upgrade: 'websocket',
      via: '1.1 ganglion',
      'x-forwarded-for': '127.0.0.1',
      'sec-websocket-protocol': 'chat',
    });
    expect(chooser.answered).toMatchObject([{ answer: { status: 101 } }]);
    expect(chooser.outcomes).toEqual([]);
    expect(proxy.stats).toMatchObject({ inFlight: 1, tunnels: 1 });
    socket.close();
    await eventually(() => chooser.outcomes.length === 1);
    expect(chooser.outcomes[0].outcome).toMatchObject({ fault: 'none', status: 101 });
    expect(chooser.outcomes[0].outcome.bytes).toBeGreaterThan(5_000_000);
    await eventually(() => proxy.stats.inFlight === 0);
  });

  it('may be written to before the backend has agreed: nothing is lost', async () => {
    const { origin } = await echo();
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    // RFC 6455 §5.7: a single-frame masked text message "Hello"; the answer is its unmasked form.
    client.write(`${handshake()}\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58`);
    const text = await client.until('\x81\x05Hello');
    // The accept key of RFC 6455 §1.3.
    expect(text).toMatch(/^HTTP\/1.1 101 .*sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/is);
  });

  it('that the backend refuses get its answer', async () => {
    const origin = await scope.backend(
      () => {},
      (server: Server) =>
        server.on('upgrade', (_request, socket) => {
          socket.end('HTTP/1.1 403 Forbidden\r\nX-Why: no\r\nContent-Length: 4\r\n\r\nstop');
        }),
    );
    const chooser = inOrder({ a: origin });
    const { port } = await scope.proxy({ chooser });
    const client = await scope.raw(port);
    client.write(handshake());
    expect(await client.untilClosed()).toMatch(/^HTTP\/1.1 403 .*x-why: no.*stop$/is);
    expect(chooser.outcomes).toMatchObject([{ outcome: { fault: 'none', status: 403 } }]);
  });

  it('find another backend where the first cannot be reached', async () => {
    const { origin } = await echo();
    const chooser = inOrder({ dead: deadOrigin(), b: origin });
    const { url } = await scope.proxy({ chooser });
    const socket = await open(url);
    socket.send('x');
    expect(String((await once(socket, 'message'))[0])).toBe('x');
    expect(chooser.outcomes).toMatchObject([{ arm: 'dead' }]);
  });

  it('end with an error document where no backend can be reached', async () => {
    const { port } = await scope.proxy({ chooser: inOrder({ dead: deadOrigin() }) });
    const client = await scope.raw(port);
    client.write(handshake());
    expect(await client.untilClosed()).toMatch(/^HTTP\/1.1 502 .*"backend_unreachable"/s);
  });

  it('end on both sides when either goes away', async () => {
    const { origin, clients } = await echo();
    const chooser = inOrder({ a: origin });
    const { url, proxy } = await scope.proxy({ chooser });
    const first = await open(url);
    for (const client of clients) client.terminate();
    await once(first, 'close');
    const second = await open(url);
    second.terminate();
    await eventually(() => clients.size === 0);
    await eventually(() => chooser.outcomes.length === 2);
    expect(proxy.stats.inFlight).toBe(0);
  });

  it('that nobody uses end after a while', async () => {
    const { origin } = await echo();
    const { url } = await scope.proxy({ chooser: inOrder({ a: origin }), tunnelIdleTimeoutMs: 100 });
    await once(await open(url), 'close');
  });

  it('from a client that leaves before the handshake take the request along', async () => {
    let left = false;
    const origin = await scope.backend(
      () => {},
      (server: Server) =>
        server.on('upgrade', (_request, socket) => {
          socket.on('error', () => {});
          socket.on('end', () => {
            left = true;
          });
          socket.resume();
        }),
    );
    const chooser = inOrder({ a: origin });
    const { port, proxy } = await scope.proxy({ chooser });
    const client = await scope.raw(port);
    client.write(handshake());
    await eventually(() => chooser.asked.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.socket.destroy();
    await eventually(() => left);
    expect(chooser.outcomes).toMatchObject([{ outcome: { fault: 'client' } }]);
    await eventually(() => proxy.stats.inFlight === 0);
  });
});

const PLAIN = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

describe('other upgrades', () => {
  it('are served as plain HTTP/1.1, and not named to the backend (h2c would tunnel past every check)', async () => {
    let fields: Record<string, unknown> = {};
    const origin = await scope.backend((incoming, response) => {
      fields = incoming.headers;
      response.end('plain');
    });
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    client.write(
      'GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n',
    );
    expect(await client.untilClosed()).toMatch(/^HTTP\/1.1 200 .*plain/s);
    expect(fields).not.toHaveProperty('upgrade');
    expect(fields).not.toHaveProperty('http2-settings');
  });

  it.each([
    ['nothing', 'GET / HTTP/1.1\r\n', '', '', true],
    ['no more than its body', 'POST / HTTP/1.1\r\nContent-Length: 3\r\n', 'abc', '', true],
    ['another request, of which node’s parser lets go', 'GET / HTTP/1.1\r\n', '', PLAIN, false],
    ['the same behind a body', 'POST / HTTP/1.1\r\nContent-Length: 3\r\n', 'abc', PLAIN, false],
  ])('leave the connection open where behind them came %s', async (_what, start, body, behind, stays) => {
    const origin = await scope.backend((incoming, response) => {
      incoming.resume();
      response.end('<plain>');
    });
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    client.write(
      `${start}Host: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n${body}${behind}`,
    );
    if (stays) {
      await client.until('<plain>');
      expect(client.text).toMatch(/connection: keep-alive/i);
      client.write(PLAIN);
      await client.until(/<plain>.*<plain>/s);
    } else {
      expect(await client.untilClosed()).toMatch(/connection: close/i);
      expect(client.text.match(/<plain>/g)).toHaveLength(1);
    }
  });
});
