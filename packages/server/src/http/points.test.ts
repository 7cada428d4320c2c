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

const SPEC = { arms: ['x', 'y'], fallback: 'x', policy: { kind: 'split' } };

describe('declaring a point', () => {
  it('makes it, says so, and makes nothing of the same again', async () => {
    expect(await call(app, 'PUT', '/v1/points/fresh', SPEC)).toMatchObject({
      status: 201,
      json: { point: 'fresh', version: 1, changed: true },
    });
    expect(await call(app, 'PUT', '/v1/points/fresh', { point: 'fresh', ...SPEC })).toMatchObject({
      status: 200,
      json: { version: 1, changed: false },
    });
    expect(await call(app, 'PUT', '/v1/points/fresh', { ...SPEC, arms: ['x', 'y', 'z'] })).toMatchObject({
      status: 200,
      json: { version: 2, changed: true },
    });
  });

  it('takes YAML that says the same', async () => {
    const yaml = 'arms: [x, y]\nfallback: x\npolicy: { kind: split }\n';
    await call(app, 'PUT', '/v1/points/as-yaml', yaml, { 'content-type': 'application/yaml' });
    expect((await call(app, 'PUT', '/v1/points/as-yaml', SPEC)).json).toMatchObject({ changed: false });
  });

  it.each([
    ['an unknown key', { ...SPEC, polcy: {} }, 'invalid_spec', 'polcy'],
    ['an unknown policy', { ...SPEC, policy: { kind: 'magic' } }, 'unknown_kind', 'policy.kind'],
    [
      'an unknown option of a guard',
      { ...SPEC, guards: [{ kind: 'breaker', openfor: '1s' }] },
      'invalid_spec',
      'guards[0].openfor',
    ],
    ['no arms', { ...SPEC, arms: [] }, 'invalid_spec', 'arms'],
    ['one arm twice', { ...SPEC, arms: ['x', 'x'] }, 'invalid_spec', 'arms[1]'],
    ['a fallback that is no arm', { ...SPEC, fallback: 'w' }, undefined, 'fallback'],
    ['a name that is none', { ...SPEC, arms: ['x', 'y z'] }, 'invalid_spec', 'arms[1]'],
    ['a list', [], 'invalid_spec', 'body'],
    ['another point’s declaration', { ...SPEC, point: 'other' }, 'invalid_spec', 'point'],
  ])('refuses %s, naming field and mend', async (_what, body, code, field) => {
    const told = problem(await call(app, 'PUT', '/v1/points/refused', body));
    expect(told).toMatchObject({ status: 400, field });
    if (code !== undefined) expect(told.code).toBe(code);
    expect(told.mend).toBeTruthy();
    expect((await call(app, 'GET', '/v1/points/refused')).status).toBe(404);
  });

  it('refuses a name that is none in the address', async () => {
    expect(problem(await call(app, 'PUT', '/v1/points/a%20b', SPEC))).toMatchObject({
      status: 400,
      code: 'invalid_spec',
    });
  });

  it('refuses YAML that is none, naming the line', async () => {
    const told = problem(
      await call(app, 'PUT', '/v1/points/refused', 'arms: [x, y\nfallback: x', {
        'content-type': 'text/yaml',
      }),
    );
    expect(told).toMatchObject({ status: 400, code: 'invalid_input', field: 'body' });
    expect(told.detail).toMatch(/line \d/);
  });

  it('refuses other types of body', async () => {
    expect(
      problem(await call(app, 'PUT', '/v1/points/refused', '<a/>', { 'content-type': 'text/xml' })),
    ).toMatchObject({
      code: 'unsupported_media_type',
      mend: 'Send the header "content-type: application/json or application/yaml".',
    });
  });
});

describe('points', () => {
  it('are listed, read and deleted', async () => {
    await call(app, 'PUT', '/v1/points/brief', SPEC);
    expect(
      (await call(app, 'GET', '/v1/points')).json.map(
        (entry: { spec: { point: string } }) => entry.spec.point,
      ),
    ).toContain('brief');
    expect((await call(app, 'GET', '/v1/points/brief')).json).toMatchObject({
      spec: { point: 'brief', ...SPEC },
      version: 1,
    });
    expect((await call(app, 'DELETE', '/v1/points/brief?reason=done')).status).toBe(204);
    for (const [method, url] of [
      ['GET', '/v1/points/brief'],
      ['DELETE', '/v1/points/brief'],
      ['GET', '/v1/points/brief/report'],
      ['DELETE', '/v1/points/brief/override'],
    ])
      expect(problem(await call(app, method, url))).toMatchObject({ status: 404, code: 'unknown_point' });
  });

  it('are reported on: this node with all below it, and each of those', async () => {
    await call(app, 'POST', '/v1/points/checkout-backend/decide', {});
    const { json } = await call(app, 'GET', '/v1/points/checkout-backend/report');
    expect(json.report).toMatchObject({ point: 'checkout-backend', node: 'cloud', mode: 'learning' });
    expect(json.nodes.map((report: { node: string }) => report.node)).toEqual([node.name]);
  });

  it('forget what they learned on demand, and the audit says who asked', async () => {
    expect(problem(await call(app, 'POST', '/v1/points/checkout-backend/reset', {}))).toMatchObject({
      status: 400,
      field: 'reason',
    });
    expect(
      (await call(app, 'POST', '/v1/points/checkout-backend/reset', { reason: 'new model' })).status,
    ).toBe(200);
    const { json } = await call(app, 'GET', '/v1/audit?limit=1');
    expect(json).toMatchObject([
      { action: 'reset', target: 'checkout-backend', reason: 'new model', by: 'local' },
    ]);
  });
});
