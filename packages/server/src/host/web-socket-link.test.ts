import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { HostedNode } from '@ganglion/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { tokenGrant } from '../http/auth.ts';
import { createLogger } from '../log.ts';
import { hostNode } from './host-node.ts';
import { acceptLinks, connectUp } from './web-socket-link.ts';

const logger = createLogger('silent');
const open: { close(): unknown }[] = [];
let root: HostedNode;
let url: string;

beforeEach(async () => {
  root = await hostNode({ name: 'cloud', tier: 'cloud', root: true });
  const server: Server = createServer();
  const tokens = [
    tokenGrant('operator-secret', 'operator', 'alice'),
    tokenGrant('any-node-secret', 'node', 'fleet'),
    tokenGrant('phone-secret', 'node', 'phone', 'phone'),
    tokenGrant('app-secret-1', 'app', 'shop'),
  ];
  const links = acceptLinks(server, root, { auth: { tokens }, logger });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  open.push(links, server, root);
});
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

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
