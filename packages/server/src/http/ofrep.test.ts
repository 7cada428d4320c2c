import type { PointSpec } from '@ganglion/core';
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { OpenFeature } from '@openfeature/server-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, problem } from '../testing/calls.ts';
import { startNode } from '../testing/node.ts';
import { listen } from '../testing/socket.ts';
import { buildServer } from './server.ts';

/** The unmodified provider of OpenFeature's own, against a real socket. */
const base = { fallback: 'a', policy: { kind: 'fixed', arm: 'b' } } as const;
const POINTS: PointSpec[] = [
  {
    ...base,
    point: 'colour',
    arms: ['a', 'b'],
    context: { region: { type: 'category', values: ['eu', 'us'] }, load: { type: 'number', min: 0 } },
    policy: { kind: 'rules', rules: [{ when: { region: 'eu' }, arm: 'b' }, { arm: 'a' }] },
  },
  {
    ...base,
    point: 'new-checkout',
    arms: ['true', 'false'],
    fallback: 'false',
    policy: { kind: 'fixed', arm: 'true' },
  },
  { ...base, point: 'batch-size', arms: ['16', '64'], fallback: '16', policy: { kind: 'fixed', arm: '64' } },
  {
    ...base,
    point: 'ratio',
    arms: [
      { id: 'low', features: { value: 0.25 } },
      { id: 'high', features: { value: 0.75 } },
    ],
    fallback: 'low',
    policy: { kind: 'fixed', arm: 'high' },
  },
];

let node: Awaited<ReturnType<typeof startNode>>;
let app: Awaited<ReturnType<typeof buildServer>>;
const client = OpenFeature.getClient('ofrep-test');
beforeAll(async () => {
  node = await startNode(POINTS);
  app = await buildServer({ nodes: [node] });
  const { url } = await listen(app);
  await OpenFeature.setProviderAndWait('ofrep-test', new OFREPProvider({ baseUrl: url }));
});
afterAll(async () => {
  await OpenFeature.close();
  await app.close();
  await node.close();
});

describe('the OFREP provider', () => {
  it('gets text, with variant, reason and the decision’s id', async () => {
    const details = await client.getStringDetails('colour', 'default', {
      targetingKey: 'user-1',
      region: 'eu',
    });
    expect(details).toMatchObject({ value: 'b', variant: 'b', reason: 'SPLIT' });
    expect(details.flagMetadata).toMatchObject({ decisionReason: 'policy', specVersion: 1, propensity: 1 });
    expect(await client.getStringValue('colour', 'default', { region: 'us' })).toBe('a');
  });

  it('gets booleans and numbers from arms that stand for them', async () => {
    expect(await client.getBooleanValue('new-checkout', false)).toBe(true);
    expect(await client.getNumberValue('batch-size', 1)).toBe(64);
    expect(await client.getNumberValue('ratio', 1)).toBe(0.75);
  });

  it('leaves out what the point does not declare', async () => {
    expect(
      await client.getStringValue('colour', 'default', { region: 'eu', browser: 'x', nested: { a: 1 } }),
    ).toBe('b');
  });

  it('gets the default for an unknown flag, a wrong type, a wrong context', async () => {
    expect(await client.getStringDetails('nowhere', 'default')).toMatchObject({
      value: 'default',
      errorCode: 'FLAG_NOT_FOUND',
    });
    expect(await client.getBooleanDetails('colour', true)).toMatchObject({
      value: true,
      errorCode: 'TYPE_MISMATCH',
    });
    expect(await client.getStringDetails('colour', 'default', { load: -5 })).toMatchObject({
      value: 'default',
      errorCode: 'INVALID_CONTEXT',
    });
  });

  it('gets the fallback, marked as disabled, while a kill stands', async () => {
    const by = { name: 'tester', authority: 'cloud' };
    await node.kill({ scope: 'point:new-checkout', reason: 'r', by });
    expect(await client.getBooleanDetails('new-checkout', true)).toMatchObject({
      value: false,
      reason: 'DISABLED',
    });
    await node.revive({ scope: 'point:new-checkout', reason: 'r', by });
  });

  it('’s decision takes feedback', async () => {
    const { flagMetadata } = await client.getStringDetails('colour', 'default', {
      targetingKey: 'user-2',
      region: 'eu',
    });
    expect(await call(app, 'POST', '/v1/feedback', { id: flagMetadata.decisionId, reward: 1 })).toMatchObject(
      { status: 202, json: { joined: 1 } },
    );
  });
});

