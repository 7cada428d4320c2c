import { afterEach, describe, expect, it } from 'vitest';
import { bodyOf, eventually, inOrder, Scope } from './testing.ts';

const scope = new Scope();
afterEach(() => scope.close());

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const reading = (): Promise<string> =>
  scope.backend((incoming, response) => {
    bodyOf(incoming).then(
      () => response.end('ok'),
      () => {},
    );
  });

describe('while a client has yet to send its body', () => {
  it.each([
    ['chunked', 'Transfer-Encoding: chunked'],
    ['with a length', 'Content-Length: 3'],
  ])('the time is the client’s, however short the backend’s is: %s', async (_how, framing) => {
    const chooser = inOrder({ a: await reading() });
    const { port } = await scope.proxy({ chooser, headTimeoutMs: 50, clientIdleTimeoutMs: 1000 });
    const client = await scope.raw(port);
    client.write(`POST / HTTP/1.1\r\nHost: h\r\n${framing}\r\n\r\n`);
    expect(await client.untilClosed()).toMatch(/^HTTP\/1.1 408 .*"request_timeout"/s);
    expect(chooser.outcomes).toMatchObject([
      { outcome: { fault: 'client', error: 'client_stalled', waitMs: undefined } },
    ]);
  });

  it('the backend is not charged for the wait, nor is the body refused when it comes', async () => {
    const chooser = inOrder({ a: await reading() });
    const { port } = await scope.proxy({ chooser, headTimeoutMs: 100 });
    const client = await scope.raw(port);
    client.write('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n');
    await eventually(() => chooser.asked.length === 1);
    await pause(1500);
    client.write('3\r\nabc\r\n0\r\n\r\n');
    await client.until('ok');
    expect(chooser.outcomes).toMatchObject([{ outcome: { fault: 'none', status: 200 } }]);
  });

  it('a backend whose leave the client awaits has its own deadline for it', async () => {
    const chooser = inOrder({ a: await scope.tcp(() => {}) });
    const { port } = await scope.proxy({ chooser, headTimeoutMs: 50, clientIdleTimeoutMs: 60_000 });
    const client = await scope.raw(port);
    client.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
    await client.until('"backend_head_timeout"');
    expect(chooser.outcomes).toMatchObject([
      { outcome: { fault: 'backend', error: 'backend_head_timeout' } },
    ]);
  });
});

describe('what a backend took', () => {
  it.each([
    ['chunked', 'Transfer-Encoding: chunked', ['1\r\na\r\n', '2\r\nbc\r\n0\r\n\r\n']],
    ['with a length', 'Content-Length: 3', ['a', 'bc']],
  ])('counts from the last byte of the request: %s', async (_how, framing, [first, rest]) => {
    const chooser = inOrder({ a: await reading() });
    const { port } = await scope.proxy({ chooser });
    const client = await scope.raw(port);
    client.write(`POST / HTTP/1.1\r\nHost: h\r\n${framing}\r\n\r\n${first}`);
    await eventually(() => chooser.asked.length === 1);
    await pause(1500);
    client.write(rest as string);
    await client.until('ok');
    await eventually(() => chooser.outcomes.length === 1);
    const [{ outcome }] = chooser.outcomes;
    expect(outcome.latencyMs - (outcome.waitMs as number)).toBeGreaterThan(1400);
    expect(chooser.answered[0].answer.waitMs).toBe(outcome.waitMs);
  });

  it('is all of it where there is no body, and with it the time to connect', async () => {
    const chooser = inOrder({
      a: await scope.backend((_request, response) => setTimeout(() => response.end('ok'), 50)),
    });
    const { url } = await scope.proxy({ chooser });
    await (await fetch(url)).text();
    await eventually(() => chooser.outcomes.length === 1);
    const [{ outcome }] = chooser.outcomes;
    expect(outcome.waitMs).toBeGreaterThan(45);
    expect(outcome.waitMs).toBeLessThanOrEqual(outcome.latencyMs);
  });

  it.each([
    ['chunked', 'Transfer-Encoding: chunked', ['1\r\na\r\n', '1\r\nb\r\n']],
    ['with a length', 'Content-Length: 100', ['a', 'b']],
  ])(
    'counts from the last byte it was sent, where it answers before it has them all: %s',
    async (_how, framing, [first, more]) => {
      const early = await scope.backend((incoming, response) => {
        let seen = '';
        incoming.on('data', (chunk) => {
          seen += chunk;
          if (seen === 'ab') response.writeHead(413).end('too large');
        });
      });
      const chooser = inOrder({ a: early });
      const { port } = await scope.proxy({ chooser });
      const client = await scope.raw(port);
      client.write(`POST / HTTP/1.1\r\nHost: h\r\n${framing}\r\n\r\n${first}`);
      await eventually(() => chooser.asked.length === 1);
      await pause(500);
      client.write(more as string);
      await client.until('too large');
      await eventually(() => chooser.outcomes.length === 1);
      const [{ outcome }] = chooser.outcomes;
      expect(outcome.status).toBe(413);
      expect(outcome.latencyMs - (outcome.waitMs as number)).toBeGreaterThan(450);
    },
  );
});

describe('an interim answer', () => {
  const ever = (code: string) =>
    scope.tcp((socket) => {
      const timer = setInterval(() => socket.write(`HTTP/1.1 ${code}\r\n\r\n`), 50);
      socket.on('close', () => clearInterval(timer));
      socket.resume();
    });

  it.each([
    ['GET', ''],
    ['POST', 'Transfer-Encoding: chunked\r\n'],
    ['POST', 'Content-Length: 5\r\n'],
  ])('does not renew the deadline: %s %s', async (method, framing) => {
    const chooser = inOrder({ a: await ever('102 Processing') });
    const { port } = await scope.proxy({ chooser, headTimeoutMs: 400 });
    const client = await scope.raw(port);
    const body = framing === '' ? '' : framing.startsWith('C') ? 'abcde' : '0\r\n\r\n';
    client.write(`${method} / HTTP/1.1\r\nHost: h\r\n${framing}\r\n${body}`);
    await client.until('"backend_head_timeout"');
    expect(chooser.outcomes).toMatchObject([
      { outcome: { fault: 'backend', error: 'backend_head_timeout' } },
    ]);
  });

  it('of 100 (Continue) that nobody asked for does not end the deadline either', async () => {
    const chooser = inOrder({ a: await ever('100 Continue') });
    const { port } = await scope.proxy({ chooser, headTimeoutMs: 400 });
    const client = await scope.raw(port);
    client.write('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
    await client.until('"backend_head_timeout"');
  });
});
