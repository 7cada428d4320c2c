import { FEEDBACK_LIMITS } from '@ganglion/core';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call } from '../testing/calls.ts';
import { CHECKOUT, startNode } from '../testing/node.ts';
import { wordsOf } from './patterns.ts';
import { buildServer } from './server.ts';

let node: Awaited<ReturnType<typeof startNode>>;
let app: Awaited<ReturnType<typeof buildServer>>;
// biome-ignore lint/suspicious/noExplicitAny: an OpenAPI document, read at will
let document: any;
beforeAll(async () => {
  node = await startNode([CHECKOUT]);
  app = await buildServer({ nodes: [node], limits: { actionsPerSecond: 0 } });
  document = (await call(app, 'GET', '/openapi.json')).json;
});
afterAll(async () => {
  await app.close();
  await node.close();
});

/** A component schema, its references resolved, as ajv checks it. */
const checker = (name: string) => {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  return ajv.compile({ $ref: `#/components/schemas/${name}`, components: document.components });
};

describe('/openapi.json', () => {
  it('is a valid OpenAPI 3.1 document', async () => {
    const result = await new Validator().validate(structuredClone(document));
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
  });

  it('has words for every pattern, for when something does not fit it', () => {
    const sources = [...JSON.stringify(document).matchAll(/"pattern":("(?:[^"\\\\]|\\\\.)*")/g)].map(
      ([, quoted]) => JSON.parse(quoted) as string,
    );
    expect(sources.length).toBeGreaterThan(10);
    expect(new Set(sources.filter((source) => wordsOf(source) === undefined))).toEqual(new Set());
  });

  it('describes every call of the API, with a problem document and a name of its own', () => {
    const operations = Object.entries(
      document.paths as Record<string, Record<string, { operationId: string; responses: object }>>,
    ).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({
        call: `${method.toUpperCase()} ${path}`,
        ...operation,
      })),
    );
    expect(operations.map((each) => each.call).sort()).toEqual(
      [
        'GET /healthz',
        'GET /readyz',
        'GET /metrics',
        'GET /openapi.json',
        'GET /v1/points',
        'GET /v1/points/{point}',
        'PUT /v1/points/{point}',
        'DELETE /v1/points/{point}',
        'GET /v1/points/{point}/report',
        'GET /v1/points/{point}/history',
        'POST /v1/ingest',
        'GET /v1/features/{namespace}/{entity}',
        'POST /v1/points/{point}/evaluate',
        'POST /v1/points/{point}/rank',
        'POST /v1/points/{point}/reset',
        'POST /v1/points/{point}/thaw',
        'POST /v1/points/{point}/weights',
        'POST /v1/points/{point}/decide',
        'PUT /v1/points/{point}/override',
        'DELETE /v1/points/{point}/override',
        'POST /v1/feedback',
        'POST /v1/exposures',
        'GET /v1/models',
        'GET /v1/models/{model}',
        'POST /v1/models/{model}/versions',
        'POST /v1/models/{model}/promote',
        'POST /v1/models/{model}/retire',
        'POST /v1/models/{model}/rollback',
        'POST /v1/models/{model}/retrain',
        'GET /v1/training',
        'PUT /v1/artifacts/{digest}',
        'GET /v1/artifacts/{digest}',
        'POST /v1/kill',
        'POST /v1/revive',
        'GET /v1/controls',
        'POST /v1/quarantine',
        'DELETE /v1/quarantine/{target}',
        'GET /v1/nodes',
        'GET /v1/audit',
        'GET /v1/events',
        'POST /ofrep/v1/evaluate/flags',
        'POST /ofrep/v1/evaluate/flags/{key}',
      ].sort(),
    );
    expect(new Set(operations.map((each) => each.operationId)).size).toBe(operations.length);
    for (const operation of operations) expect(operation.responses).toHaveProperty('default');
  });

  it('is kept by the answers', async () => {
    const decide = await call(app, 'POST', '/v1/points/checkout-backend/decide', [{}, { unit: 'u' }]);
    const single = await call(app, 'POST', '/v1/points/checkout-backend/decide', {});
    const fed = await call(app, 'POST', '/v1/feedback', [
      { id: single.json.id, metrics: { success: 1 } },
      { id: 'x', reward: 1 },
    ]);
    const refused = await call(app, 'POST', '/v1/kill', {});
    const answers: [string, unknown][] = [
      ['DecideAnswer', decide.json],
      ['DecideAnswer', single.json],
      ['Intake', fed.json],
      ['Problem', refused.json],
      ['PointEntry', (await call(app, 'GET', '/v1/points/checkout-backend')).json],
    ];
    for (const [name, value] of answers) {
      const check = checker(name);
      expect({ name, valid: check(value), errors: check.errors }).toEqual({
        name,
        valid: true,
        errors: null,
      });
    }
  });
});

