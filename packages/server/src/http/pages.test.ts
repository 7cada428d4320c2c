import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHECKOUT, startNode } from '../testing/node.ts';
import { listen, type Reply, send } from '../testing/socket.ts';
import { tokenGrant } from './auth.ts';
import { pageOrigins } from './pages.ts';
import { buildServer } from './server.ts';

const SHOP = 'https://shop.example';
const DECIDE = '/v1/points/checkout-backend/decide';
const JSON_TYPE = { 'content-type': 'application/json' };

let node: Awaited<ReturnType<typeof startNode>>;
const apps: Awaited<ReturnType<typeof buildServer>>[] = [];
/** Ports of daemons: with tokens, without, and one that allows no page. */
let guarded: number;
let open: number;
let closed: number;
beforeAll(async () => {
  node = await startNode([CHECKOUT]);
  const tokens = [
    tokenGrant('app-secret-1', 'app', 'shop'),
    tokenGrant('operator-secret', 'operator', 'alice'),
  ];
  const start = async (auth: Parameters<typeof buildServer>[0]['auth']): Promise<number> => {
    const app = await buildServer({ nodes: [node], auth });
    apps.push(app);
    return (await listen(app)).port;
  };
  guarded = await start({ tokens, allowedOrigins: [SHOP] });
  open = await start({ tokens: [], allowedOrigins: [SHOP] });
  closed = await start({ tokens });
});
afterAll(async () => {
  for (const app of apps) await app.close();
  await node.close();
});

/** What a browser sends before a call that a page makes to another origin. */
const preflight = (port: number, path: string, origin = SHOP, method = 'POST'): Promise<Reply> =>
  send(port, 'OPTIONS', path, undefined, {
    origin,
    'access-control-request-method': method,
    'access-control-request-headers': 'authorization,content-type',
    'sec-fetch-site': 'cross-site',
  });

/** The call itself. */
const call = (
  port: number,
  path: string,
  body: unknown,
  { origin = SHOP, token }: { readonly origin?: string; readonly token?: string } = {},
): Promise<Reply> =>
  send(port, 'POST', path, JSON.stringify(body), {
    ...JSON_TYPE,
    origin,
    'sec-fetch-site': 'cross-site',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  });

const allows = ({ headers }: Reply) => headers['access-control-allow-origin'];

describe('an origin', () => {
  it.each(['https://shop.example', 'http://localhost:5173', 'http://127.0.0.1:8080', 'http://[::1]:3000'])(
    '%s is one as browsers send it',
    (origin) => expect([...pageOrigins([origin], '--allow-origin')]).toEqual([origin]),
  );

  it.each([
    ['*', 'no wildcard'],
    ['https://*.shop.example', 'no wildcard'],
    ['null', 'https://shop.example'],
    ['', 'https://shop.example'],
    ['shop.example', 'https://shop.example'],
    ['file:///srv/page.html', 'https://shop.example'],
    ['https://shop.example/', 'Write https://shop.example,'],
    ['https://shop.example/cart', 'Write https://shop.example,'],
    ['https://Shop.example', 'Write https://shop.example,'],
    ['https://shop.example:443', 'Write https://shop.example,'],
    ['https://me:secret@shop.example', 'Write https://shop.example,'],
  ])('is refused as %j, with what to write', (origin, mend) => {
    expect(() => pageOrigins([SHOP, origin], '--allow-origin')).toThrow(
      expect.objectContaining({
        code: 'invalid_input',
        field: '--allow-origin',
        value: expect.anything(),
        mend: expect.stringContaining(mend),
      }),
    );
  });
});

