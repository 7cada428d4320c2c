import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HostedNode } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { embedNode } from '@ganglion/sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { type AuthOptions, tokenGrant } from '../http/auth.ts';
import { createLogger } from '../log.ts';
import { hostNode } from './host-node.ts';
import { acceptLinks } from './web-socket-link.ts';

const SHOP = 'https://shop.example';
const TOKENS = [
  tokenGrant('tab-secret/+?~', 'node', 'pages', 'tab-*'),
  tokenGrant('app-secret-1', 'app', 'shop'),
];
const open: { close(): unknown }[] = [];
let root: HostedNode;
/** What the parent logs, line by line, and the heads of the links it was asked for. */
let lines: Record<string, unknown>[];
let asked: IncomingMessage[];

beforeEach(async () => {
  [lines, asked] = [[], []];
  root = await hostNode({ name: 'cloud', tier: 'cloud', root: true });
  open.push(root);
});
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function parent(auth: AuthOptions): Promise<string> {
  const server = createServer();
  server.on('upgrade', (request) => asked.push(request));
  const logger = createLogger('debug', { write: (line) => void lines.push(JSON.parse(line)) });
  open.push(acceptLinks(server, root, { auth, logger }), server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const named = (token: string) => `ganglion.token.${Buffer.from(token).toString('base64url')}`;

/** Knocks as a page would: answers the protocol that was chosen, or the status of the refusal. */
function knock(at: string, protocols: string[], options: ClientOptions = {}): Promise<string> {
  return new Promise((resolve) => {
    const link = new WebSocket(`${at.replace('http', 'ws')}/v1/link`, protocols, options);
    open.push({ close: () => link.terminate() });
    link.on('open', () => resolve(link.protocol));
    link.on('unexpected-response', (_request, response) => resolve(`${response.statusCode}`));
    link.on('error', (error) => resolve(error.message));
  });
}

describe('the token of a link among its protocols', () => {
  it('is taken, and never answered', async () => {
    const at = await parent({ tokens: TOKENS });
    expect(await knock(at, ['ganglion.v1', named('tab-secret/+?~')])).toBe('ganglion.v1');
    expect(await knock(at, [named('tab-secret/+?~'), 'ganglion.v1'])).toBe('ganglion.v1');
  });

  it.each([
    ['nobody’s', ['ganglion.v1', named('nobody-secret')], '401'],
    ['one of another role', ['ganglion.v1', named('app-secret-1')], '403'],
    ['alone, so that nothing could be answered', [named('tab-secret/+?~')], '401'],
    ['one of two', ['ganglion.v1', named('nobody-secret'), named('tab-secret/+?~')], '401'],
    ['not in base64url', ['ganglion.v1', 'ganglion.token.tab-secret~'], '401'],
    ['empty', ['ganglion.v1', 'ganglion.token.'], '401'],
    ['missing', ['ganglion.v1'], '401'],
    ['too long for one', ['ganglion.v1', named('x'.repeat(600))], '401'],
  ])('is refused as %s', async (_what, protocols, status) => {
    expect(await knock(await parent({ tokens: TOKENS }), protocols)).toBe(status);
  });

  it('gives way to one in the header, as children before it send', async () => {
    const at = await parent({ tokens: TOKENS });
    const headers = { authorization: 'Bearer tab-secret/+?~' };
    expect(await knock(at, [], { headers })).toBe('');
    expect(await knock(at, ['ganglion.v1', named('nobody-secret')], { headers })).toBe('ganglion.v1');
  });

  it('stands in no line of the log', async () => {
    const at = await parent({ tokens: TOKENS });
    for (const token of ['tab-secret/+?~', 'nobody-secret', 'app-secret-1'])
      await knock(at, ['ganglion.v1', named(token)]);
    expect(lines.length).toBeGreaterThan(0);
    const log = JSON.stringify(lines);
    for (const token of ['tab-secret', 'nobody-secret', 'app-secret']) {
      expect(log).not.toContain(token);
      expect(log).not.toContain(named(token).slice(0, 22));
    }
  });

  it('is how an embedded node sends its own', async () => {
    const at = await parent({ tokens: TOKENS });
    const below = { url: at, token: 'tab-secret/+?~' };
    open.push(await embedNode({ name: 'tab-1', registry: standard, parent: below }));
    await vi.waitFor(() => expect(root.state.knownChildren.has('tab-1')).toBe(true), 10_000);
    expect(asked[0].headers.authorization).toBeUndefined();
    expect(asked[0].url).toBe('/v1/link');
  });

  it('is refused by the SDK where no header or name could carry it', async () => {
    const below = { url: 'http://127.0.0.1:1', token: 'snow ☃ man' };
    await expect(embedNode({ name: 'tab-1', registry: standard, parent: below })).rejects.toMatchObject({
      code: 'invalid_input',
      field: 'parent.token',
    });
  });
});

describe('a token for names that begin alike', () => {
  it('is one for each of them, and for no other', async () => {
    const at = await parent({ tokens: TOKENS });
    const below = { url: at, token: 'tab-secret/+?~' };
    for (const name of ['shop-1', 'tab-1', 'tab-2'])
      open.push(await embedNode({ name, registry: standard, parent: below }));
    await vi.waitFor(
      () => expect([...root.state.knownChildren.keys()].sort()).toEqual(['tab-1', 'tab-2']),
      10_000,
    );
    await vi.waitFor(
      () =>
        expect(lines).toContainEqual(
          expect.objectContaining({
            as: 'shop-1',
            speaksAs: 'tab-*',
            mend: expect.stringContaining('begins with tab-'),
          }),
        ),
      10_000,
    );
  });

  it('names something', () => {
    for (const node of ['*', 'tab**', 'a*b', '-*'])
      expect(() => tokenGrant('tab-secret-1', 'node', 'pages', node)).toThrow('not a name');
  });
});

describe('the origin of a page', () => {
  const protocols = ['ganglion.v1', named('tab-secret/+?~')];

  it('links where it is allowed, with and without tokens', async () => {
    const guarded = await parent({ tokens: TOKENS, allowedOrigins: [SHOP] });
    expect(await knock(guarded, protocols, { origin: SHOP })).toBe('ganglion.v1');
    expect(await knock(guarded, ['ganglion.v1'], { origin: SHOP })).toBe('401');
    const free = await parent({ tokens: [], allowedOrigins: [SHOP] });
    expect(await knock(free, [], { origin: SHOP })).toBe('');
    expect(await knock(free, [], { origin: SHOP, headers: { host: 'shop.example' } })).toBe('403');
    expect(await knock(free, [], { origin: SHOP, headers: { 'x-forwarded-for': '10.0.0.9' } })).toBe('403');
  });

  it('does not let one machine fill the log, whatever origins it makes up', async () => {
    const at = await parent({ tokens: TOKENS, allowedOrigins: ['https://other.example'] });
    for (let i = 0; i < 60; i++) await knock(at, protocols, { origin: `https://a${i}.example` });
    expect(lines.length).toBeLessThanOrEqual(8);
    expect(new Set(lines.map(({ origin }) => origin)).size).toBe(lines.length);
  });

  it('is a line of the log where it is not: which it was, and the flag', async () => {
    const at = await parent({ tokens: TOKENS, allowedOrigins: ['https://other.example'] });
    expect(await knock(at, protocols, { origin: SHOP })).toBe('403');
    expect(await knock(at, protocols, { origin: 'null' })).toBe('403');
    expect(lines).toMatchObject([
      { level: 40, origin: SHOP, code: 'forbidden', mend: expect.stringContaining(`--allow-origin ${SHOP}`) },
      { level: 40, origin: 'null', code: 'forbidden', mend: expect.stringContaining('http') },
    ]);
  });
});

it('a link that fails again and again is told of with a mend, the first times without', async () => {
  const at = await parent({ tokens: TOKENS });
  const troubles: { readonly message: string; readonly mend?: string }[] = [];
  const below = {
    url: at,
    token: 'nobody-secret',
    onTrouble: (each: unknown) => void troubles.push(each as Error),
  };
  open.push(await embedNode({ name: 'tab-1', registry: standard, parent: below }));
  await vi.waitFor(() => expect(troubles.length).toBeGreaterThanOrEqual(3), 20_000);
  expect(troubles.slice(0, 2).map(({ mend }) => mend)).toEqual([undefined, undefined]);
  expect(troubles[2]).toMatchObject({
    code: 'closed',
    field: 'parent',
    message: expect.stringContaining('3 attempts'),
    mend: expect.stringMatching(/address.*token.*log/),
  });
}, 30_000);
