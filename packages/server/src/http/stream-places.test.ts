import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CHECKOUT, startNode } from '../testing/node.ts';
import { listen } from '../testing/socket.ts';
import { tokenGrant } from './auth.ts';
import { buildServer } from './server.ts';
import { clientOf } from './stream-places.ts';

const PLACES = 4;
const token = (name: string): string => `token-of-${name}`;
let node: Awaited<ReturnType<typeof startNode>>;
let app: Awaited<ReturnType<typeof buildServer>>;
let url: string;
let port: number;
let leaving: (() => void)[] = [];
beforeAll(async () => {
  node = await startNode([CHECKOUT]);
  const tokens = ['ann', 'bob', 'cyd', 'eve'].map((name) => tokenGrant(token(name), 'viewer', name));
  app = await buildServer({ nodes: [node], limits: { streams: PLACES }, auth: { tokens } });
  ({ url, port } = await listen(app));
});
afterEach(async () => {
  for (const leave of leaving) leave();
  leaving = [];
  // A place is free once the daemon has noticed that its reader is gone.
  while (node.state.listeners.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
});
afterAll(async () => {
  await app.close();
  await node.close();
});

/** One more stream of this client; `ended`: all that it was told, once the daemon has ended it. */
async function open(name: string) {
  const abort = new AbortController();
  const headers = { authorization: `Bearer ${token(name)}` };
  const response = await fetch(`${url}/v1/events`, { headers, signal: abort.signal });
  if (!response.ok) return { status: response.status, ...((await response.json()) as { code: string }) };
  leaving.push(() => abort.abort());
  return { status: 200, ended: response.text().catch(() => 'left') };
}

const several = async (name: string, count: number) => {
  const streams = [];
  for (let i = 0; i < count; i++) streams.push(await open(name));
  return streams;
};

describe('places at the event stream', () => {
  it('are all for one client while nobody else wants them, and no more than there are', async () => {
    expect(await several('eve', PLACES)).toMatchObject(Array(PLACES).fill({ status: 200 }));
    expect(await open('eve')).toMatchObject({
      status: 503,
      code: 'overloaded',
      detail: '4 readers are connected already, 4 of them yours',
      mend: expect.stringContaining('Close one'),
    });
  });

  it('are given up by the client that has the most, its newest first, and it is told', async () => {
    const eve = await several('eve', PLACES);
    expect(await open('ann')).toMatchObject({ status: 200 });
    expect(await eve[3].ended).toMatch(/: given up for another client\n\n$/);
    expect(await open('bob')).toMatchObject({ status: 200 });
    expect(await eve[2].ended).toMatch(/: given up/);
    // Two, one and one: a place would only change hands.
    expect(await open('ann')).toMatchObject({ status: 503, code: 'overloaded' });
    expect(await open('eve')).toMatchObject({ status: 503 });
    // But not for one who has none.
    expect(await open('cyd')).toMatchObject({ status: 200 });
    expect(await eve[1].ended).toMatch(/: given up/);
    expect(await open('eve')).toMatchObject({ status: 503 });
  });

  it('are one for a connection, whatever it asks for in a row: what comes behind a stream is never read', async () => {
    const socket = connect(port, '127.0.0.1');
    leaving.push(() => socket.destroy());
    const ask = `GET /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token('eve')}\r\n\r\n`;
    socket.write(ask.repeat(PLACES));
    await new Promise((resolve) => socket.once('data', resolve));
    expect(await several('eve', PLACES - 1)).toMatchObject(Array(PLACES - 1).fill({ status: 200 }));
  });
});

describe('where nobody needs a token', () => {
  it('who calls himself by many names is one client, and takes no place from who was there', async () => {
    const open = await buildServer({ nodes: [node], limits: { streams: PLACES } });
    const { url: where } = await listen(open);
    const abort = new AbortController();
    const statusOf = async (headers: Record<string, string>) =>
      (await fetch(`${where}/v1/events`, { headers, signal: abort.signal })).status;
    const honest = [];
    for (let i = 0; i < PLACES; i++) honest.push(await statusOf({}));
    expect(honest).toEqual(Array(PLACES).fill(200));
    expect(await statusOf({ 'x-ganglion-actor': 'one' })).toBe(503);
    expect(await statusOf({ 'x-ganglion-actor': 'another' })).toBe(503);
    abort.abort();
    await open.close();
  });
});

describe('a client', () => {
  it('is an address and who speaks from it: users behind one proxy are told apart by their tokens', () => {
    expect(clientOf('10.0.0.1', 'ann')).not.toBe(clientOf('10.0.0.1', 'bob'));
    expect(clientOf('10.0.0.1', 'ann')).not.toBe(clientOf('10.0.0.2', 'ann'));
    expect(clientOf('::ffff:10.0.0.1', 'ann')).toBe(clientOf('10.0.0.1', 'ann'));
  });

  it('has a /64 of IPv6, as whoever has one address of it has them all', () => {
    const same = ['2001:db8::1', '2001:db8:0:0:ffff::', '2001:0db8:0:0::9%eth0'];
    for (const address of same) expect(clientOf(address, 'ann')).toBe(clientOf('2001:db8::', 'ann'));
    for (const address of ['2001:db8:0:1::1', '2001:db8:1::', '::1', '2001:db8::1:0:0:0:1'])
      expect(clientOf(address, 'ann')).not.toBe(clientOf('2001:db8::', 'ann'));
  });
});
