import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ControlsStatus, Decision, IntakeAnswer, NodeStatus, ReportAnswer } from '@ganglion/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningDaemon, startDaemon } from '../daemon/daemon.ts';
import { pause, until } from './wait.ts';

/** Two processes, a cloud and a device, over a real network link; in order: each test stands on the one before. */
const POINT = {
  point: 'bitrate',
  arms: ['low', 'high'],
  fallback: 'low',
  policy: { kind: 'thompson' },
  oversight: { lease: '3s', onExpiry: 'fallback' },
  attribution: { window: '5m' },
};

const folder = mkdtempSync(join(tmpdir(), 'ganglion-tree-'));
let cloud: RunningDaemon;
let device: RunningDaemon;
let port: number;

/** The parent has to come back where the device looks for it. */
async function freePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve) =>
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address() as { port: number };
      probe.close(() => resolve(address.port));
    }),
  );
}

const startCloud = (): Promise<RunningDaemon> =>
  startDaemon(['node', '--tier', 'cloud', '--name', 'hq', '--data', folder, '--port', String(port)]);

beforeAll(async () => {
  port = await freePort();
  cloud = await startCloud();
  device = await startDaemon([
    'node',
    '--tier',
    'device',
    '--name',
    'phone',
    '--memory',
    '--parent',
    cloud.url,
  ]);
}, 60_000);

afterAll(async () => {
  await device?.stop();
  await cloud?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function decide(at: RunningDaemon): Promise<Decision> {
  const { body } = await at.call('POST', '/v1/points/bitrate/decide', {});
  return body as Decision;
}

async function reportOf(at: RunningDaemon): Promise<ReportAnswer['report']> {
  return ((await at.call('GET', '/v1/points/bitrate/report')).body as ReportAnswer).report;
}

const learns = () =>
  until(
    () => decide(device),
    ({ reason }) => reason === 'policy',
    'the device learns',
    30_000,
  );

describe('a cloud and a device, each its own process', () => {
  test('a point declared at the cloud comes down, and is decided on the device', async () => {
    expect((await cloud.call('PUT', '/v1/points/bitrate', POINT)).status).toBe(201);
    await until(
      () => device.call('GET', '/v1/points/bitrate'),
      ({ status }) => status === 200,
      'the point',
    );
    const decision = await learns();
    expect(decision).toMatchObject({ tier: 'device', id: expect.stringMatching(/^phone~/) });
  });

  test('feedback sent to the cloud finds its way to the decision', async () => {
    const before = (await reportOf(device)).outcomes;
    const { id } = await decide(device);
    const { status, body } = await cloud.call('POST', '/v1/feedback', { id, reward: 1 });
    expect({ status, routed: (body as IntakeAnswer).routed }).toEqual({ status: 202, routed: 1 });
    await until(
      () => reportOf(device),
      ({ outcomes }) => outcomes === before + 1,
      'the outcome',
    );
  });

  test('what the device learns reaches the cloud', async () => {
    for (let i = 0; i < 5; i++) {
      const decisions = (await device.call('POST', '/v1/points/bitrate/decide', Array(40).fill({})))
        .body as Decision[];
      const items = decisions.map(({ id, arm }) => ({ id, reward: arm === 'high' ? 1 : 0 }));
      expect((await device.call('POST', '/v1/feedback', items)).status).toBe(202);
    }
    const { body } = await cloud.call('GET', '/v1/points/bitrate/report?node=hq');
    expect(body).toBeDefined();
    await until(
      () => reportOf(cloud),
      ({ outcomes }) => outcomes >= 200,
      'outcomes at the cloud',
    );
    // The cloud's own decisions draw from what the device saw.
    await until(
      () => reportOf(cloud),
      ({ arms }) => (arms.find(({ arm }) => arm === 'high')?.allocation ?? 0) > 0.95,
      'the better arm at the cloud',
    );
  });

  test('a kill at the cloud stops the device, which acknowledges it; a revive lets it go on', async () => {
    await cloud.call('POST', '/v1/kill', { scope: 'point:bitrate', reason: 'drill' });
    await until(
      () => decide(device),
      ({ reason, arm }) => reason === 'killed' && arm === 'low',
      'killed',
    );
    await until(
      async () =>
        ((await cloud.call('GET', '/v1/controls')).body as ControlsStatus).kills[0].acknowledgements,
      (acks) =>
        acks.length === 2 && acks.every(({ state, afterMs }) => state === 'acknowledged' && afterMs !== null),
      'acknowledged by both',
    );
    await cloud.call('POST', '/v1/revive', { scope: 'point:bitrate', reason: 'drill over' });
    await learns();
  });

  test('cut off from the cloud, the device goes on for its lease, then serves the fallback', async () => {
    await cloud.kill();
    expect((await decide(device)).reason).toBe('policy');
    const { arm, trail } = await until(
      () => decide(device),
      ({ reason }) => reason === 'lease_expired',
      'the lease runs out',
    );
    expect(arm).toBe('low');
    expect(trail).toContainEqual(expect.objectContaining({ guard: 'lease' }));
    const [status] = (await device.call('GET', '/v1/nodes')).body as NodeStatus[];
    expect(status.lease.state).toBe('expired');
    // It stays so, however long nobody answers.
    await pause(1000);
    expect((await decide(device)).reason).toBe('lease_expired');
  });

  test('and learns again, from what it had learned, once the cloud is back', async () => {
    const before = (await reportOf(device)).pooled.ownOutcomes;
    cloud = await startCloud();
    await learns();
    expect((await reportOf(device)).pooled.ownOutcomes).toBe(before);
    expect(await reportOf(cloud)).toMatchObject({ mode: 'learning' });
  });
});
