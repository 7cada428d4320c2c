import { GanglionError, type NodeEvent } from '@ganglion/core';
import { createClient } from '@ganglion/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningDaemon, startDaemon } from '../daemon/daemon.ts';

/** The SDK's client before the real daemon, with tokens as in production. */
const TOKEN = 'an-operators-token-for-this-test';
let daemon: RunningDaemon;

beforeAll(async () => {
  daemon = await startDaemon(['node', '--tier', 'cloud', '--name', 'hq', '--memory'], {
    env: { GANGLION_TOKEN: TOKEN },
  });
}, 60_000);
afterAll(async () => {
  await daemon?.stop();
});

describe('the client', () => {
  test('declares, decides, teaches, stops and reports', async () => {
    const client = createClient({ url: daemon.url, token: TOKEN });
    await client.points.apply({
      point: 'greeting',
      arms: ['plain', 'warm'],
      fallback: 'plain',
      policy: { kind: 'thompson' },
    });
    const events: NodeEvent['kind'][] = [];
    const leaving = new AbortController();
    const listening = (async () => {
      for await (const event of client.events({ kinds: ['controls', 'audit'], signal: leaving.signal }))
        events.push(event.kind);
    })().catch(() => {});
    const decisions = await client.decideMany('greeting', Array(300).fill({}));
    const taken = await client.feedback(
      decisions.map(({ id, arm }) => ({ id, reward: arm === 'warm' ? 1 : 0 })),
    );
    expect(taken).toMatchObject({ accepted: 300, joined: 300, rejected: [] });
    expect(
      await client.feedback({ id: decisions[0].id, reward: decisions[0].arm === 'warm' ? 1 : 0 }),
    ).toMatchObject({
      duplicates: 1,
    });
    const { report } = await client.report('greeting');
    expect(report).toMatchObject({ outcomes: 300, decisions: 300 });
    const { tag } = await client.kill('point:greeting', 'drill');
    expect(await client.decide('greeting')).toMatchObject({ arm: 'plain', reason: 'killed' });
    expect((await client.controls()).kills.map((kill) => kill.tag)).toEqual([tag]);
    expect((await client.revive('point:greeting', 'over')).tags).toEqual([tag]);
    expect((await client.audit()).map(({ action, by }) => [action, by])).toEqual([
      ['revive', 'operator'],
      ['kill', 'operator'],
      ['point.apply', 'operator'],
    ]);
    leaving.abort();
    await listening;
    expect(events).toContain('controls');
  });

  test('rejects with the code of what was refused, whoever refused it', async () => {
    const client = createClient({ url: daemon.url, token: TOKEN });
    const code = async (call: Promise<unknown>): Promise<string> =>
      call.then(
        () => 'resolved',
        (error: unknown) => (error instanceof GanglionError ? error.code : String(error)),
      );
    expect(await code(client.decide('nowhere'))).toBe('unknown_point');
    expect(await code(client.feedback({ id: 'hq~x~y~1', reward: 1 }))).toBe('unknown_decision');
    expect(await code(client.kill('nonsense', 'r'))).toBe('invalid_input');
    expect(await code(createClient({ url: daemon.url }).nodes())).toBe('unauthorized');
    expect(await code(createClient({ url: 'http://127.0.0.1:1', retries: 0 }).nodes())).toBe('closed');
  });
});
