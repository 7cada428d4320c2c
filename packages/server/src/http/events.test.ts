import { createClient } from '@ganglion/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, problem } from '../testing/calls.ts';
import { CHECKOUT, startNode } from '../testing/node.ts';
import { listen, send } from '../testing/socket.ts';
import { buildServer } from './server.ts';

let node: Awaited<ReturnType<typeof startNode>>;
let app: Awaited<ReturnType<typeof buildServer>>;
let url: string;
let port: number;
beforeAll(async () => {
  node = await startNode([CHECKOUT, { ...CHECKOUT, point: 'quiet' }]);
  app = await buildServer({ nodes: [node], limits: { streams: 2, streamBytes: 100_000 } });
  ({ url, port } = await listen(app));
});
afterAll(async () => {
  await app.close();
  await node.close();
});

/** The daemon has noticed that the readers before are gone. */
const unread = async (): Promise<void> => {
  while (node.state.listeners.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
};

/** Reads until `enough` says so. */
async function read(
  options: Parameters<ReturnType<typeof createClient>['events']>[0],
  enough: (events: unknown[]) => boolean,
  meanwhile: () => void,
) {
  await unread();
  const abort = new AbortController();
  const events: { kind: string; [key: string]: unknown }[] = [];
  // Only what happens once it listens can be seen.
  const going = setInterval(() => {
    if (node.state.listeners.size > 0) meanwhile();
  }, 5);
  try {
    for await (const event of createClient({ url }).events({ ...options, signal: abort.signal })) {
      events.push(event as never);
      if (enough(events)) abort.abort();
    }
  } finally {
    clearInterval(going);
  }
  return events;
}

describe('the event stream', () => {
  it('shows decisions of busy and of quiet points, and the outcome of what it showed', async () => {
    const waiting = new Map<string, string>();
    let shown = '';
    const events = await read(
      {},
      (all) => {
        const last = all.at(-1) as { kind: string; decision?: { id: string; point: string }; id?: string };
        if (last.kind === 'decision' && shown === '') {
          shown = last.decision!.id;
          void node.feedback([{ id: shown, metrics: { success: 1, latencyMs: 5 } }]);
        }
        if (last.kind === 'decision') waiting.set(last.decision!.point, last.decision!.id);
        return (
          waiting.size === 2 && all.some((each) => (each as { kind: string; id?: string }).kind === 'outcome')
        );
      },
      () => {
        for (let i = 0; i < 50; i++) node.decide('checkout-backend', { unit: `u${i}` });
        node.decide('quiet');
      },
    );
    const outcome = events.find((each) => each.kind === 'outcome');
    expect(outcome).toMatchObject({
      id: shown,
      point: expect.any(String),
      metrics: { success: 1, latencyMs: 5 },
    });
  });

  it('samples at most 20 decisions a second, however many there are', async () => {
    const began = performance.now();
    const events = await read(
      { kinds: ['decision'] },
      (all) => all.length >= 10,
      () => {
        for (let i = 0; i < 200; i++) node.decide('checkout-backend');
      },
    );
    expect(events).toHaveLength(10);
    // Ten samples are nine intervals of 50 ms, and timers are never early by more than a millisecond.
    expect(performance.now() - began).toBeGreaterThan(9 * 49);
  });

  it('shows controls and audit, by kind', async () => {
    let done = false;
    const events = await read(
      { kinds: ['controls', 'audit'] },
      (all) => new Set(all.map((each) => (each as { kind: string }).kind)).size === 2,
      () => {
        if (!done)
          void node.kill({
            scope: 'point:quiet',
            reason: 'seen',
            by: { name: 'tester', authority: 'cloud' },
          });
        done = true;
      },
    );
    expect(new Set(events.map((each) => each.kind))).toEqual(new Set(['controls', 'audit']));
  });

  it('refuses unknown kinds, and more readers than it has places for', async () => {
    expect(problem(await call(app, 'GET', '/v1/events?kinds=gossip'))).toMatchObject({
      status: 400,
      field: 'kinds',
    });
    await unread();
    // A response is there once its reader has a place.
    const readers = [await fetch(`${url}/v1/events`), await fetch(`${url}/v1/events`)];
    const { status, text } = await send(port, 'GET', '/v1/events', undefined, {});
    expect({ status, code: JSON.parse(text).code }).toEqual({ status: 503, code: 'overloaded' });
    for (const reader of readers) await reader.body!.cancel();
    const again = await read(
      { kinds: ['decision'] },
      (all) => all.length > 0,
      () => void node.decide('quiet'),
    );
    expect(again.length).toBeGreaterThan(0);
  });

  it('listens to the node only while somebody reads', async () => {
    const reader = await fetch(`${url}/v1/events`);
    expect(node.state.listeners.size).toBe(1);
    await reader.body!.cancel();
    await unread();
    expect(node.state.listeners.size).toBe(0);
  });

  it('drops events for a reader that does not read, tells it how many, and holds up nobody', async () => {
    const response = await fetch(`${url}/v1/events`, { headers: { accept: 'text/event-stream' } });
    const blob = 'x'.repeat(20_000);
    for (const listener of node.state.listeners)
      for (let i = 0; i < 2_000; i++)
        listener({
          kind: 'audit',
          node: 'cloud',
          entry: { seq: i, atMs: 0, node: 'cloud', by: 't', action: 'a', target: blob, reason: '' },
        });
    const reader = response.body!.getReader();
    let text = '';
    // Only once it reads again can it be told.
    while (!text.includes('event: lost')) {
      const { value } = await reader.read();
      text += Buffer.from(value!).toString('latin1');
      for (const listener of node.state.listeners)
        listener({
          kind: 'audit',
          node: 'cloud',
          entry: { seq: 0, atMs: 0, node: 'cloud', by: 't', action: 'a', target: 't', reason: '' },
        });
    }
    expect(Number(/event: lost\ndata: \{"count":(\d+)\}/.exec(text)![1])).toBeGreaterThan(0);
    await reader.cancel();
  });
});
