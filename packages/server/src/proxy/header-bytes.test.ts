import { afterEach, describe, expect, it } from 'vitest';
import { eventually, inOrder, Scope } from './testing.ts';

const scope = new Scope();
afterEach(() => scope.close());

/** `filename="…"` as servers send it: UTF-8 as it is, UTF-8 that Latin-1 could say, Latin-1. Written byte for byte. */
const NAMES: [string, string][] = [
  ['☃ in UTF-8', 'attachment; filename="\xe2\x98\x83.pdf"'],
  ['é in UTF-8', 'attachment; filename="caf\xc3\xa9.pdf"'],
  ['é in Latin-1', 'attachment; filename="caf\xe9.pdf"'],
];

/** The answer to one request, byte for byte. */
async function through(answer: string, request = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'): Promise<string> {
  const chooser = inOrder({ a: await scope.canned(answer) });
  const { port } = await scope.proxy({ chooser });
  const client = await scope.raw(port);
  client.write(request);
  await client.until(/\r\n\r\n./s);
  expect(chooser.outcomes.filter(({ outcome }) => outcome.fault !== 'none')).toEqual([]);
  return client.text;
}

describe('bytes of fields', () => {
  it.each(NAMES)('of a response pass as they are, in whatever order they come: %s', async (_what, value) => {
    const length = 'Content-Length: 2\r\n';
    const disposition = `Content-Disposition: ${value}\r\n`;
    for (const fields of [length + disposition, disposition + length]) {
      const text = await through(`HTTP/1.1 200 OK\r\n${fields}\r\nok`);
      expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n/);
      expect(text).toContain(`\r\ncontent-disposition: ${value}\r\n`);
      expect(text).toContain('\r\ncontent-length: 2\r\n');
    }
  });

  it.each([
    ['X-Name', 'caf\xe9'],
    ['Location', '/\xe2\x98\x83'],
  ])('of a head that leaves before its body pass as they are: %s', async (name, value) => {
    const origin = await scope.tcp((socket) => {
      socket.once('data', () =>
        socket.write(`HTTP/1.1 200 OK\r\n${name}: ${value}\r\nContent-Length: 2\r\n\r\n`, 'latin1'),
      );
    });
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    expect(await client.until('\r\n\r\n')).toContain(`\r\n${name.toLowerCase()}: ${value}\r\n`);
  });

  it.each([
    ['a length', 'Content-Length: 3\r\n', 'abc'],
    ['chunks', 'Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'],
    ['leave to be given', 'Content-Length: 3\r\nExpect: 100-continue\r\n', 'abc'],
  ])('of a request pass as they are, with %s', async (_what, framing, body) => {
    let seen = '';
    const origin = await scope.tcp((socket) => {
      socket.on('data', (chunk) => {
        seen += chunk.toString('latin1');
      });
    });
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    client.write(`PUT / HTTP/1.1\r\nHost: h\r\nX-Name: caf\xe9 \xe2\x98\x83\r\n${framing}\r\n${body}`);
    await eventually(() => seen.includes('\r\n\r\n'));
    expect(seen).toMatch(/\r\nX-Name: caf\xe9 \xe2\x98\x83\r\n/i);
  });
});

describe('an answer', () => {
  it('that may have no body has no length (RFC 9110 §8.6)', async () => {
    const origin = await scope.canned('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nX-A: 1\r\n\r\n');
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }) });
    const client = await scope.raw(port);
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    const text = await client.until('\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1.1 204 .*x-a: 1/s);
    expect(text).not.toMatch(/content-length|transfer-encoding/i);
  });

  it('to HEAD, and a 304, keep the length of what they stand for', async () => {
    for (const [method, status] of [
      ['HEAD', '200 OK'],
      ['GET', '304 Not Modified'],
    ]) {
      const origin = await scope.canned(`HTTP/1.1 ${status}\r\nContent-Length: 5\r\n\r\n`);
      const { port } = await scope.proxy({ chooser: inOrder({ a: origin }) });
      const client = await scope.raw(port);
      client.write(`${method} / HTTP/1.1\r\nHost: h\r\n\r\n`);
      expect(await client.until('\r\n\r\n')).toMatch(/content-length: 5\r\n/);
    }
  });

  it.each(['000', '099'])('whose status is none is a bad response: %s', async (status) => {
    for (const framing of ['Content-Length: 0\r\n\r\n', 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n']) {
      const chooser = inOrder({
        a: await scope.canned(`HTTP/1.1 ${status} Odd\r\nContent-Length: 0\r\n\r\n`),
      });
      const { port } = await scope.proxy({ chooser });
      const client = await scope.raw(port);
      client.write(`PUT / HTTP/1.1\r\nHost: h\r\n${framing}`);
      expect(await client.until(/\}$/)).toMatch(/^HTTP\/1.1 502 Bad Gateway\r\n.*"backend_bad_response"/s);
      expect(chooser.outcomes).toMatchObject([{ outcome: { fault: 'backend' } }]);
    }
  });

  it('that cannot be forwarded leaves nothing behind in the answer that replaces it', async () => {
    const chooser = inOrder({
      a: await scope.canned('HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 2\r\n\r\nok'),
    });
    const { port } = await scope.proxy({ chooser });
    const client = await scope.raw(port);
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    expect(await client.until(/\}$/)).toMatch(/^HTTP\/1.1 502 Bad Gateway\r\n.*"backend_bad_response"/s);
  });
});