describe('bulk evaluation', () => {
  const URL = '/ofrep/v1/evaluate/flags';
  const context = { targetingKey: 'user-1', region: 'eu' };

  it('answers all flags, and nothing new until somebody changes something', async () => {
    const first = await call(app, 'POST', URL, { context });
    expect(first.json.flags).toMatchObject([
      { key: 'colour', value: 'b' },
      { key: 'new-checkout', value: true },
      { key: 'batch-size', value: 64 },
      { key: 'ratio', value: 0.75 },
    ]);
    const tag = String(first.headers.etag);
    const made = node.nodes()[0].decisions;
    expect(await call(app, 'POST', URL, { context }, { 'if-none-match': tag })).toMatchObject({
      status: 304,
      text: '',
    });
    expect(node.nodes()[0].decisions).toBe(made);
    expect(
      (await call(app, 'POST', URL, { context: { ...context, region: 'us' } }, { 'if-none-match': tag }))
        .status,
    ).toBe(200);
    await node.kill({ scope: 'point:ratio', reason: 'r', by: { name: 'tester', authority: 'cloud' } });
    const after = await call(app, 'POST', URL, { context }, { 'if-none-match': tag });
    expect(after.json.flags[3]).toMatchObject({ key: 'ratio', value: 0.25, reason: 'DISABLED' });
    await node.revive({ scope: 'point:ratio', reason: 'r', by: { name: 'tester', authority: 'cloud' } });
  });

  it('decides at every point each time it is asked without the tag', async () => {
    const made = node.nodes()[0].decisions;
    for (let i = 0; i < 3; i++) await call(app, 'POST', URL, { context });
    expect(node.nodes()[0].decisions).toBe(made + 3 * node.points().length);
  });

  it('has not changed for whoever names its tag weakly, in a list, or any', async () => {
    const tag = String((await call(app, 'POST', URL, { context })).headers.etag);
    const statusFor = async (named: string): Promise<number> =>
      (await call(app, 'POST', URL, { context }, { 'if-none-match': named })).status;
    for (const named of [`W/${tag}`, `"a", W/"b,c" ,${tag}`, `"a,${tag.slice(1)},${tag}`, '*', ' * '])
      expect([named, await statusFor(named)]).toEqual([named, 304]);
    for (const named of ['"other"', 'W/"other", "*"', tag.slice(1, -1), ''])
      expect([named, await statusFor(named)]).toEqual([named, 200]);
  });

  it('fails flag by flag', async () => {
    const { json } = await call(app, 'POST', URL, { context: { load: -1 } });
    expect(json.flags[0]).toMatchObject({ key: 'colour', errorCode: 'INVALID_CONTEXT' });
    expect(json.flags[1]).toMatchObject({ key: 'new-checkout', value: true });
  });
});

describe('what is refused', () => {
  it.each([
    ['malformed JSON', '{', 'PARSE_ERROR', 400],
    ['a context that is text', { context: 'x' }, 'INVALID_CONTEXT', 400],
    ['a targeting key that is a number', { context: { targetingKey: 7 } }, 'INVALID_CONTEXT', 400],
    ['a prototype', '{"context":{"__proto__":{"a":1}}}', 'PARSE_ERROR', 400],
  ])('%s is a problem document in the protocol’s own words', async (_what, body, errorCode, status) => {
    const answer = await call(app, 'POST', '/ofrep/v1/evaluate/flags/colour', body);
    expect(problem(answer).status).toBe(status);
    expect(answer.json).toMatchObject({ key: 'colour', errorCode });
    expect(answer.json.errorDetails).toBeTruthy();
  });
});