/** Bodies near the border of what is taken. */
const metrics = fc.dictionary(
  fc.oneof(
    fc.constantFrom(
      'latencyMs',
      'reward',
      'truth',
      '__proto__',
      'constructor',
      'prototype',
      '',
      'a b',
      'é',
      '-x',
    ),
    fc.string({ maxLength: 3 }),
  ),
  fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom<unknown>(null, '1', true)),
  { maxKeys: 3 },
);
/** As many metrics as are taken, and one more. */
const many = fc
  .constantFrom(FEEDBACK_LIMITS.metrics, FEEDBACK_LIMITS.metrics + 1)
  .map((count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}`, i])));
const value = fc.oneof(
  metrics,
  many,
  fc.constantFrom<unknown>(
    1,
    -1,
    0,
    0.5,
    60_000,
    60_001,
    '',
    'x',
    'x'.repeat(257),
    'x'.repeat(1025),
    true,
    null,
    [],
    {},
    { a: 1 },
    { a: 'b' },
    { arm: 'a' },
    { arm: 'a', propensity: 0.5 },
    { arm: 'a', propensity: 2 },
    2 ** 31,
  ),
  fc.jsonValue({ maxDepth: 1 }),
);
const object = (keys: readonly string[]) =>
  fc.dictionary(fc.constantFrom(...keys, 'other'), value, { maxKeys: 4 });
const body = (keys: readonly string[]) =>
  fc.oneof(object(keys), fc.array(object(keys), { maxLength: 2 }), value);

describe('the checks written by hand say what the schemas say', () => {
  it('of what is asked to decide', async () => {
    const check = checker('DecideRequest');
    await fc.assert(
      fc.asyncProperty(body(['context', 'unit', 'taken', 'deadlineMs']), async (sent) => {
        // Only whether it is waited for differs; nobody is waited for here.
        const { status } = await call(app, 'POST', '/v1/points/checkout-backend/decide', sent);
        expect({ sent, taken: status === 200 }).toEqual({ sent, taken: check(sent) });
      }),
      { numRuns: 500 },
    );
  });

  it('of events: what no schema allows is refused, all else is taken', async () => {
    const check = checker('IngestEvent');
    let id = 0;
    await fc.assert(
      fc.asyncProperty(
        object(['source', 'domain', 'data', 'entity']),
        fc.constantFrom<unknown>(
          'user:a',
          ['user:a', 'item:b'],
          [],
          ':',
          'user:',
          ['user:a', 7],
          'a:b:c',
          null,
        ),
        async (sent, entity) => {
          const event = { id: `o${id++}`, type: 'click', entity, ...sent };
          const { status } = await call(app, 'POST', '/v1/ingest', event);
          expect({ event, taken: status === 202 }).toEqual({ event, taken: check(event) });
        },
      ),
      { numRuns: 500 },
    );
  });

  it('of feedback: what no schema allows is refused as malformed, all else by its decision', async () => {
    const check = checker('FeedbackItem');
    await fc.assert(
      fc.asyncProperty(object(['id', 'metrics', 'reward', 'truth', 'revision']), async (sent) => {
        const { json } = await call(app, 'POST', '/v1/feedback', sent);
        expect({ sent, malformed: json.code === 'invalid_input' }).toEqual({ sent, malformed: !check(sent) });
      }),
      { numRuns: 500 },
    );
  });
});
