import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { bodyOf, eventually, inOrder, Scope } from './testing.ts';

const scope = new Scope();
afterEach(() => scope.close());

/** A backend that keeps what it was sent, byte for byte, and answers nothing. */
async function recorder(): Promise<{ origin: string; seen: () => string }> {
  let seen = '';
  const origin = await scope.tcp((socket) => {
    socket.on('data', (chunk) => {
      seen += chunk.toString('latin1');
    });
  });
  return { origin, seen: () => seen };
}

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n';

/** Requests whose end two servers could see at different places, or whose meaning they could read differently. */
const AMBIGUOUS: [string, number, string][] = [
  [
    'both Content-Length and Transfer-Encoding (CL.TE)',
    400,
    `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG${SMUGGLED}`,
  ],
  [
    'both, the other way round (TE.CL)',
    400,
    `POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n${SMUGGLED}\r\n0\r\n\r\n`,
  ],
  [
    'two lengths',
    400,
    `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n${SMUGGLED}`,
  ],
  ['a list of lengths', 400, `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0, 44\r\n\r\n${SMUGGLED}`],
  ['a signed length', 400, `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +0\r\n\r\n${SMUGGLED}`],
  ['a negative length', 400, `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n${SMUGGLED}`],
  ['a hexadecimal length', 400, `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x2c\r\n\r\n${SMUGGLED}`],
  [
    'a length beyond 64 bits',
    400,
    `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551616\r\n\r\n`,
  ],
  [
    'a space before the colon',
    400,
    `POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
  ],
  ['a folded line', 400, `POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`],
  ['an unknown coding', 501, `POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  [
    'a coding before chunked',
    501,
    `POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    'a coding after chunked',
    400,
    `POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`,
  ],
  [
    'two codings',
    400,
    `POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
  ],
  ['chunks in HTTP/1.0', 400, `POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['a bare CR in a value', 400, 'GET / HTTP/1.1\r\nHost: h\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n'],
  ['a bare LF between lines', 400, 'GET / HTTP/1.1\nHost: h\nX: a\n\n'],
  ['a NUL in a value', 400, 'GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n'],
  ['no Host', 400, 'GET / HTTP/1.1\r\n\r\n'],
  ['two Hosts', 400, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['a Host that is none', 400, 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n'],
  ['a space in the target', 400, 'GET /a b HTTP/1.1\r\nHost: h\r\n\r\n'],
  ['a target without a slash', 400, 'GET a HTTP/1.1\r\nHost: h\r\n\r\n'],
  ['another version', 505, 'GET / HTTP/2.0\r\nHost: h\r\n\r\n'],
  ['TLS on a plain port', 400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['TRACE', 405, 'TRACE / HTTP/1.1\r\nHost: h\r\n\r\n'],
  ['CONNECT', 405, 'CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n'],
];

describe('requests that two servers could read differently', () => {
  it.each(AMBIGUOUS)(
    'are refused, and no byte of them reaches the backend: %s',
    async (_what, status, text) => {
      const { origin, seen } = await recorder();
      const { port, proxy } = await scope.proxy({ chooser: inOrder({ a: origin }) });
      const client = await scope.raw(port);
      client.write(text);
      const answer = await client.untilClosed();
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} .*"code":`, 's'));
      expect(answer.match(/HTTP\/1.1 \d/g)).toHaveLength(1);
      expect(seen()).toBe('');
      expect(proxy.stats.inFlight).toBe(0);
    },
  );

  it.each([
    ['a size that is no number', 'zz\r\nhello\r\n0\r\n\r\n'],
    ['data longer than its size', '3\r\nhello\r\n0\r\n\r\n'],
    ['a size beyond 64 bits', '10000000000000005\r\nhello\r\n0\r\n\r\n'],
    ['bare LF for line ends', '5\nhello\n0\n\n'],
  ])(
    'break off where chunks are malformed, and nothing is taken for a second request: %s',
    async (_what, chunks) => {
      const { origin, seen } = await recorder();
      const chooser = inOrder({ a: origin });
      const { port } = await scope.proxy({ chooser });
      const client = await scope.raw(port);
      client.write(`POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}${SMUGGLED}`);
      expect(await client.untilClosed()).toMatch(/^HTTP\/1.1 400 |^$/);
      await eventually(() => chooser.outcomes.length === chooser.asked.length);
      for (const { outcome } of chooser.outcomes) expect(outcome.fault).toBe('client');
      expect(seen()).not.toContain('/smuggled');
    },
  );
});

