import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { createProxy } from './proxy.ts';
import { eventually, inOrder, Scope } from './testing.ts';

const scope = new Scope();
afterEach(() => scope.close());

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

describe('closing', () => {
  it('lets requests in flight end, closes their connections, and takes no new ones', async () => {
    const held: ServerResponse[] = [];
    const origin = await scope.backend((_incoming, response) => held.push(response));
    const chooser = inOrder({ a: origin });
    const { port, proxy } = await scope.proxy({ chooser });
    const client = await scope.raw(port);
    const idle = await scope.raw(port);
    client.write(GET);
    await eventually(() => held.length === 1);
    const closing = proxy.close(60_000);
    await idle.untilClosed();
    await expect(scope.raw(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    held[0].end('whole');
    const text = await client.untilClosed();
    expect(text).toMatch(/^HTTP\/1.1 200 .*connection: close.*whole/is);
    expect(await closing).toEqual({ cut: 0 });
    expect(chooser.outcomes).toMatchObject([{ outcome: { fault: 'none' } }]);
  });

  it('refuses what comes over a kept connection meanwhile', async () => {
    const held: ServerResponse[] = [];
    const origin = await scope.backend((_incoming, response) => held.push(response));
    const { port, proxy } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    client.write(GET);
    await eventually(() => held.length === 1);
    held[0].write('begun ');
    await client.until('begun');
    const closing = proxy.close(60_000);
    client.write(GET);
    held[0].end('ended');
    expect(await client.untilClosed()).toMatch(/ended.*HTTP\/1.1 503 .*"closed"/s);
    expect(await closing).toEqual({ cut: 0 });
  });

  it('cuts what has not ended in time, uncharged, and says how many', async () => {
    const origin = await scope.backend((_incoming, response) => response.write('begun'));
    const sockets = new WebSocketServer({ noServer: true });
    const tunnels = await scope.backend(
      () => {},
      (server) =>
        server.on('upgrade', (request, socket, head) =>
          sockets.handleUpgrade(request, socket, head, () => {}),
        ),
    );
    const chooser = inOrder({ a: origin });
    const other = inOrder({ b: tunnels });
    const { port, proxy } = await scope.proxy({
      chooser: { choose: (asked) => (asked.path === '/ws' ? other : chooser).choose(asked) },
    });
    const client = await scope.raw(port);
    client.write(GET);
    await client.until('begun');
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
    await once(socket, 'open');
    expect(await proxy.close(50)).toEqual({ cut: 2 });
    await client.untilClosed();
    if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close');
    for (const { outcome } of [...chooser.outcomes, ...other.outcomes])
      expect(outcome.fault).not.toBe('backend');
    expect(chooser.outcomes.length + other.outcomes.length).toBe(2);
  });

  it('at once is what a second call asks for', async () => {
    const origin = await scope.backend(() => {});
    const chooser = inOrder({ a: origin });
    const { port, proxy } = await scope.proxy({ chooser });
    const client = await scope.raw(port);
    client.write(GET);
    await eventually(() => chooser.asked.length === 1);
    const closing = proxy.close(60_000);
    void proxy.close();
    expect(await closing).toEqual({ cut: 1 });
  });

  it('before listening, or twice, does no harm', async () => {
    const proxy = createProxy({ chooser: inOrder({}) });
    expect(await proxy.close()).toEqual({ cut: 0 });
    expect(await proxy.close()).toEqual({ cut: 0 });
  });
});

describe('listening', () => {
  it('on a busy port rejects and says which', async () => {
    const { port } = await scope.proxy({ chooser: inOrder({}) });
    const second = createProxy({ chooser: inOrder({}) });
    await expect(second.listen({ port })).rejects.toMatchObject({ code: 'EADDRINUSE', port });
    await second.close();
  });
});
