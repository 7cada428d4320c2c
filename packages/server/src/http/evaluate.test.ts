import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { HostedNode } from '@ganglion/core';
import { createClient } from '@ganglion/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Daemon, startDaemon } from '../host/daemon.ts';
import { createLogger } from '../log.ts';
import { call, problem } from '../testing/calls.ts';
import { startNode } from '../testing/node.ts';
import { tokenGrant } from './auth.ts';
import { buildServer } from './server.ts';

const SPEC = {
  point: 'page',
  arms: ['red', 'blue'],
  fallback: 'red',
  context: { device: { type: 'category', values: ['phone', 'web'] } },
  policy: { kind: 'split' },
} as const;

const data = mkdtempSync(path.join(tmpdir(), 'ganglion-own-log-'));
let node: HostedNode;
let daemon: Daemon;
const as = (token: string) => createClient({ url: daemon.url, token, timeoutMs: 120_000 });
const evaluations = () => readdirSync(tmpdir()).filter((name) => name.startsWith('ganglion-evaluate-'));

describe('evaluating on a daemon’s own log', () => {
  beforeAll(async () => {
    // Blue earns on phones and red on the web, always: what any candidate would have brought is known exactly.
    node = await startNode([SPEC], data);
    const ids = Array.from({ length: 800 }, (_, i) => {
      const device = i % 2 === 0 ? 'phone' : 'web';
      const { id, arm } = node.decide('page', { context: { device } });
      return { id, reward: (arm === 'blue') === (device === 'phone') ? 1 : 0 };
    });
    await node.feedback(ids);
    const auth = {
      tokens: [
        tokenGrant('viewer-token', 'viewer', 'vera'),
        tokenGrant('operator-token', 'operator', 'otto'),
        tokenGrant('device-token', 'node', 'till'),
      ],
    };
    const logger = createLogger('silent');
    daemon = await startDaemon({ nodes: [node], host: '127.0.0.1', port: 0, logger, auth, data });
  }, 60_000);
  afterAll(async () => {
    await daemon.close();
    await node.close();
    rmSync(data, { recursive: true, force: true });
  }, 60_000);

  it('says what a candidate would have brought, beside the log’s own value', async () => {
    const rules =
      'policy:\n  kind: rules\n  rules: [{ when: { device: phone }, arm: blue }, { arm: red }]\ncontext: { device: { type: category, values: [phone, web] } }\n';
    const answer = await as('viewer-token').evaluate('page', { candidate: rules, name: 'by hand' });
    expect(answer).toMatchObject({ point: 'page', nodes: ['cloud'], log: { rows: 800, arms: 2, older: 0 } });
    const [{ candidate, refused, estimates, logged, weights }] = answer.candidates;
    expect([candidate, refused]).toEqual(['by hand', []]);
    // Uniform over two arms earns half on average; the right arm every time earns 1.
    expect(logged?.value).toBeGreaterThan(0.4);
    expect(logged?.value).toBeLessThan(0.6);
    expect(estimates.find(({ estimator }) => estimator === 'snips')?.value).toBeCloseTo(1, 9);
    expect(weights).toEqual({
      zero: expect.any(Number),
      bins: [{ from: 2, to: 4, rows: expect.any(Number) }],
    });
    expect(weights.zero + weights.bins[0].rows).toBe(800);
    expect(evaluations()).toEqual([]);
  }, 120_000);

  it('is in the audit, with who asked', async () => {
    const [entry] = await as('viewer-token').audit(1);
    expect(entry).toMatchObject({
      by: 'vera',
      action: 'evaluate',
      target: 'page',
      reason: 'by hand on 800 decisions',
    });
  });

  it('answers a refusal with its reason, and no estimate; of the newest decisions alone where asked', async () => {
    const [{ refused, estimates }] = (
      await as('operator-token').evaluate('page', {
        candidate: { policy: { kind: 'fixed', arm: 'red' } },
        rows: 100,
      })
    ).candidates;
    expect(refused.map(({ reason }) => reason)).toEqual(['thin']);
    expect(estimates).toEqual([]);
  }, 120_000);

  it('refuses what is no candidate, who may not read, and what it does not know', async () => {
    const viewer = as('viewer-token');
    const code = (candidate: object | string, point = 'page') =>
      viewer.evaluate(point, { candidate }).then(
        () => 'answered',
        (error: { code: string; field?: string }) => [error.code, error.field],
      );
    expect(await code('policy: [')).toEqual(['invalid_input', 'candidate']);
    expect(await code('just words')).toEqual(['invalid_spec', 'candidate']);
    expect(await code({ policy: { kind: 'no-such' } })).toEqual(['unknown_kind', 'policy.kind']);
    expect(await code({ policy: { kind: 'split' } }, 'nowhere')).toEqual(['unknown_point', 'point']);
    await expect(
      as('device-token').evaluate('page', { candidate: { policy: { kind: 'split' } } }),
    ).rejects.toMatchObject({ code: 'forbidden' });
    await expect(
      viewer.evaluate('page', { candidate: { policy: { kind: 'split' } }, rows: 5 }),
    ).rejects.toMatchObject({ code: 'invalid_input', field: 'rows' });
  }, 120_000);

  it('runs one at a time; who hangs up ends his own, and nothing is left of it', async () => {
    const wire = createClient({ url: daemon.url, token: 'viewer-token', timeoutMs: 120_000, retries: 0 });
    const hangUp = new AbortController();
    const asked = { candidate: { policy: { kind: 'thompson' } }, resamples: 10_000 };
    const first = wire.evaluate('page', asked, hangUp.signal).catch((error: unknown) => error);
    while (evaluations().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(wire.evaluate('page', asked)).rejects.toMatchObject({ code: 'overloaded' });
    hangUp.abort();
    await first;
    while (evaluations().length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    // The place is free again.
    const free = { candidate: { policy: { kind: 'fixed', arm: 'red' } } };
    while ((await wire.evaluate('page', free).catch(() => undefined)) === undefined)
      await new Promise((resolve) => setTimeout(resolve, 20));
  }, 120_000);
});

it('a daemon in memory says that it has no log', async () => {
  const memory = await startNode([SPEC]);
  const app = await buildServer({ nodes: [memory] });
  const refused = await call(app, 'POST', '/v1/points/page/evaluate', {
    candidate: { policy: { kind: 'split' } },
  });
  expect(problem(refused)).toMatchObject({ status: 501, code: 'unsupported', field: '--data' });
  await app.close();
  await memory.close();
});