describe('heads', () => {
  it('that are too large are refused: bytes', async () => {
    const { origin, seen } = await recorder();
    const { port } = await scope.proxy({ chooser: inOrder({ a: origin }), maxHeaderBytes: 2048 });
    for (const text of [
      `GET / HTTP/1.1\r\nHost: h\r\nX: ${'y'.repeat(2100)}\r\n\r\n`,
      `GET /${'y'.repeat(2100)} HTTP/1.1\r\nHost: h\r\n\r\n`,
    ]) {
      const client = await scope.raw(port);
      client.write(text);
      expect(await client.untilClosed()).toMatch(/^HTTP\/1.1 431 .*"headers_too_large"/s);
    }
    expect(seen()).toBe('');
  });

  it('that have too many fields are refused, not cut short', async () => {
    const { port } = await scope.proxy({ chooser: inOrder({}), maxHeaderBytes: 65_536 });
    const client = await scope.raw(port);
    client.write(`GET / HTTP/1.1\r\nHost: h\r\n${'X: y\r\n'.repeat(3000)}\r\n`);
    expect(await client.untilClosed()).toMatch(/^HTTP\/1.1 431 .*"headers_too_large"/s);
  });

  it('in circles are refused after some rounds', async () => {
    let url = '';
    const chooser = { choose: () => ({ arm: 'self', origin: url, done() {} }) };
    ({ url } = await scope.proxy({ chooser }));
    const response = await fetch(url);
    expect(response.status).toBe(508);
    expect(await response.json()).toMatchObject({ code: 'loop_detected' });
  });
});

describe('whatever bytes a client sends', () => {
  it('the proxy answers or closes, stays up, and the backend sees only whole requests of its own making', async () => {
    const origin = await scope.backend(async (incoming, response) => {
      await bodyOf(incoming).catch(() => {});
      response.end('ok');
    });
    const chooser = inOrder({ a: origin });
    const { port, url, proxy } = await scope.proxy({
      chooser,
      clientHeadTimeoutMs: 50,
      clientIdleTimeoutMs: 50,
    });
    const token = fc.constantFrom(
      'GET / HTTP/1.1\r\n',
      'POST /x HTTP/1.1\r\n',
      'CONNECT h:80 HTTP/1.1\r\n',
      'GET /whole HTTP/1.1\r\nHost: h\r\n\r\n',
      'GET /many HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(20),
      'PUT /whole HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc',
      'Host: h\r\n',
      'Content-Length: 3\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Expect: 100-continue\r\n',
      'Upgrade: websocket\r\nConnection: upgrade\r\n',
      'Connection: close\r\n',
      '\r\n',
      '3\r\nabc\r\n',
      '0\r\n\r\n',
      'abc',
      '\n',
      '\r',
      ' ',
      '\0',
      randomBytes(20).toString('latin1'),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(token, { minLength: 1, maxLength: 14 }),
        fc.boolean(),
        async (tokens, inOneGo) => {
          const client = await scope.raw(port);
          client.write(tokens.join(''));
          if (inOneGo) client.socket.end();
          else setTimeout(() => client.socket.end(), 5);
          await client.untilClosed();
        },
      ),
      { numRuns: 150 },
    );
    await eventually(() => proxy.stats.inFlight === 0 && proxy.stats.waiting === 0);
    expect(chooser.outcomes).toHaveLength(chooser.asked.length);
    for (const { outcome } of chooser.outcomes) expect(outcome.fault).not.toBe('backend');
    expect(await (await fetch(url)).text()).toBe('ok');
  });
});
