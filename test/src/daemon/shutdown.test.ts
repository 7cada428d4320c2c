import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { MAIN, type RunningDaemon, startDaemon } from './daemon.ts';

/** SIGTERM to the real daemon, as a supervisor sends it, in the middle of its work. */
const folder = mkdtempSync(join(tmpdir(), 'ganglion-shutdown-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ARGS = ['node', '--tier', 'cloud', '--name', 'stopped', '--data', folder] as const;
const POINT = {
  point: 'stop',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'thompson', reward: 'bernoulli' },
  objective: { success: 1, range: [0, 1] },
  attribution: { window: '1h' },
};

interface Tally {
  acknowledged: number;
  /** Feedback whose answer never came: it may be there or not. */
  inDoubt: number;
  statuses: Set<number>;
}

/** Decides and reports until nobody answers, over connections that are kept. */
async function load(daemon: RunningDaemon, tally: Tally): Promise<void> {
  for (;;) {
    const decided = await daemon
      .call('POST', '/v1/points/stop/decide', new Array(8).fill({}))
      .catch(() => undefined);
    if (decided === undefined) return;
    tally.statuses.add(decided.status);
    if (decided.status !== 200) return;
    const items = (decided.body as { id: string }[]).map(({ id }) => ({ id, reward: 1 }));
    const told = await daemon.call('POST', '/v1/feedback', items).catch(() => undefined);
    if (told === undefined) {
      tally.inDoubt += items.length;
      return;
    }
    tally.statuses.add(told.status);
    if (told.status !== 202) return;
    tally.acknowledged += items.length;
  }
}

test('SIGTERM under load: exit 0, answers whole or none, and what was acknowledged is there afterwards', async () => {
  const first = await startDaemon(ARGS);
  await first.call('PUT', '/v1/points/stop', POINT);
  const tally: Tally = { acknowledged: 0, inDoubt: 0, statuses: new Set() };
  const loads = [1, 2, 3, 4].map(() => load(first, tally));
  while (tally.acknowledged < 100) await setTimeout(5);
  const ended = once(first.child, 'exit');
  first.child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  await Promise.all(loads);
  // Served, or refused as closing: never a failure inside.
  for (const status of tally.statuses) expect([200, 202, 503]).toContain(status);
  expect(first.errors()).not.toContain('"level":"error"');

  const second = await startDaemon(ARGS);
  const { body } = await second.call('GET', '/v1/points/stop/report');
  const { ownOutcomes } = (body as { report: { pooled: { ownOutcomes: number } } }).report.pooled;
  expect(ownOutcomes).toBeGreaterThanOrEqual(tally.acknowledged);
  expect(ownOutcomes).toBeLessThanOrEqual(tally.acknowledged + tally.inDoubt);
  expect(await second.stop()).toBe(0);
}, 120_000);

test('a second SIGTERM ends it at once, although a request has not been sent whole', async () => {
  const daemon = await startDaemon(['node', '--tier', 'cloud', '--name', 'hasty', '--memory']);
  const { port } = new URL(daemon.url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(
    'POST /v1/feedback HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n[',
  );
  await daemon.call('GET', '/healthz');
  const ended = once(daemon.child, 'exit');
  daemon.child.kill('SIGTERM');
  // It has begun to stop once it takes no more connections.
  while (
    await daemon.call('GET', '/healthz').then(
      () => true,
      () => false,
    )
  )
    await setTimeout(5);
  expect(daemon.child.exitCode).toBeNull();
  daemon.child.kill('SIGTERM');
  expect(await ended).toEqual([143, null]);
  socket.destroy();
}, 120_000);

/** The lines on standard error between SIGINT and the end of a daemon that no terminal watches, and its exit code. */
async function saidAtStop(
  args: readonly string[],
  before?: (url: string) => Promise<void>,
): Promise<{ readonly code: unknown; readonly lines: readonly unknown[] }> {
  const child = spawn(process.execPath, ['--conditions=source', MAIN, ...args, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  });
  let said = '';
  const ended = once(child, 'close');
  const [up] = (await once(child.stdout, 'data')) as [Buffer];
  await before?.(/http:[^ ,;"]+/.exec(up.toString())![0]);
  child.stderr.on('data', (data: Buffer) => {
    said += data.toString();
  });
  child.kill('SIGINT');
  const [code] = await ended;
  const lines = said.split('\n').filter((line) => line !== '');
  return { code, lines: lines.map((line): unknown => JSON.parse(line)) };
}

test('a stop is a line of the log at once, where no terminal watches: that it stops, and where the state is', async () => {
  const data = join(folder, 'told');
  const args = ['node', '--tier', 'cloud', '--name', 'told'];
  const line = (msg: string, kept: string | null) => ({
    code: 0,
    lines: [{ level: 40, name: 'ganglion', data: kept, msg: expect.stringMatching(msg) }],
  });
  expect(await saidAtStop([...args, '--data', data])).toMatchObject(line(`^stopping: .*${data}`, data));
  expect(await saidAtStop([...args, '--memory'])).toMatchObject(line('^stopping: .*in memory', null));
  expect(await saidAtStop([...args, '--memory', '--json'])).toEqual({ code: 0, lines: [] });
}, 120_000);

test('what a daemon ends with is a line of the log as well', async () => {
  const data = join(folder, 'gone');
  const { code, lines } = await saidAtStop(
    ['node', '--tier', 'cloud', '--name', 'gone', '--data', data],
    async (url) => {
      rmSync(join(data, 'gone.db'));
      const { status } = await fetch(`${url}/v1/points/stop`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(POINT),
      });
      expect(status).toBe(503);
    },
  );
  expect(code).toBe(1);
  expect(lines.at(-1)).toMatchObject({
    level: 50,
    code: 'storage_failed',
    mend: expect.any(String),
    msg: expect.stringContaining('gone.db'),
  });
}, 120_000);

test('where nobody reads what it says any more, it stops as cleanly', async () => {
  const args = ['node', '--tier', 'cloud', '--name', 'unheard', '--memory', '--port', '0'];
  const child = spawn(process.execPath, ['--conditions=source', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  child.stderr.destroy();
  await once(child.stderr, 'close');
  child.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
}, 120_000);
