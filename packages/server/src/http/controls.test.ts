import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, problem } from '../testing/calls.ts';
import { CHECKOUT, startNode } from '../testing/node.ts';
import { buildServer } from './server.ts';

let node: Awaited<ReturnType<typeof startNode>>;
let app: Awaited<ReturnType<typeof buildServer>>;
beforeAll(async () => {
  node = await startNode([CHECKOUT]);
  app = await buildServer({ nodes: [node], limits: { actionsPerSecond: 0 } });
});
afterAll(async () => {
  await app.close();
  await node.close();
});

const decide = async () =>
  (await call(app, 'POST', '/v1/points/checkout-backend/decide', { unit: 'u' })).json;
const SCOPE = { scope: 'point:checkout-backend', reason: 'errors' };

describe('a kill', () => {
  it('stops the learner with the next decision; a revive lets it go on', async () => {
    const killed = await call(app, 'POST', '/v1/kill', SCOPE, { 'x-ganglion-actor': 'alice' });
    expect(killed.json.tag).toBeTruthy();
    expect(await decide()).toMatchObject({ reason: 'killed', arm: 'a' });
    expect((await call(app, 'GET', '/v1/controls')).json.kills).toMatchObject([
      {
        scope: SCOPE.scope,
        reason: 'errors',
        by: 'local/alice',
        acknowledgements: [{ node: 'cloud', state: 'acknowledged' }],
      },
    ]);
    expect((await call(app, 'POST', '/v1/revive', SCOPE)).json).toEqual({ tags: [killed.json.tag] });
    expect((await decide()).reason).not.toBe('killed');
  });

  it.each([
    ['no reason', { scope: '*' }, 400, 'invalid_input', 'reason'],
    ['an empty reason', { scope: '*', reason: '' }, 400, 'invalid_input', 'reason'],
    ['no scope', { reason: 'r' }, 400, 'invalid_input', 'scope'],
    ['a scope of no kind', { scope: 'planet:mars', reason: 'r' }, 400, 'invalid_input', 'scope'],
    ['an unknown field', { scope: '*', reason: 'r', force: true }, 400, 'invalid_input', 'force'],
    ['a scope that is a number', { scope: 1, reason: 'r' }, 400, 'invalid_input', 'scope'],
    ['a list', [], 400, 'invalid_input', 'body'],
  ])('with %s is refused', async (_what, body, status, code, field) => {
    const told = problem(await call(app, 'POST', '/v1/kill', body));
    expect(told).toMatchObject({ status, code, field });
    expect(told.mend).toBeTruthy();
    expect((await call(app, 'GET', '/v1/controls')).json.kills).toEqual([]);
  });

  it.each([
    ['point:chekout-backend', 'point:checkout-backend'],
    ['artifact:checkout-backend', undefined],
    ['node:cluod', 'node:cloud'],
    ['point:payments-in-asia', undefined],
  ])('of %s, which nobody knows, stands, and suggests %s', async (scope, suggestion) => {
    const killed = (await call(app, 'POST', '/v1/kill', { scope, reason: 'r' })).json as object;
    expect(killed).toMatchObject({ matches: 0 });
    expect((killed as { suggestion?: string }).suggestion).toBe(suggestion);
    await call(app, 'POST', '/v1/revive', { scope, reason: 'r' });
  });

  it('that does not stand cannot be taken back', async () => {
    expect(problem(await call(app, 'POST', '/v1/revive', SCOPE))).toMatchObject({
      status: 404,
      code: 'unknown_control',
    });
  });
});

describe('an override', () => {
  const OVERRIDE = '/v1/points/checkout-backend/override';

  it('pins an arm until it is taken back', async () => {
    const pinned = await call(app, 'PUT', OVERRIDE, { arm: 'c', reason: 'demo' });
    expect(await decide()).toMatchObject({ reason: 'override', arm: 'c' });
    expect(
      (await call(app, 'DELETE', `${OVERRIDE}?tag=${encodeURIComponent(pinned.json.tag)}`)).json,
    ).toEqual({ tags: [pinned.json.tag] });
    expect((await decide()).reason).not.toBe('override');
  });

  it('holds for its segment only', async () => {
    await call(app, 'PUT', OVERRIDE, { arm: 'b', segment: { region: 'eu' }, reason: 'demo' });
    const of = async (region: string) =>
      (await call(app, 'POST', '/v1/points/checkout-backend/decide', { context: { region } })).json.reason;
    expect(await of('eu')).toBe('override');
    expect(await of('us')).not.toBe('override');
    await call(app, 'DELETE', OVERRIDE);
  });

  it.each([
    ['an unknown arm', { arm: 'z', reason: 'r' }, 'unknown_arm', 'arm'],
    ['no reason', { arm: 'a' }, 'invalid_input', 'reason'],
    ['a time of nothing', { arm: 'a', reason: 'r', forMs: 0 }, 'invalid_input', 'forMs'],
    [
      'a condition of an unknown shape',
      { arm: 'a', reason: 'r', segment: { region: { lt: 5 } } },
      'invalid_input',
      'segment.region',
    ],
    [
      'a field that is not declared',
      { arm: 'a', reason: 'r', segment: { Region: 'eu' } },
      'invalid_input',
      'segment.Region',
    ],
  ])('with %s is refused', async (_what, body, code, field) => {
    expect(problem(await call(app, 'PUT', OVERRIDE, body))).toMatchObject({ status: 400, code, field });
  });

  it('that does not stand cannot be taken back', async () => {
    expect(problem(await call(app, 'DELETE', OVERRIDE))).toMatchObject({
      status: 404,
      code: 'unknown_control',
    });
  });
});

