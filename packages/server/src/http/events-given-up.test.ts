import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { GanglionNode, NodeEvent } from '@ganglion/core';
import { afterEach, expect, it, vi } from 'vitest';
import { eventHub } from './events.ts';
import { DEFAULT_HTTP_LIMITS } from './limits.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** An event of this many bytes or a few more. */
const event = (bytes: number): NodeEvent => ({
  kind: 'audit',
  node: 'cloud',
  entry: {
    seq: 0,
    atMs: 0,
    node: 'cloud',
    by: 'tester',
    action: 'kill',
    target: 'x'.repeat(bytes),
    reason: '',
  },
});

it('a reader that gave up its place and takes the rest of it no more is cut off in the end', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  let say: (event: NodeEvent) => void = () => {};
  const node = {
    subscribe: (listener: typeof say) => {
      say = listener;
      return () => {};
    },
  } as unknown as GanglionNode;
  const hub = eventHub(node, { ...DEFAULT_HTTP_LIMITS, streams: 2 });
  const attached: ServerResponse[] = [];
  const server = createServer((request, response) => {
    const placed = { client: 'one', socket: request.socket };
    hub.check(placed);
    attached.push(response);
    hub.attach(response, {}, placed);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const readers = [];
  for (let i = 0; i < 2; i++) {
    const reader = connect(port, '127.0.0.1').pause();
    reader.write('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
    readers.push(reader);
    while (attached.length <= i) await setImmediate();
  }
  const [, newest] = attached;
  // One at a time, until the network takes no more: a little waits, and not yet enough to hold the writer up.
  while (newest.writableLength === 0) {
    say(event(4_000));
    for (let turn = 0; turn < 5; turn++) await setImmediate();
  }
  expect(newest.writableNeedDrain).toBe(false);
  hub.check({ client: 'another', socket: new Socket() });
  expect(newest.destroyed).toBe(false);
  vi.advanceTimersByTime(60_000);
  expect(newest.destroyed).toBe(true);
  for (const reader of readers) reader.destroy();
  server.closeAllConnections();
  server.close();
});
