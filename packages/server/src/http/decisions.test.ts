import { FEEDBACK_LIMITS } from '@ganglion/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, problem } from '../testing/calls.ts';
import { CHECKOUT, startNode } from '../testing/node.ts';
import { buildServer } from './server.ts';

let node: Awaited<ReturnType<typeof startNode>>;
let app: Awaited<ReturnType<typeof buildServer>>;
beforeAll(async () => {
  node = await startNode([CHECKOUT, { ...CHECKOUT, point: 'shown', exposure: 'explicit' }]);
  app = await buildServer({
    nodes: [node],
    limits: { items: 1_000, bodyBytes: 1 << 20, bulkBytes: 4 << 20 },
  });
});
afterAll(async () => {
  await app.close();
  await node.close();
});

const DECIDE = '/v1/points/checkout-backend/decide';

describe('decide', () => {
  it('answers an arm with the probability it was chosen with', async () => {
    const { status, json } = await call(app, 'POST', DECIDE, {
      context: { region: 'eu', load: 0.5 },
      unit: 'user-1',
    });
    expect(status).toBe(200);
    expect(json).toMatchObject({ point: 'checkout-backend', tier: 'cloud', versions: { spec: 1 } });
    expect(['a', 'b', 'c']).toContain(json.arm);
    expect(json.propensity).toBeGreaterThan(0);
  });

  it('answers a list with a list, in order, each with an id of its own', async () => {
    const { json } = await call(
      app,
      'POST',
      DECIDE,
      Array.from({ length: 100 }, (_, i) => ({ unit: `user-${i}` })),
    );
    expect(new Set(json.map((each: { id: string }) => each.id)).size).toBe(100);
    expect((await call(app, 'POST', DECIDE, [])).json).toEqual([]);
  });

  it('waits for its parent no longer than the deadline, and answers', async () => {
    expect((await call(app, 'POST', DECIDE, { deadlineMs: 20 })).json.arm).not.toBeNull();
    expect((await call(app, 'POST', DECIDE, [{ deadlineMs: 20 }, {}])).json).toHaveLength(2);
  });

  it('serves the fallback, and says why, where the context does not fit the schema', async () => {
    const { status, json } = await call(app, 'POST', DECIDE, { context: { load: -1 } });
    expect({ status, reason: json.reason, arm: json.arm, propensity: json.propensity }).toMatchObject({
      status: 200,
      reason: 'invalid_context',
      arm: 'a',
    });
    expect(json.trail.at(-1).why).toContain('load');
  });

  it.each([
    ['an unknown point', '/v1/points/nowhere/decide', {}, 404, 'unknown_point', 'point'],
    ['an unknown point, in a list', '/v1/points/nowhere/decide', [{}], 404, 'unknown_point', 'point'],
    ['an unknown point, in an empty list', '/v1/points/nowhere/decide', [], 404, 'unknown_point', 'point'],
    ['an unknown field', DECIDE, { contxt: {} }, 400, 'invalid_input', 'contxt'],
    ['an unknown field, in a list', DECIDE, [{}, { user: 'u' }], 400, 'invalid_input', '[1].user'],
    ['text', DECIDE, '"eu"', 400, 'invalid_input', 'body'],
    ['null', DECIDE, 'null', 400, 'invalid_input', 'body'],
    ['a context that is a list', DECIDE, { context: [] }, 400, 'invalid_input', 'context'],
    ['a unit that is a number', DECIDE, { unit: 7 }, 400, 'invalid_input', 'unit'],
    ['an endless unit', DECIDE, { unit: 'u'.repeat(2_000) }, 400, 'invalid_input', 'unit'],
    ['a deadline of nothing', DECIDE, { deadlineMs: 0 }, 400, 'invalid_input', 'deadlineMs'],
    ['a deadline that never comes', DECIDE, '{"deadlineMs":1e999}', 400, 'invalid_input', 'deadlineMs'],
    [
      'a number beyond all numbers',
      DECIDE,
      '{"context":{"load":1e999}}',
      400,
      'invalid_input',
      'context.load',
    ],
    ['a prototype', DECIDE, '{"__proto__":{"unit":"u"}}', 400, 'invalid_input', '__proto__'],
    [
      'a prototype as a feature',
      DECIDE,
      '[{"context":{"__proto__":{"a":1}}}]',
      400,
      'invalid_input',
      '[0].context.__proto__',
    ],
    ['malformed JSON', DECIDE, '{"context":', 400, 'invalid_input', 'body'],
    ['no body', DECIDE, '', 400, 'invalid_input', 'body'],
  ])('refuses %s, naming field and mend', async (_what, url, body, status, code, field) => {
    const told = problem(await call(app, 'POST', url, body));
    expect(told).toMatchObject({ status, code, field });
    expect(told.mend).toBeTruthy();
  });

  it('refuses nesting beyond 32, a list beyond the limit, one decision beyond 1 MB', async () => {
    const deep = `{"context":{"a":${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}}}`;
    expect(problem(await call(app, 'POST', DECIDE, deep))).toMatchObject({
      status: 400,
      code: 'invalid_input',
    });
    expect(
      problem(
        await call(
          app,
          'POST',
          DECIDE,
          Array.from({ length: 1_001 }, () => ({})),
        ),
      ),
    ).toMatchObject({ status: 413, code: 'too_large' });
    expect(
      problem(await call(app, 'POST', DECIDE, { context: { region: 'x'.repeat(1 << 20) } })),
    ).toMatchObject({ status: 413, code: 'too_large' });
    expect(problem(await call(app, 'POST', DECIDE, ' '.repeat(5 << 20)))).toMatchObject({
      status: 413,
      code: 'too_large',
    });
  });
});

