import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { HostedNode } from '@ganglion/core';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostNode } from '../host/host-node.ts';
import { acceptLinks } from '../host/web-socket-link.ts';
import { createLogger } from '../log.ts';
import { listen, raw } from '../testing/socket.ts';
import { buildServer } from './server.ts';

let node: HostedNode;
let app: FastifyInstance;
let links: ReturnType<typeof acceptLinks>;
let port: number;
let consoleDir: string;
const logged: { level: number; msg: string }[] = [];
const logger = createLogger('warn', { write: (line) => void logged.push(JSON.parse(line)) });
beforeAll(async () => {
  consoleDir = mkdtempSync(path.join(tmpdir(), 'ganglion-test-'));
  writeFileSync(path.join(consoleDir, 'index.html'), '<!doctype html><title>Ganglion</title>');
  node = await hostNode({ name: 'cloud', tier: 'cloud', root: true });
  app = await buildServer({ nodes: [node], consoleDir, logger });
  links = acceptLinks(app.server, node, { logger });
  ({ port } = await listen(app));
});
afterAll(async () => {
  links.close();
  await app.close();
  await node.close();
  rmSync(consoleDir, { recursive: true, force: true });
});

const get = (url: string, more = ''): string => `GET ${url} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
const offer = (protocol: string): string =>
  `Connection: Upgrade\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`;
const statuses = (text: string): number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));

describe('an offer to upgrade', () => {
  it('is taken where children link', async () => {
    expect(statuses(await raw(port, get('/v1/link', offer('websocket')), 200))).toEqual([101]);
  });

  it.each([
    ['to HTTP/2, as some clients make with every connection', '/healthz', 'h2c', 200],
    ['to a WebSocket elsewhere', '/healthz', 'websocket', 200],
    ['to something else where children link', '/v1/link', 'h2c', 404],
    ['to a WebSocket where nothing is', '/nowhere', 'websocket', 404],
  ])('%s is ignored, and the call answered', async (_what, url, protocol, status) => {
    const text = await raw(port, get(url, offer(protocol)), 200);
    expect(statuses(text)).toEqual([status]);
    expect(text).toMatch(/connection: keep-alive.*\{.*\}$/is);
  });

  it('behind calls that are still to be answered is ignored, and the connection closes with its answer', async () => {
    const text = await raw(port, get('/v1/points') + get('/v1/link', offer('websocket')) + get('/healthz'));
    expect(statuses(text)).toEqual([200, 404]);
    expect(text).toMatch(/connection: close/i);
  });

  it('behind the event stream does not end it', async () => {
    for (const url of ['/v1/link', '/nowhere']) {
      const text = await raw(port, get('/v1/events') + get(url, offer('websocket')), 200);
      expect(statuses(text)).toEqual([200]);
      expect(text).toContain('retry: 1000');
    }
  });
});

describe('what is no call', () => {
  it.each([
    ['a CONNECT', 'CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n', 405],
    ['no HTTP', 'what?\r\n\r\n', 400],
    ['a head that is too large', get('/', `X: ${'y'.repeat(100_000)}\r\n`), 431],
  ])('is answered after the calls before it: %s', async (_what, text, status) => {
    expect(statuses(await raw(port, text))).toEqual([status]);
    expect(statuses(await raw(port, get('/v1/points') + get('/healthz') + text))).toEqual([200, 200, status]);
  });

  it('is not reset while it is still being sent, which would take the answer along', async () => {
    const socket = connect(port, '127.0.0.1');
    const errors: Error[] = [];
    socket.on('error', (error) => errors.push(error));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.write(get('/', `X: ${'y'.repeat(8_000_000)}\r\n`));
    await new Promise((resolve) => socket.once('close', resolve));
    expect(errors).toEqual([]);
    expect(statuses(text)).toEqual([431]);
  });

  it('is answered at once where it is the body of a call', async () => {
    const post = 'POST /v1/ingest HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    const text = `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n`;
    expect(statuses(await raw(port, text))).toEqual([400]);
    expect(statuses(await raw(port, get('/healthz') + text))).toEqual([200, 400]);
  });
});

describe('addresses that lead nowhere', () => {
  it.each(['/a//b', '/v1/points/../audit', '/v1/../../etc/passwd', '//', '/..'])(
    'are 404, and no failure of ours: %s',
    async (url) => {
      const text = await raw(port, get(url, 'Connection: close\r\n'));
      expect(statuses(text)).toEqual([404]);
      expect(text).toContain('"code":"not_found"');
      expect(logged).toEqual([]);
    },
  );
});

describe('a caller that is gone', () => {
  it('when its turn comes reads no events, takes no place, and is no failure of ours', async () => {
    for (let i = 0; i < 20; i++) {
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      await new Promise((resolve) => socket.once('connect', resolve));
      await new Promise((resolve) => socket.write(get('/v1/nodes') + get('/v1/events'), resolve));
      if (i % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.resetAndDestroy();
      await closed;
    }
    while (node.state.listeners.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await raw(port, get('/healthz', 'Connection: close\r\n'));
    expect(logged).toEqual([]);
  });
});
