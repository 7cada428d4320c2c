import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { ganglion, type RunningDaemon, startDaemon } from './daemon.ts';

/** A daemon that ends while it trains: the program ends with it, and whoever looks later is told. */
const folder = mkdtempSync(join(tmpdir(), 'ganglion-training-stop-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

const DAY_MS = 86_400_000;

const POINT = {
  point: 'offer',
  arms: ['red', 'blue'],
  fallback: 'red',
  policy: { kind: 'split' },
  attribution: { window: '1s' },
};

/** Says who it is and whom it has started, and then never ends; that one does not listen to SIGTERM. */
const TRAIN = `
import { spawn } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
const deaf = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);";
const child = spawn(process.execPath, ['-e', deaf], { stdio: 'ignore' });
process.on('SIGTERM', () => {
  writeFileSync('asked', '');
  if (process.argv[2] !== 'deaf') process.exit(0);
});
child.on('spawn', () => {
  writeFileSync('pids.part', process.pid + ' ' + child.pid);
  renameSync('pids.part', 'pids');
});
setInterval(() => {}, 1000);
`;

/** Whether a process is there: one that has ended and is nobody's to reap is not. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function start(how: string): Promise<RunningDaemon> {
  const command = [process.execPath, at('train.mjs'), how];
  const model = { point: 'offer', cadence: 'weekly', train: { command, timeout: '2m' } };
  writeFileSync(at('train.mjs'), TRAIN);
  writeFileSync(at('plan.json'), JSON.stringify({ window: '24h', models: { offer: model } }));
  return startDaemon([
    ...['node', '--tier', 'cloud', '--name', 'hq', '--data', at('data'), '--training', at('plan.json')],
  ]);
}

/** Asks for a run and waits until its program says that it runs. */
async function train(daemon: RunningDaemon): Promise<number[]> {
  for (const name of ['pids', 'asked']) rmSync(at(name), { force: true });
  const asked = await daemon.call('POST', '/v1/models/offer/retrain', { reason: 'new prices' });
  expect(asked).toMatchObject({ status: 202, body: { running: true } });
  await vi.waitFor(() => expect(existsSync(at('pids'))).toBe(true), { timeout: 60_000, interval: 50 });
  const pids = readFileSync(at('pids'), 'utf8').split(' ').map(Number);
  expect(pids.map(runs)).toEqual([true, true]);
  return pids;
}

const gone = (pids: readonly number[]): Promise<void> =>
  vi.waitFor(() => expect(pids.map(runs)).toEqual([false, false]), { timeout: 20_000, interval: 50 });

const last = async (daemon: RunningDaemon) =>
  (
    (await daemon.call('GET', '/v1/training')).body as { last: object | null; next: { startMs: number } }[]
  )[0];

describe.skipIf(process.platform !== 'linux')('a daemon that is stopped while a model is trained', () => {
  test('ends the program with all that it started, and knows of it when it is back', async () => {
    // A run begins at once only where it fits what is left of its window, the day.
    const left = DAY_MS - (Date.now() % DAY_MS);
    if (left < 240_000) await new Promise((resolve) => setTimeout(resolve, left));
    let daemon = await start('listens');
    const env = (): { env: Record<string, string> } => ({ env: { GANGLION_URL: daemon.url } });
    try {
      expect((await daemon.call('PUT', '/v1/points/offer', POINT)).status).toBe(201);
      const ids = (await daemon.call(
        'POST',
        '/v1/points/offer/decide',
        Array.from({ length: 50 }, () => ({})),
      )) as unknown as { body: { id: string }[] };
      const items = ids.body.map(({ id }) => ({ id, reward: 1 }));
      expect((await daemon.call('POST', '/v1/feedback', items)).status).toBe(202);
      await new Promise((resolve) => setTimeout(resolve, 1500));

      const pids = await train(daemon);
      expect(await daemon.stop()).toBe(0);
      await gone(pids);
      expect(existsSync(at('asked'))).toBe(true);

      daemon = await start('deaf');
      const back = await last(daemon);
      expect(back.last).toMatchObject({ outcome: 'interrupted', why: 'the daemon stopped while it ran' });
      expect(back.next.startMs).toBeGreaterThan(Date.now());
      expect(daemon.errors()).toMatch(/training was interrupted; it runs again/);
      expect((await ganglion(['model', 'schedule'], env())).out).toMatch(/interrupted: the daemon stopped/);
      const audit = (await ganglion(['audit'], env())).out;
      expect(audit).toMatch(
        /model\.train\.interrupted +offer .*the daemon stopped while it ran \(.*new prices\)/,
      );

      // Who is told twice ends at once, and takes with it what does not listen.
      const deaf = await train(daemon);
      daemon.child.kill('SIGTERM');
      await vi.waitFor(() => expect(existsSync(at('asked'))).toBe(true), { timeout: 20_000, interval: 20 });
      daemon.child.kill('SIGTERM');
      await new Promise((resolve) => daemon.child.once('exit', resolve));
      await gone(deaf);

      // And who is killed without a word leaves nobody behind that would have to be found by hand.
      daemon = await start('deaf');
      const orphans = await train(daemon);
      await daemon.kill();
      await gone(orphans);
      expect(existsSync(at('asked'))).toBe(true);

      daemon = await start('deaf');
      await vi.waitFor(
        async () => expect((await last(daemon)).last).toMatchObject({ outcome: 'interrupted' }),
        { timeout: 20_000, interval: 50 },
      );
      const runsOf = (await ganglion(['audit', '--json'], env())).out.match(/model\.train\.interrupted/g);
      expect(runsOf).toHaveLength(3);
    } finally {
      await daemon.kill();
    }
  }, 480_000);
});