const metricsOf = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}`, i]));

describe('feedback', () => {
  const decide = async (count: number): Promise<string[]> =>
    (
      await call(
        app,
        'POST',
        DECIDE,
        Array.from({ length: count }, () => ({})),
      )
    ).json.map((each: { id: string }) => each.id);
  const send = (body: unknown) => call(app, 'POST', '/v1/feedback', body);

  it('joins its decision, once', async () => {
    const [id] = await decide(1);
    const item = { id, metrics: { success: 1, latencyMs: 12 } };
    expect(await send(item)).toMatchObject({
      status: 202,
      json: { accepted: 1, joined: 1, duplicates: 0, rejected: [] },
    });
    expect(await send(item)).toMatchObject({ status: 202, json: { accepted: 1, joined: 0, duplicates: 1 } });
  });

  it('of another value under the same revision is a conflict', async () => {
    const [id] = await decide(1);
    await send({ id, metrics: { success: 1, latencyMs: 12 } });
    expect(problem(await send({ id, metrics: { success: 0, latencyMs: 12 } }))).toMatchObject({
      status: 409,
      code: 'feedback_conflict',
    });
  });

  it('for an id that was never issued is unknown', async () => {
    expect(problem(await send({ id: 'nobody', reward: 1 }))).toMatchObject({
      status: 404,
      code: 'unknown_decision',
      field: 'id',
    });
  });

  it('in a list is judged item by item: what was refused is named, the rest is taken', async () => {
    const [one, two] = await decide(2);
    const { status, json } = await send([
      { id: one, metrics: { success: 1 } },
      { id: 'nobody', reward: 1 },
      { id: two, metrics: { success: 'yes' } },
      { id: two, metrics: { success: 0 } },
      7,
    ]);
    expect(status).toBe(202);
    expect(json).toMatchObject({ accepted: 2, joined: 2 });
    expect(json.rejected).toMatchObject([
      { index: 1, id: 'nobody', code: 'unknown_decision' },
      { index: 2, id: two, code: 'invalid_input', field: '[2].metrics.success' },
      { index: 4, code: 'invalid_input', field: '[4]' },
    ]);
  });

  it('of which all is refused is refused, with the first reason, and names all', async () => {
    const told = problem(await send([{ id: 'nobody', reward: 1 }, { id: 3 }]));
    expect(told).toMatchObject({ status: 404, code: 'unknown_decision' });
    expect(told.rejected).toHaveLength(2);
  });

  it('an empty list is taken as nothing', async () => {
    expect(await send([])).toMatchObject({ status: 202, json: { accepted: 0, rejected: [] } });
  });

  it('takes as many metrics as the limit says, and says the limit where there are more', async () => {
    const [id] = await decide(1);
    expect((await send({ id, metrics: metricsOf(FEEDBACK_LIMITS.metrics) })).status).toBe(202);
    const told = problem(await send({ id, metrics: metricsOf(FEEDBACK_LIMITS.metrics + 1) }));
    expect(told.detail).toContain(String(FEEDBACK_LIMITS.metrics));
    expect(told.mend).toBeTruthy();
  });

  it.each([
    ['nothing said', { id: 'x' }, 'body'],
    ['an unknown field', { id: 'x', rewrad: 1 }, 'rewrad'],
    ['a reward that is text', { id: 'x', reward: '1' }, 'reward'],
    ['a reward beyond all numbers', '{"id":"x","reward":1e999}', 'reward'],
    ['a negative revision', { id: 'x', reward: 1, revision: -1 }, 'revision'],
    ['half a revision', { id: 'x', reward: 1, revision: 0.5 }, 'revision'],
    ['a truth that is a list', { id: 'x', truth: [] }, 'truth'],
    ['no id', { reward: 1 }, 'id'],
    [
      'more metrics than a decision keeps',
      { id: 'x', metrics: metricsOf(FEEDBACK_LIMITS.metrics + 1) },
      'metrics',
    ],
    ['a name that no metric may have', { id: 'x', metrics: { 'p 99': 1 } }, 'metrics.p 99'],
    ['a reward among the metrics', { id: 'x', metrics: { reward: 1 } }, 'metrics.reward'],
    ['what says of itself that it is an exposure', { id: 'x', exposed: true }, 'exposed'],
    ['a prototype as a metric', '{"id":"x","metrics":{"__proto__":1}}', 'metrics.__proto__'],
    ['null', 'null', 'body'],
  ])('refuses %s', async (_what, body, field) => {
    expect(problem(await send(body))).toMatchObject({ status: 400, code: 'invalid_input', field });
  });
});

describe('exposures', () => {
  it('are taken where the point declares them apart', async () => {
    const { json } = await call(app, 'POST', '/v1/points/shown/decide', {});
    expect(await call(app, 'POST', '/v1/exposures', { id: json.id })).toMatchObject({
      status: 202,
      json: { accepted: 1 },
    });
    expect(problem(await call(app, 'POST', '/v1/exposures', [{ id: 'nobody' }]))).toMatchObject({
      status: 404,
      code: 'unknown_decision',
    });
    expect(problem(await call(app, 'POST', '/v1/exposures', { id: json.id, metrics: {} }))).toMatchObject({
      status: 400,
      field: 'metrics',
    });
  });
});
