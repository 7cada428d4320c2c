import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { bodyOf, eventually, inOrder, Scope } from './testing.ts';

const scope = new Scope();
afterEach(() => scope.close());

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

async function ok(): Promise<string> {
  return scope.backend(async (incoming, response) => {
    await bodyOf(incoming);
    response.end('<ok>');
  });
}

describe('what is counted', () => {
  it('is no refusal where a client only goes away: after a whole answer, or without a word', async () => {
    const { port, proxy } = await scope.proxy({ chooser: inOrder({ a: await ok() }) });
    const silent = await scope.raw(port);
    silent.socket.resetAndDestroy();
    const ended = await scope.raw(port);
    ended.socket.end();
    await ended.untilClosed();
    const served = await scope.raw(port);
    served.write(GET);
    await served.until('<ok>');
    served.socket.resetAndDestroy();
    const last = await scope.raw(port);
    last.write(GET);
    await last.until('<ok>');
    await eventually(() => proxy.stats.inFlight === 0);
    expect(proxy.stats).toMatchObject({
      requests: 2,
      malformed: 0,
      shed: 0,
      clientAborts: 0,
      clientStalls: 0,
    });
    expect(proxy.stats.responses).toEqual([0, 0, 2, 0, 0, 0]);
  });

  it.each([
    ['no HTTP', 'what?\r\n\r\n', 400],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    ['an expectation that nobody meets', 'GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n', 417],
    ['CONNECT', 'CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n', 405],
    ['a head that is too large', `GET / HTTP/1.1\r\nHost: h\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
  ])('is each request refused, with its answer: %s', async (_what, text, status) => {
    const { port, proxy } = await scope.proxy({ chooser: inOrder({ a: await ok() }) });
    const client = await scope.raw(port);
    client.write(text);
    expect(await client.untilClosed()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(proxy.stats).toMatchObject({ requests: 1, malformed: 1, responses: [0, 0, 0, 0, 1, 0] });
  });

  it('is each request for which backends have no room', async () => {
    const chooser = inOrder({ a: await scope.backend(() => {}) });
    const { port, url, proxy } = await scope.proxy({ chooser, maxPerBackend: 1 });
    (await scope.raw(port)).write(GET);
    await eventually(() => chooser.asked.length === 1);
    expect((await fetch(url)).status).toBe(503);
    await eventually(() => proxy.stats.responses[5] === 1);
    expect(proxy.stats).toMatchObject({ requests: 2, shed: 1, malformed: 0 });
  });
});

describe('a client that is refused', () => {
  it('gets to read why, though most of its body is still to come', async () => {
    const { port } = await scope.proxy({ chooser: inOrder({ a: await ok() }) });
    for (const head of [
      'POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 20000000\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n1312d00\r\n',
      'no HTTP\r\n\r\n',
    ]) {
      const client = await scope.raw(port);
      client.socket.pause();
      client.write(head);
      const chunk = 'x'.repeat(200_000);
      for (let i = 0; i < 100 && !client.closed; i++)
        await new Promise<void>((resolve) => client.socket.write(chunk, 'latin1', () => resolve()));
      client.socket.resume();
      expect(await client.until(/\}$/)).toMatch(/^HTTP\/1.1 400 .*connection: close.*"malformed_request"/is);
    }
  });

  it('is not read for ever', async () => {
    const { port } = await scope.proxy({ chooser: inOrder({ a: await ok() }) });
    const client = await scope.raw(port);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 100\r\n\r\nsome');
    await client.untilClosed();
  });

  it('in HTTP/1.0 has no expectations: they are ignored', async () => {
    const { port, proxy } = await scope.proxy({ chooser: inOrder({ a: await ok() }) });
    for (const expected of ['100-continue', 'tea']) {
      const client = await scope.raw(port);
      client.write(`POST / HTTP/1.0\r\nHost: h\r\nExpect: ${expected}\r\nContent-Length: 3\r\n\r\nabc`);
      expect(await client.untilClosed()).toMatch(/^HTTP\/1.1 200 .*<ok>/s);
    }
    expect(proxy.stats.malformed).toBe(0);
  });

  it('before it sent the body that it asked leave for is answered at once', async () => {
    const { port } = await scope.proxy({ chooser: inOrder({}) });
    const status = await new Promise((resolve, reject) => {
      const headers = { expect: '100-continue, tea', 'content-length': 3 };
      const outgoing = request({ port, method: 'PUT', headers }, (response) => resolve(response.statusCode));
      outgoing.on('error', reject);
      outgoing.flushHeaders();
    });
    expect(status).toBe(417);
  });
});
