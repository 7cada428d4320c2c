import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OpenFeature, ProviderEvents } from '@openfeature/server-sdk';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createClient } from './client.ts';
import { ganglionProvider } from './openfeature.ts';
import { daemonHealth } from './provider-health.ts';

/** A daemon that is up or down as a test wants. */
let server: Server;
let port: number;
let up: boolean;
/** What answers in its place. */
let instead: ((response: ServerResponse) => void) | undefined;
const spec = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'fixed', arm: 'b' } };

beforeEach(async () => {
  up = true;
  instead = undefined;
  server = createServer((request, response) => {
    if (instead !== undefined) return instead(response);
    if (!up) return answer(response, 503, { code: 'overloaded', status: 503, detail: 'starting' });
    if (request.url === '/v1/points') return answer(response, 200, [{ spec, version: 1 }]);
    if (!request.url?.endsWith('/decide')) return answer(response, 200, { spec, version: 1 });
    const decided = { id: 'i', arm: 'b', reason: 'policy', propensity: 1, stratum: 'x' };
    return answer(response, 200, { ...decided, versions: { spec: 1 }, trail: [] });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(async () => {
  await OpenFeature.close();
  server.closeAllConnections();
  server.close();
});

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const provider = (recheckMs?: number) =>
  ganglionProvider(createClient({ url: `http://127.0.0.1:${port}`, retries: 0 }), { recheckMs });
const flags = OpenFeature.getClient();
const told = (event: ProviderEvents.Ready | ProviderEvents.Error) =>
  new Promise<void>((resolve) => flags.addHandler(event, () => resolve()));

it('is ready once the daemon has answered', async () => {
  await OpenFeature.setProviderAndWait(provider());
  expect(flags.providerStatus).toBe('READY');
});

it('is in error while the daemon is not there, serves defaults, and is ready as soon as a call succeeds', async () => {
  up = false;
  await expect(OpenFeature.setProviderAndWait(provider(3_600_000))).rejects.toMatchObject({
    code: 'PROVIDER_NOT_READY',
    message: expect.stringContaining('starting'),
    cause: expect.objectContaining({ code: 'overloaded' }),
  });
  expect(flags.providerStatus).toBe('ERROR');
  expect(await flags.getStringDetails('p', 'default')).toMatchObject({
    value: 'default',
    errorCode: 'GENERAL',
  });
  up = true;
  expect(await flags.getStringValue('p', 'default')).toBe('b');
  expect(flags.providerStatus).toBe('READY');
});

it('becomes ready again though nobody evaluates', async () => {
  up = false;
  await OpenFeature.setProviderAndWait(provider(5)).catch(() => {});
  const ready = told(ProviderEvents.Ready);
  up = true;
  await ready;
  expect(flags.providerStatus).toBe('READY');
});

it('falls into error when a daemon goes away, and says so once', async () => {
  await OpenFeature.setProviderAndWait(provider(3_600_000));
  await flags.getStringValue('p', 'default');
  await flags.getStringValue('q', 'default');
  let errors = 0;
  flags.addHandler(ProviderEvents.Error, () => errors++);
  up = false;
  expect(await flags.getStringValue('p', 'default')).toBe('default');
  expect(await flags.getStringValue('q', 'default')).toBe('default');
  expect(flags.providerStatus).toBe('ERROR');
  expect(errors).toBe(1);
});

it('falls into error where something else answers in the daemon’s place, and stays so until the daemon does', async () => {
  await OpenFeature.setProviderAndWait(provider(3_600_000));
  await flags.getStringValue('p', 'default');
  for (const [status, body] of [
    [502, '<html>Bad Gateway</html>'],
    [403, 'no'],
    [200, '<html>Soon back</html>'],
  ] as const) {
    instead = (response) => response.writeHead(status).end(body);
    expect(await flags.getStringValue('p', 'default')).toBe('default');
    expect(flags.providerStatus).toBe('ERROR');
    expect(await flags.getStringValue('p', 'default')).toBe('default');
    expect(flags.providerStatus).toBe('ERROR');
    instead = undefined;
    expect(await flags.getStringValue('p', 'default')).toBe('b');
    expect(flags.providerStatus).toBe('READY');
  }
});

it('learns nothing from a call that was refused before it was sent', async () => {
  const health = daemonHealth(async () => {}, 3_600_000);
  const told: string[] = [];
  for (const event of [ProviderEvents.Ready, ProviderEvents.Error])
    health.events.addHandler(event, () => void told.push(event));
  const client = createClient({ url: `http://127.0.0.1:${port}`, retries: 0 });
  up = false;
  await health.heard(client.decide('p')).catch(() => {});
  await health.heard(client.decide('p', { context: { load: Number.NaN } })).catch(() => {});
  await vi.waitFor(() => expect(told).toEqual([ProviderEvents.Error]));
  health.close();
});

it('stays ready where a flag is asked for that is none', async () => {
  await OpenFeature.setProviderAndWait(provider());
  await flags.getStringValue('p', 'default', { targetingKey: 'u' });
  expect(await flags.getBooleanDetails('p', true)).toMatchObject({ errorCode: 'TYPE_MISMATCH' });
  expect(flags.providerStatus).toBe('READY');
});
