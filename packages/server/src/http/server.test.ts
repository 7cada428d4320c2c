import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { Writable } from 'node:stream';
import { createClient } from '@ganglion/sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { createLogger } from '../log.ts';
import { call, problem } from '../testing/calls.ts';
import { testFolder } from '../testing/folder.ts';
import { startNode } from '../testing/node.ts';
import { listen, send } from '../testing/socket.ts';
import { tokenGrant } from './auth.ts';
import { buildServer, type ServerOptions } from './server.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function serve(options: Partial<ServerOptions> = {}) {
  const node = await startNode();
  open.push(node);
  const app = await buildServer({ nodes: [node], ...options });
  open.push(app);
  return { node, app };
}

const TOKENS = [tokenGrant('operator-token', 'operator', 'alice'), tokenGrant('app-token', 'app', 'shop')];

describe('a server with tokens', () => {
  it('asks for one, on both paths and for events; health needs none', async () => {
    const { app } = await serve({ auth: { tokens: TOKENS } });
    const { port } = await listen(app);
    for (const [method, url] of [
      ['POST', '/v1/points/checkout-backend/decide'],
      ['POST', '/v1/feedback'],
      ['GET', '/v1/points'],
      ['GET', '/v1/events'],
      ['GET', '/metrics'],
    ]) {
      const reply = await send(port, method, url, method === 'POST' ? '{}' : undefined);
      expect({ url, status: reply.status, asks: reply.headers['www-authenticate'] }).toEqual({
        url,
        status: 401,
        asks: 'Bearer realm="ganglion"',
      });
    }
    expect((await send(port, 'GET', '/healthz', undefined, {})).status).toBe(200);
  });

  it('lets an app decide and not kill, and an operator kill under their name', async () => {
    const { app, node } = await serve({ auth: { tokens: TOKENS } });
    const { url } = await listen(app);
    const shop = createClient({ url, token: 'app-token', retries: 0 });
    expect((await shop.decide('checkout-backend')).arm).toBeTruthy();
    await expect(shop.kill('*', 'r')).rejects.toMatchObject({ code: 'forbidden', status: 403 });
    await createClient({ url, token: 'operator-token' }).kill('point:checkout-backend', 'r');
    expect(node.audit()[0]).toMatchObject({ action: 'kill', by: 'alice' });
  });
});

describe('the log', () => {
  it('tells control actions and who took them, and never a token', async () => {
    let text = '';
    const sink = new Writable({
      write(chunk, _encoding, done) {
        text += String(chunk);
        done();
      },
    });
    const logger = createLogger('debug', sink);
    const { app } = await serve({ auth: { tokens: TOKENS }, logger });
    await call(
      app,
      'POST',
      '/v1/kill',
      { scope: '*', reason: 'r' },
      { authorization: 'Bearer operator-token' },
    );
    logger.info(
      {
        headers: { authorization: 'Bearer operator-token' },
        token: 'operator-token',
        auth: { token: 'operator-token' },
      },
      'careless',
    );
    expect(text).toContain('"by":"alice"');
    expect(text).toContain('[redacted]');
    expect(text).not.toContain('operator-token');
  });
});

describe('rates', () => {
  it('beyond the limit are refused, with when to come back', async () => {
    const { app } = await serve({ limits: { actionsPerSecond: 1, callsPerSecond: 5 } });
    const kill = () => call(app, 'POST', '/v1/kill', { scope: 'point:checkout-backend', reason: 'r' });
    const answers = [await kill(), await kill(), await kill()];
    expect(answers.map((each) => each.status)).toEqual([200, 200, 429]);
    expect(problem(answers[2])).toMatchObject({ code: 'rate_limited' });
    expect(answers[2].headers['retry-after']).toBe('1');
    const { port } = await listen(app);
    const statuses = new Set<number>();
    for (let i = 0; i < 20; i++)
      statuses.add((await send(port, 'POST', '/v1/points/checkout-backend/decide', '{}')).status);
    expect(statuses).toEqual(new Set([200, 429]));
  });
});

describe('the page', () => {
  const dir = (): string => {
    const root = testFolder();
    writeFileSync(path.join(root, 'index.html'), '<!doctype html><title>Ganglion</title>');
    writeFileSync(path.join(root, 'app-0a1b2c3d.js'), 'export {}');
    return root;
  };

  it('is served at /, may not be framed, and runs only its own scripts', async () => {
    const { app } = await serve({ consoleDir: dir() });
    const page = await call(app, 'GET', '/');
    expect(page).toMatchObject({
      status: 200,
      headers: { 'x-frame-options': 'DENY', 'cache-control': 'no-cache' },
    });
    expect(page.headers['content-security-policy']).toContain("default-src 'self'");
    expect((await call(app, 'GET', '/app-0a1b2c3d.js')).headers['cache-control']).toContain('immutable');
  });

  it('needs no token, while its calls do', async () => {
    const { app } = await serve({ consoleDir: dir(), auth: { tokens: TOKENS } });
    expect((await call(app, 'GET', '/')).status).toBe(200);
    expect((await call(app, 'GET', '/v1/nodes')).status).toBe(401);
  });

  it('gives nothing beyond its folder', async () => {
    const { app } = await serve({ consoleDir: dir() });
    for (const url of [
      '/../package.json',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/..%2f..%2fetc/passwd',
      '/nothing.js',
      '/v1/nothing',
    ])
      expect([400, 403, 404]).toContain(problem(await call(app, 'GET', url)).status);
  });
});

describe('a server', () => {
  it('needs a node, and nodes of different names', async () => {
    await expect(buildServer({ nodes: [] })).rejects.toMatchObject({ code: 'invalid_input' });
    const node = await startNode();
    open.push(node);
    await expect(buildServer({ nodes: [node, node] })).rejects.toMatchObject({ code: 'invalid_input' });
  });

  it('closes though a connection was opened ahead, and nothing was ever said on it', async () => {
    const { app } = await serve();
    const { port } = await listen(app);
    const socket = connect(port, '127.0.0.1');
    await once(app.server, 'connection');
    const closed = once(socket, 'close');
    await app.close();
    await closed;
  });

  it.each([
    [
      'a body',
      'POST /v1/feedback HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n[{',
    ],
    [
      'a declaration',
      'PUT /v1/points/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{',
    ],
    ['a head', 'GET /v1/poi'],
  ])('closes though a client has stopped in the midst of %s', async (_what, text) => {
    const { app } = await serve({ limits: { closingMs: 50 } });
    const { port } = await listen(app);
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    const asked = once(app.server, 'connection');
    const closed = once(socket, 'close');
    const [peer] = await asked;
    socket.write(text);
    await once(peer, 'data');
    await app.close();
    await closed;
  });

  it('closes while streams are open', async () => {
    const { app } = await serve();
    const { url } = await listen(app);
    let heard = (): void => {};
    const open = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const reading = (async () => {
      for await (const _ of createClient({ url }).events()) heard();
    })();
    await Promise.race([open, reading]);
    await app.close();
    await reading;
  });

  it('answers for a closed node with 503', async () => {
    const { app, node } = await serve();
    const { json } = await call(app, 'POST', '/v1/points/checkout-backend/decide', {});
    await node.close();
    const answer = await call(app, 'POST', '/v1/feedback', { id: json.id, metrics: { success: 1 } });
    expect(problem(answer)).toMatchObject({ status: 503, code: 'closed' });
    expect(answer.headers['retry-after']).toBe('1');
  });
});
