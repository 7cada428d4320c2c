import { spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import type { HostedNode } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { embedNode } from '@ganglion/sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { tokenGrant } from '../http/auth.ts';
import { createLogger, type Logger } from '../log.ts';
import { blackHole } from '../testing/black-hole.ts';
import { certificate } from '../testing/certificate.ts';
import { hostNode } from './host-node.ts';
import { acceptLinks, connectUp } from './web-socket-link.ts';

const logger = createLogger('silent');
const open: { close(): unknown }[] = [];
let root: HostedNode;
let url: string;
/** Connections to the root that have ended. */
let ended: { count: number };
const times = { pingEveryMs: 50, deadAfterMs: 1000 };

beforeEach(async () => {
  root = await hostNode({ name: 'cloud', tier: 'cloud', root: true });
  const server: Server = createServer();
  const tokens = [
    tokenGrant('operator-secret', 'operator', 'alice'),
    tokenGrant('any-node-secret', 'node', 'fleet'),
    tokenGrant('phone-secret', 'node', 'phone', 'phone'),
    tokenGrant('app-secret-1', 'app', 'shop'),
  ];
  const ends = { count: 0 };
  ended = ends;
  server.on('connection', (socket) => socket.on('close', () => ends.count++));
  const links = acceptLinks(server, root, { auth: { tokens }, logger, times });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  open.push(links, server, root);
});
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

/** What the parent logs, line by line. */
function heardLog(): { readonly log: Logger; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  return { lines, log: createLogger('warn', { write: (line) => void lines.push(JSON.parse(line)) }) };
}

/** Another parent, with a log that is read. `pausesMs`: from the end of each link to the next that was asked for. */
async function heardParent(): Promise<{
  readonly at: string;
  readonly lines: Record<string, unknown>[];
  readonly pausesMs: number[];
}> {
  const { log, lines } = heardLog();
  const server = createServer();
  const tokens = [
    tokenGrant('phone-secret', 'node', 'phone', 'phone'),
    tokenGrant('app-secret-1', 'app', 'shop'),
  ];
  const pausesMs: number[] = [];
  let endedMs: number | undefined;
  server.on('upgrade', (_request, socket) => {
    if (endedMs !== undefined) pausesMs.push(performance.now() - endedMs);
    socket.on('close', () => {
      endedMs = performance.now();
    });
  });
  const links = acceptLinks(server, root, { auth: { tokens }, logger: log });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(links, server);
  return { at: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, lines, pausesMs };
}

async function child(name: string, token: string): Promise<HostedNode> {
  const node = await hostNode({ name, tier: 'device', root: false });
  open.push(node);
  open.push(connectUp(node, url, { token, logger }));
  return node;
}

const known = () => [...root.state.children.values()].map((link) => link.node);

describe('who may speak on a link', () => {
  it('is a node, under any name, or under the one that its token is for', async () => {
    await child('phone', 'phone-secret');
    await child('tablet', 'any-node-secret');
    await child('laptop', 'operator-secret');
    await vi.waitFor(() => expect(known().sort()).toEqual(['laptop', 'phone', 'tablet']), 5000);
  });

  it('is no application, and nobody under a name that the token is not for', async () => {
    await child('tablet', 'phone-secret');
    await child('shop', 'app-secret-1');
    await child('phone', 'phone-secret');
    await vi.waitFor(() => expect(known()).toEqual(['phone']), 5000);
    expect(root.state.knownChildren.has('tablet')).toBe(false);
  });
});

describe('a link that is refused', () => {
  /** Resolves once the parent has refused it. */
  const knock = (at: string, token: string): Promise<void> =>
    new Promise((resolve) => {
      const link = new WebSocket(`${at.replace('http', 'ws')}/v1/link`, {
        headers: { authorization: `Bearer ${token}` },
      });
      link.on('error', () => resolve());
    });

  it('for its token is a line at the parent: why, from where, and what to do; not one an attempt', async () => {
    const { at, lines } = await heardParent();
    for (let i = 0; i < 5; i++) await knock(at, 'nobody-secret');
    expect(lines).toMatchObject([
      {
        level: 40,
        code: 'unauthorized',
        from: '127.0.0.1',
        detail: 'The token is not known here',
        mend: expect.stringContaining('GANGLION_PARENT_TOKEN'),
        times: 1,
        msg: 'the link of a child was refused',
      },
    ]);
    expect(JSON.stringify(lines)).not.toContain('nobody-secret');
  });

  it('for the role of its token says that', async () => {
    const { at, lines } = await heardParent();
    await knock(at, 'app-secret-1');
    expect(lines).toMatchObject([
      { code: 'forbidden', detail: expect.stringContaining('app'), mend: expect.any(String) },
    ]);
  });

  it('for its name says which name it spoke under, and which the token is for, on both sides', async () => {
    const { at, lines } = await heardParent();
    const below = heardLog();
    const node = await hostNode({ name: 'tablet', tier: 'device', root: false });
    open.push(node);
    open.push(connectUp(node, at, { token: 'phone-secret', logger: below.log }));
    await vi.waitFor(() => expect(below.lines.length).toBeGreaterThan(0), 5000);
    expect(lines).toMatchObject([
      { level: 40, as: 'tablet', speaksAs: 'phone', from: '127.0.0.1', times: 1, mend: expect.any(String) },
    ]);
    expect(below.lines).toMatchObject([{ level: 40, code: 1008, detail: 'this token is another node’s' }]);
    expect(JSON.stringify(lines)).not.toContain('redacted');
  });
});

describe('a child whose link cannot be had', () => {
  /** Of the third pause 1 to 2 s, half of it chance; the first is 500 ms at most. */
  const LONGER_MS = 750;

  /** What it logs of that, of this parent. */
  async function logged(parent: string, token: string, lines: number): Promise<Record<string, unknown>[]> {
    const below = heardLog();
    const node = await hostNode({ name: 'tablet', tier: 'device', root: false });
    open.push(node);
    open.push(connectUp(node, parent, { token, logger: below.log }));
    await vi.waitFor(() => expect(below.lines.length).toBeGreaterThanOrEqual(lines), 10_000);
    return below.lines;
  }

  it('for its token is told what to set', async () => {
    const [line] = await logged(url, 'nobody-secret', 1);
    expect(line).toMatchObject({
      detail: 'Unexpected server response: 401',
      mend: expect.stringContaining('GANGLION_PARENT_TOKEN'),
    });
  });

  it('because something else answers there is told that', async () => {
    const other = createServer((_request, response) => response.end('hello'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    open.push(other);
    const [line] = await logged(`http://127.0.0.1:${(other.address() as AddressInfo).port}`, 'x', 1);
    expect(line).toMatchObject({ mend: expect.stringContaining('--parent') });
  });

  it.skipIf(spawnSync('openssl', ['version']).status !== 0)('for the certificate is told that', async () => {
    const other = createTlsServer(certificate());
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    open.push(other);
    const [line] = await logged(`https://127.0.0.1:${(other.address() as AddressInfo).port}`, 'x', 1);
    expect(line).toMatchObject({ mend: expect.stringContaining('NODE_EXTRA_CA_CERTS') });
  });

  it('for its name waits longer each time, though each time it was open for a moment', async () => {
    const { at, pausesMs } = await heardParent();
    await logged(at, 'phone-secret', 1);
    await vi.waitFor(() => expect(pausesMs.length).toBe(3), 15_000);
    expect(pausesMs[2]).toBeGreaterThan(LONGER_MS);
  }, 30_000);

  it('is told so as an embedded node, and waits longer each time', async () => {
    const { at, pausesMs } = await heardParent();
    const troubles: unknown[] = [];
    const onTrouble = (trouble: unknown): void => void troubles.push(trouble);
    const parent = { url: at, token: 'phone-secret', onTrouble };
    open.push(await embedNode({ name: 'tablet', tier: 'device', registry: standard, parent }));
    await vi.waitFor(() => expect(pausesMs.length).toBe(3), 15_000);
    expect(pausesMs[2]).toBeGreaterThan(LONGER_MS);
    expect(troubles[0]).toMatchObject({
      code: 'forbidden',
      field: 'parent.token',
      message: expect.stringContaining('another node’s'),
      mend: expect.any(String),
    });
  }, 30_000);
});

it('two nodes of one name are a line at their parent', async () => {
  const { at, lines } = await heardParent();
  for (let i = 0; i < 2; i++) {
    const node = await hostNode({ name: 'phone', tier: 'device', root: false });
    open.push(node);
    open.push(connectUp(node, at, { token: 'phone-secret', logger }));
  }
  await vi.waitFor(
    () =>
      expect(lines).toContainEqual(
        expect.objectContaining({ child: 'phone', msg: expect.stringContaining('two nodes of one name') }),
      ),
    20_000,
  );
}, 30_000);

describe('a connection on which packets vanish', () => {
  const heard = (name: string): number =>
    Math.max(
      0,
      ...[...root.state.children.values()].filter((link) => link.node === name).map((link) => link.heard),
    );

  it('is ended by both sides, and made anew by the child', async () => {
    const hole = await blackHole(url);
    open.push(hole);
    const node = await hostNode({ name: 'phone', tier: 'device', root: false });
    open.push(node);
    open.push(connectUp(node, hole.url, { token: 'phone-secret', logger, times }));
    await vi.waitFor(() => expect(heard('phone')).toBeGreaterThan(0), 5000);
    hole.swallow();
    const before = heard('phone');
    await vi.waitFor(() => expect(ended.count).toBe(1), 10_000);
    await vi.waitFor(() => expect(hole.connections()).toBe(2), 10_000);
    await vi.waitFor(() => expect(heard('phone')).toBeGreaterThan(before), 10_000);
  });

  it('and one that is only quiet stays', async () => {
    const quiet = new WebSocket(`${url.replace('http', 'ws')}/v1/link`, {
      headers: { authorization: 'Bearer phone-secret' },
    });
    let pings = 0;
    quiet.on('ping', () => pings++);
    await vi.waitFor(() => expect(pings).toBeGreaterThan(30), 10_000);
    expect(ended.count).toBe(0);
    quiet.terminate();
  });

  it('is left by an embedded node too', async () => {
    const hole = await blackHole(url);
    open.push(hole);
    const parent = { url: hole.url, token: 'phone-secret', deadAfterMs: 2500 };
    open.push(await embedNode({ name: 'phone', tier: 'device', registry: standard, parent }));
    await vi.waitFor(() => expect(heard('phone')).toBeGreaterThan(0), 5000);
    hole.swallow();
    const before = heard('phone');
    await vi.waitFor(() => expect(heard('phone')).toBeGreaterThan(before + 1), 20_000);
    expect(hole.connections()).toBe(2);
  }, 40_000);
});

it('a connection that is reset while it is refused takes nobody down', async () => {
  const uncaught: unknown[] = [];
  const hear = (error: unknown): void => void uncaught.push(error);
  process.on('uncaughtException', hear);
  try {
    const port = Number(new URL(url).port);
    const head = 'GET /nope HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    await Promise.all(
      Array.from(
        { length: 50 },
        (_, i) =>
          new Promise<void>((resolve) => {
            const socket = connect(port, '127.0.0.1', () => {
              socket.write(head);
              setTimeout(() => socket.resetAndDestroy(), i % 3);
            });
            socket.on('error', () => {});
            socket.on('close', () => resolve());
          }),
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
  } finally {
    process.off('uncaughtException', hear);
  }
  expect(uncaught).toEqual([]);
});

it('a child that ends its link because a message was too long for it is warned of, by name', async () => {
  const warn = vi.spyOn(logger, 'warn');
  const link = new WebSocket(`${url.replace('http', 'ws')}/v1/link`, {
    headers: { authorization: 'Bearer phone-secret' },
  });
  open.push({ close: () => link.terminate() });
  link.on('open', () => link.close(1009, 'too long'));
  await vi.waitFor(
    () =>
      expect(warn).toHaveBeenCalledWith(
        { child: 'phone', code: 1009 },
        expect.stringContaining('a message was longer'),
      ),
    5000,
  );
  warn.mockRestore();
});