describe('a page of an allowed origin', () => {
  it.each([
    DECIDE,
    '/v1/points/checkout-backend/rank',
    '/v1/feedback',
    '/v1/exposures',
    '/v1/ingest',
    '/ofrep/v1/evaluate/flags',
    '/ofrep/v1/evaluate/flags/checkout-backend',
  ])('may ask for %s: the preflight says so, without credentials', async (path) => {
    const { status, headers } = await preflight(guarded, path);
    expect(status).toBe(204);
    expect(headers).toMatchObject({
      'access-control-allow-origin': SHOP,
      'access-control-allow-methods': 'POST',
      vary: 'Origin',
    });
    expect(headers['access-control-allow-headers']).toContain('authorization');
    expect(headers['access-control-allow-credentials']).toBeUndefined();
  });

  it('decides with the token of an app, also by way of Fastify, and reads the answer', async () => {
    for (const path of [DECIDE, `${DECIDE}?node=cloud`]) {
      const reply = await call(guarded, path, {}, { token: 'app-secret-1' });
      expect(reply.status).toBe(200);
      expect(reply.headers).toMatchObject({ 'access-control-allow-origin': SHOP, vary: 'Origin' });
      expect(reply.headers['access-control-expose-headers']).toContain('etag');
    }
  });

  it('is asked for a token as everybody is, and can read the refusal', async () => {
    for (const path of [DECIDE, `${DECIDE}?node=cloud`, '/ofrep/v1/evaluate/flags']) {
      const reply = await call(guarded, path, {});
      expect(reply.status).toBe(401);
      expect(allows(reply)).toBe(SHOP);
    }
  });

  it('keeps its flags by their tag: it reads the tag, may send it, and reads that nothing has changed', async () => {
    const path = '/ofrep/v1/evaluate/flags';
    const first = await call(open, path, {});
    expect(first.headers['access-control-expose-headers']).toContain('etag');
    expect((await preflight(open, path)).headers['access-control-allow-headers']).toContain('if-none-match');
    const again = await send(open, 'POST', path, '{}', {
      ...JSON_TYPE,
      origin: SHOP,
      'if-none-match': String(first.headers.etag),
    });
    expect({ status: again.status, allows: allows(again) }).toEqual({ status: 304, allows: SHOP });
  });

  it('takes no control action, whatever token it has: neither is its preflight answered', async () => {
    const kill = { scope: '*', reason: 'from a page' };
    const reply = await call(guarded, '/v1/kill', kill, { token: 'operator-secret' });
    expect(reply.status).toBe(403);
    expect(allows(reply)).toBeUndefined();
    for (const [path, method] of [
      ['/v1/kill', 'POST'],
      ['/v1/points/checkout-backend', 'PUT'],
      ['/v1/nodes', 'GET'],
      ['/v1/nowhere', 'POST'],
      [DECIDE, 'DELETE'],
    ]) {
      const asked = await preflight(guarded, path, SHOP, method);
      expect(asked.status).toBe(403);
      expect(allows(asked)).toBeUndefined();
    }
  });

  it('may not read what others do', async () => {
    const reply = await send(guarded, 'GET', '/v1/nodes', undefined, {
      origin: SHOP,
      authorization: 'Bearer operator-secret',
    });
    expect(allows(reply)).toBeUndefined();
  });

  it('decides without a token where none is asked for, and does so under a name that is the daemon’s only', async () => {
    expect((await call(open, DECIDE, {})).status).toBe(200);
    const rebound = await send(open, 'POST', DECIDE, '{}', {
      ...JSON_TYPE,
      origin: SHOP,
      host: 'shop.example',
    });
    expect(rebound.status).toBe(403);
    expect((await call(open, '/v1/kill', { scope: '*', reason: 'from a page' })).status).toBe(403);
  });
});

describe('any other page', () => {
  it.each([
    'https://evil.example',
    'https://shop.example.evil.example',
    'http://shop.example',
    'https://shop.example:8443',
    'null',
  ])('%s gets neither preflight nor answer, and is told apart by caches', async (origin) => {
    const asked = await preflight(guarded, DECIDE, origin);
    expect({ status: asked.status, allows: allows(asked) }).toEqual({ status: 403, allows: undefined });
    for (const path of [DECIDE, `${DECIDE}?node=cloud`]) {
      const reply = await call(guarded, path, {}, { origin, token: 'app-secret-1' });
      expect({ status: reply.status, allows: allows(reply) }).toEqual({ status: 403, allows: undefined });
      expect(reply.headers.vary).toBe('Origin');
    }
  });

  it('is told which flag lets it in, if it is the daemon’s owner’s', async () => {
    const mend = async (origin: string) =>
      JSON.parse((await call(closed, DECIDE, {}, { origin })).text).mend as string;
    expect(await mend(SHOP)).toContain(`--allow-origin ${SHOP}`);
    expect(await mend('null')).toContain('serve it over http');
    expect(await mend('https://a b; rm -rf')).not.toContain('rm');
  });

  it('where no origin is allowed, nothing is said of pages at all', async () => {
    expect((await preflight(closed, DECIDE)).status).toBe(403);
    const reply = await send(closed, 'POST', DECIDE, '{}', {
      ...JSON_TYPE,
      authorization: 'Bearer app-secret-1',
    });
    expect(reply.status).toBe(200);
    expect(reply.headers.vary).toBeUndefined();
  });
});
