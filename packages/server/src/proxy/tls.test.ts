import { spawnSync } from 'node:child_process';
import { type RequestListener, request } from 'node:http';
import { createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { certificate } from '../testing/certificate.ts';
import { bodyOf, inOrder, Scope } from './testing.ts';

const scope = new Scope();
afterEach(() => scope.close());

async function secureBackend(
  pair: { key: string; cert: string },
  listener: RequestListener,
): Promise<string> {
  const server = createServer(pair, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.defer(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.skipIf(spawnSync('openssl', ['version']).status !== 0)('TLS', () => {
  it('is served to clients, and the backend is told', async () => {
    const pair = certificate();
    let proto: unknown;
    const origin = await scope.backend((incoming, response) => {
      proto = incoming.headers['x-forwarded-proto'];
      response.end('ok');
    });
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }), tls: pair });
    const text = await new Promise<string>((resolve, reject) => {
      get({ port, host: '127.0.0.1', ca: pair.cert, agent: false }, async (response) =>
        resolve((await bodyOf(response)).toString()),
      ).on('error', reject);
    });
    expect(text).toBe('ok');
    expect(proto).toBe('https');
  });

  it('closes under connections that never shake hands', async () => {
    const pair = certificate();
    const origin = await scope.backend((_incoming, response) => response.end('ok'));
    const { port, proxy } = await scope.proxy({ chooser: inOrder({ a: origin }), tls: pair });
    const silent = await scope.raw(port);
    const halfway = await scope.raw(port);
    halfway.write('\x16\x03\x01');
    // Connections are taken in their order, so both have been by the time that this one is.
    await new Promise((resolve) =>
      connect({ port, host: '127.0.0.1', ca: pair.cert }, resolve as () => void),
    );
    expect(await proxy.close(60_000)).toEqual({ cut: 0 });
    await Promise.all([silent.untilClosed(), halfway.untilClosed()]);
  });

  it('gives a handshake no longer than a request head', async () => {
    const origin = await scope.backend((_incoming, response) => response.end('ok'));
    const { port } = await scope.proxy({
      chooser: inOrder({ a: origin }),
      tls: certificate(),
      clientHeadTimeoutMs: 50,
    });
    expect(await (await scope.raw(port)).untilClosed()).toBe('');
  });

  it('ends a response that its backend cuts for an HTTP/1.0 client too, and serves on', async () => {
    const pair = certificate();
    const chooser = inOrder({
      a: await scope.canned('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nten bytes!', (socket) =>
        setTimeout(() => socket.destroy(), 20),
      ),
    });
    const { port, proxy } = await scope.proxy({ chooser, tls: pair });
    for (const version of ['1.0', '1.1']) {
      const client = connect({ port, host: '127.0.0.1', ca: pair.cert });
      let text = '';
      client.on('data', (chunk) => {
        text += chunk;
      });
      client.on('error', () => {});
      client.write(`GET / HTTP/${version}\r\nHost: h\r\n\r\n`);
      await new Promise((resolve) => client.once('close', resolve));
      expect(text).toMatch(/^HTTP\/1.1 200 .*ten bytes!/s);
    }
    expect(chooser.outcomes.map(({ outcome }) => outcome.error)).toEqual(['backend_cut', 'backend_cut']);
    expect(proxy.stats.cutResponses).toBe(2);
  });

  it('of backends is verified, over both transports', async () => {
    const pair = certificate();
    const origin = await secureBackend(pair, async (incoming, response) => {
      response.end(`got ${await bodyOf(incoming)}`);
    });
    const send = async (url: string, chunked: boolean): Promise<[number | undefined, string]> =>
      new Promise((resolve, reject) => {
        const headers = chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': 1 };
        request(url, { method: 'POST', headers, agent: false }, async (response) =>
          resolve([response.statusCode, (await bodyOf(response)).toString()]),
        )
          .on('error', reject)
          .end('x');
      });
    const trusting = await scope.proxy({ chooser: inOrder({ a: origin }), backendCa: pair.cert });
    const strict = await scope.proxy({ chooser: inOrder({ a: origin }) });
    for (const chunked of [false, true]) {
      expect(await send(trusting.url, chunked)).toEqual([200, 'got x']);
      const [status, text] = await send(strict.url, chunked);
      expect([status, JSON.parse(text).code]).toEqual([502, 'backend_unreachable']);
    }
  });

  it('has requests wait for their turn, reads no further meanwhile, and answers them all', async () => {
    const pair = certificate();
    let active = 0;
    let most = 0;
    const origin = await scope.backend(async (incoming, response) => {
      active += 1;
      most = Math.max(most, active);
      const body = await bodyOf(incoming);
      setImmediate(() => {
        active -= 1;
        response.end(`<${incoming.url} ${body.length}>`);
      });
    });
    const { port, proxy } = await scope.proxy({ chooser: inOrder({ a: origin }), tls: pair });
    const socket = connect({ port, host: '127.0.0.1', ca: pair.cert });
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    const body = 'x'.repeat(10_000);
    for (let i = 0; i < 200; i++)
      socket.write(`PUT /${i} HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    socket.write('GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    const expected = [...Array(200).keys()].map((i) => `</${i} 10000>`);
    expect(text.match(/<[^>]*>/g)).toEqual([...expected, '</last 0>']);
    expect(most).toBe(1);
    expect(proxy.stats).toMatchObject({ inFlight: 0, waiting: 0, malformed: 0 });
  });
});