describe('a quarantine', () => {
  it('of a node that is not there is refused', async () => {
    expect(problem(await call(app, 'POST', '/v1/quarantine', { node: 'mars', reason: 'r' }))).toMatchObject({
      status: 404,
      code: 'unknown_node',
    });
  });
});

describe('a quarantine that was lifted', () => {
  it('stands no more; the audit has who and why; a second time there is nothing to lift', async () => {
    await call(app, 'POST', '/v1/quarantine', { node: 'cloud', reason: 'broken sensor' });
    expect((await call(app, 'GET', '/v1/controls')).json.quarantined).toMatchObject([{ node: 'cloud' }]);
    const lifted = await call(app, 'DELETE', '/v1/quarantine/cloud?reason=mended', undefined, {
      'x-ganglion-actor': 'alice',
    });
    expect(lifted.json.tags).toHaveLength(1);
    expect((await call(app, 'GET', '/v1/controls')).json.quarantined).toEqual([]);
    expect((await call(app, 'GET', '/v1/audit?limit=1')).json).toMatchObject([
      { action: 'quarantine.lift', target: 'cloud', by: 'local/alice', reason: 'mended' },
    ]);
    expect(problem(await call(app, 'DELETE', '/v1/quarantine/cloud?reason=again'))).toMatchObject({
      status: 404,
      code: 'unknown_control',
    });
    expect(problem(await call(app, 'DELETE', '/v1/quarantine/cloud'))).toMatchObject({ status: 400 });
  });
});

describe('any call', () => {
  it('may name a node of this process, and no other', async () => {
    expect((await call(app, 'GET', '/v1/nodes?node=cloud')).json).toHaveLength(1);
    expect(problem(await call(app, 'GET', '/v1/nodes?node=mars'))).toMatchObject({
      status: 404,
      code: 'unknown_node',
    });
  });

  it('with a parameter that it does not have is refused by name; on others’ calls it is let be', async () => {
    for (const [method, path, name] of [
      ['GET', '/v1/events?types=decision', 'types'],
      ['GET', '/v1/nodes?nod=cloud', 'nod'],
      ['GET', '/v1/audit?limit=1&since=1', 'since'],
      ['GET', '/v1/points/checkout-backend?__proto__=1', '__proto__'],
      ['POST', '/v1/points/checkout-backend/decide?unit=u1', 'unit'],
    ] as const)
      expect(problem(await call(app, method, path, method === 'POST' ? {} : undefined))).toMatchObject({
        status: 400,
        code: 'invalid_input',
        field: name,
        mend: expect.stringContaining('node'),
      });
    expect((await call(app, 'GET', '/v1/audit?limit=1&node=cloud')).status).toBe(200);
    expect((await call(app, 'GET', '/metrics?x=1')).status).toBe(200);
  });

  it('with a text that does not fit is told what would', async () => {
    expect(problem(await call(app, 'GET', '/v1/audit?limit=many'))).toMatchObject({
      field: 'limit',
      mend: 'Give a whole number of 1 to 4 digits.',
    });
    const version = { version: '1', digest: 'sha256:abc' };
    expect(problem(await call(app, 'POST', '/v1/models/m/versions', version))).toMatchObject({
      field: 'digest',
      mend: expect.stringContaining('64 hexadecimal digits'),
    });
  });

  it('to nowhere is a problem document too', async () => {
    expect(problem(await call(app, 'GET', '/v1/nothing'))).toMatchObject({ status: 404, code: 'not_found' });
    expect(problem(await call(app, 'GET', '/v1/points/%ZZ'))).toMatchObject({ code: 'not_found' });
    expect(problem(await call(app, 'GET', `/v1/points/${'x'.repeat(3_000)}`))).toMatchObject({ status: 404 });
    const wrong = await call(app, 'PATCH', '/v1/points/checkout-backend', {});
    expect(problem(wrong)).toMatchObject({ status: 405, code: 'method_not_allowed' });
    expect(wrong.headers.allow).toBe('DELETE, GET, HEAD, PUT');
  });

  it('from another site’s page is refused', async () => {
    expect(
      problem(await call(app, 'POST', '/v1/kill', SCOPE, { origin: 'https://evil.example' })),
    ).toMatchObject({ status: 403, code: 'forbidden' });
    expect(
      problem(await call(app, 'OPTIONS', '/v1/kill', undefined, { origin: 'https://evil.example' })).status,
    ).toBe(403);
  });

  it('compressed is refused', async () => {
    expect(problem(await call(app, 'POST', '/v1/kill', SCOPE, { 'content-encoding': 'gzip' }))).toMatchObject(
      { status: 415, field: 'content-encoding' },
    );
  });
});

describe('operations', () => {
  it('health and readiness', async () => {
    expect((await call(app, 'GET', '/healthz')).json).toMatchObject({ status: 'ok', node: 'cloud' });
    expect((await call(app, 'GET', '/readyz')).json).toMatchObject({
      status: 'ready',
      nodes: [{ node: 'cloud', storage: 'memory' }],
    });
  });

  it('metrics count decisions by point, arm and reason', async () => {
    await decide();
    const { text, headers } = await call(app, 'GET', '/metrics');
    expect(headers['content-type']).toContain('text/plain');
    expect(text).toMatch(/ganglion_decisions_total\{node="cloud",point="checkout-backend",arm="[abc]"\} \d+/);
    expect(text).toMatch(
      /ganglion_http_decisions_total\{point="checkout-backend",reason="policy|baseline"\} \d+/,
    );
    expect(text).toMatch(
      /ganglion_http_request_duration_seconds_count\{method="POST",route="\/v1\/points\/:point\/decide",status="200"\} \d+/,
    );
    expect(text).not.toContain('evil');
  });
});
