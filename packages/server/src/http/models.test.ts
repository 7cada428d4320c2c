import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { artifactStore } from '../host/artifact-store.ts';
import { call, problem } from '../testing/calls.ts';
import { testFolder } from '../testing/folder.ts';
import { startNode } from '../testing/node.ts';
import { buildServer } from './server.ts';

const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
const V1 = { version: 'v1', digest: sha('one') };
const V2 = { version: 'v2', digest: sha('two'), parents: ['v1'], metrics: { auc: 0.9 } };
const WHY = { reason: 'r' };

let node: Awaited<ReturnType<typeof startNode>>;
let app: Awaited<ReturnType<typeof buildServer>>;
beforeAll(async () => {
  node = await startNode([]);
  app = await buildServer({ nodes: [node], limits: { actionsPerSecond: 0 } });
  await call(app, 'POST', '/v1/models/shop/versions', V1);
});
afterAll(async () => {
  await app.close();
  await node.close();
});

const decide = async (unit: string) =>
  (await call(app, 'POST', '/v1/points/ranker/decide', { unit })).json as {
    id: string;
    arm: string;
    versions: { artifact?: string };
  };

describe('versions over HTTP', () => {
  it('are registered, split, promoted and rolled back', async () => {
    const at = '/v1/models/ranker';
    expect(await call(app, 'POST', `${at}/versions`, V1)).toMatchObject({
      status: 201,
      json: { model: 'ranker', version: 'v1', revision: 1, changed: true },
    });
    expect((await call(app, 'POST', `${at}/versions`, V1)).status).toBe(200);
    await call(app, 'POST', `${at}/versions`, V2);
    const spec = { arms: { versions: 'ranker' }, fallback: 'champion', policy: { kind: 'split' } };
    expect((await call(app, 'PUT', '/v1/points/ranker', spec)).status).toBe(201);
    await call(app, 'POST', `${at}/promote`, { version: 'v2', traffic: 0.5, ...WHY });
    const arms = new Set<string>();
    for (let i = 0; i < 60; i++) {
      const decision = await decide(`u${i}`);
      arms.add(decision.arm);
      expect(decision.versions.artifact).toBe(decision.arm === 'v1' ? V1.digest : V2.digest);
      await call(app, 'POST', '/v1/feedback', { id: decision.id, reward: 1, metrics: { latencyMs: 20 } });
    }
    expect(arms).toEqual(new Set(['v1', 'v2']));
    const shown = (await call(app, 'GET', at)).json;
    expect(shown).toMatchObject({ champion: 'v1', points: ['ranker'], versions: [V1, V2] });
    expect(shown.reports[0]).toMatchObject({
      point: 'ranker',
      arms: [
        {
          artifact: { version: 'v2' },
          latency: { metric: 'latencyMs', quantiles: { p50: expect.any(Number) } },
        },
        { artifact: { version: 'v1' } },
      ],
    });
    await call(app, 'POST', `${at}/promote`, { version: 'v2', ...WHY });
    expect((await decide('u1')).arm).toBe('v2');
    const back = (await call(app, 'POST', `${at}/rollback`, WHY)).json;
    expect(back).toMatchObject({ from: 'v2', to: 'v1', boundMs: expect.any(Number) });
    expect((await decide('u1')).arm).toBe('v1');
    expect((await call(app, 'GET', '/v1/controls')).json.kills).toMatchObject([
      { tag: back.tag, scope: 'artifact:ranker@v2', acknowledgements: [{ state: 'acknowledged' }] },
    ]);
    await call(app, 'POST', '/v1/revive', { scope: 'artifact:ranker@v2', ...WHY });
    await call(app, 'POST', `${at}/promote`, { version: 'v2', traffic: 0.1, ...WHY });
    expect((await call(app, 'POST', `${at}/retire`, { version: 'v2', ...WHY })).json.changed).toBe(true);
    expect((await call(app, 'GET', '/v1/models')).json[0].versions[1].stage).toBe('retired');
    expect((await call(app, 'GET', '/v1/audit')).json.map((each: { action: string }) => each.action)).toEqual(
      expect.arrayContaining([
        'model.register',
        'model.challenge',
        'model.promote',
        'model.rollback',
        'model.retire',
      ]),
    );
  });

  it.each([
    ['GET', '/v1/models/nobody', undefined, 404, 'unknown_model'],
    ['POST', '/v1/models/nobody/promote', { version: 'v1', ...WHY }, 404, 'unknown_model'],
    ['POST', '/v1/models/shop/promote', { version: 'v9', ...WHY }, 404, 'unknown_version'],
    ['POST', '/v1/models/shop/promote', { version: 'v1' }, 400, 'invalid_input'],
    ['POST', '/v1/models/shop/retire', { version: 'v1', ...WHY }, 400, 'invalid_input'],
    ['POST', '/v1/models/shop/versions', { ...V1, digest: V2.digest }, 409, 'version_conflict'],
    ['POST', '/v1/models/shop/versions', { ...V1, digest: 'XYZ' }, 400, 'invalid_input'],
    ['POST', '/v1/models/shop/versions', { ...V1, stage: 'champion' }, 400, 'invalid_input'],
    [
      'PUT',
      '/v1/points/other',
      { arms: { versions: 'nobody' }, fallback: 'champion', policy: { kind: 'split' } },
      404,
      'unknown_model',
    ],
    [
      'PUT',
      '/v1/points/other',
      { arms: { versions: 'shop', x: 1 }, fallback: 'champion', policy: { kind: 'split' } },
      400,
      'invalid_spec',
    ],
    ['GET', `/v1/artifacts/${V1.digest}`, undefined, 501, 'unsupported'],
  ])('%s %s %j is answered with %i', async (method, url, body, status, code) => {
    const told = problem(await call(app, method, url, body));
    expect(told).toMatchObject({ status, code });
    expect(told.mend).toBeTruthy();
  });
});

describe('artifacts', () => {
  it('are kept under their digest, and under no other', async () => {
    const dir = testFolder();
    const store = artifactStore(`${dir}/artifacts`);
    const keeping = await buildServer({ nodes: [node], artifacts: store });
    const bytes = { 'content-type': 'application/octet-stream' };
    const put = (digest: string) =>
      call(keeping, 'PUT', `/v1/artifacts/${digest}`, Buffer.from('one'), bytes);
    try {
      expect((await put(V1.digest)).json).toEqual({ digest: V1.digest, bytes: 3 });
      expect((await put(V1.digest)).status).toBe(200);
      expect(problem(await put(V2.digest))).toMatchObject({ status: 400, field: 'digest' });
      expect((await call(keeping, 'GET', `/v1/artifacts/${V1.digest}`)).text).toBe('one');
      expect(problem(await call(keeping, 'GET', `/v1/artifacts/${V2.digest}`)).status).toBe(404);
      expect(problem(await call(keeping, 'PUT', `/v1/artifacts/${V1.digest}`, { a: 1 })).status).toBe(415);
      writeFileSync(store.path(V1.digest), 'rot');
      expect(problem(await call(keeping, 'GET', `/v1/artifacts/${V1.digest}`)).code).toBe('storage_corrupt');
    } finally {
      await keeping.close();
    }
  });
});
