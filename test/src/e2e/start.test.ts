import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReportAnswer } from '@ganglion/sdk';
import { afterAll, describe, expect, test } from 'vitest';
import { ganglion, type RunningDaemon, startDaemon } from '../daemon/daemon.ts';
import { ROOT } from '../tidy/house.ts';
import { until } from './wait.ts';

/** The newcomer's first command, as processes: it starts, stops cleanly, and remembers. */
const folder = mkdtempSync(join(tmpdir(), 'ganglion-start-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SLOW = 90_000;

async function reportOf(daemon: RunningDaemon, point: string): Promise<ReportAnswer['report']> {
  return ((await daemon.call('GET', `/v1/points/${point}/report`)).body as ReportAnswer).report;
}

/** Processes of a group that still run, zombies left out; of Linux' /proc. */
function groupMembers(group: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return Number(pgrp) === group && state !== 'Z';
      } catch {
        return false;
      }
    })
    .map(Number);
}

describe('npm start', () => {
  test.skipIf(process.platform !== 'linux')(
    'sends real traffic, and Ctrl-C ends it and every process it started, with exit code 0',
    async () => {
      const daemon = await startDaemon(['up', '--demo', '--memory', '--rate', '40'], { group: true });
      const group = daemon.child.pid!;
      // Three backends, two clients, and itself.
      await until(
        () => groupMembers(group).length,
        (n) => n === 6,
        'six processes',
      );
      await until(
        () => reportOf(daemon, 'backend'),
        ({ outcomes }) => outcomes > 50,
        'outcomes',
      );
      expect(await daemon.stop()).toBe(0);
      expect(groupMembers(group)).toEqual([]);
      expect(daemon.errors()).toBe('');
    },
    SLOW,
  );

  test.skipIf(process.platform !== 'linux').each(['Ctrl-C', 'a SIGTERM to npm alone'])(
    'run by npm: %s leaves nothing behind',
    async (by) => {
      const daemon = await startDaemon(['--memory', '--rate', '20'], {
        group: true,
        command: ['npm', '--prefix', ROOT, 'start', '--silent', '--'],
      });
      const group = daemon.child.pid!;
      await until(
        () => groupMembers(group).length,
        (n) => n >= 6,
        'its processes',
      );
      if (by === 'Ctrl-C') await daemon.stop();
      else daemon.child.kill('SIGTERM');
      await until(
        () => groupMembers(group),
        (left) => left.length === 0,
        'nothing left',
      );
    },
    SLOW,
  );

  test.skipIf(process.platform !== 'linux')(
    'killed outright, its processes end by themselves',
    async () => {
      const daemon = await startDaemon(['up', '--demo', '--memory', '--rate', '20'], { group: true });
      const group = daemon.child.pid!;
      await until(
        () => groupMembers(group).length,
        (n) => n === 6,
        'six processes',
      );
      await daemon.kill();
      await until(
        () => groupMembers(group),
        (left) => left.length === 0,
        'nothing left',
      );
    },
    SLOW,
  );

  test(
    'remembers over a restart: what was learned, what was killed, who did it',
    async () => {
      const args = ['up', '--demo', '--data', join(folder, 'kept'), '--rate', '40'];
      const first = await startDaemon(args);
      await until(
        () => reportOf(first, 'backend'),
        ({ outcomes }) => outcomes > 100,
        'outcomes',
      );
      await first.call('POST', '/v1/kill', { scope: 'point:backend', reason: 'before the restart' });
      const devices = ['device-1', 'device-2'];
      const learnedBy = async (daemon: RunningDaemon, device: string): Promise<number> =>
        ((await daemon.call('GET', `/v1/points/backend/report?node=${device}`)).body as ReportAnswer).report
          .pooled.ownOutcomes;
      await until(
        () => reportOf(first, 'backend'),
        ({ mode }) => mode === 'killed',
        'killed',
      );
      // After a kill nothing trains, once what was in flight has come back.
      await until(
        () => reportOf(first, 'backend'),
        ({ pending }) => pending < 10,
        'settled',
      );
      const before = await Promise.all(devices.map((device) => learnedBy(first, device)));
      expect(await first.stop()).toBe(0);

      const second = await startDaemon(args);
      const report = await reportOf(second, 'backend');
      expect(report.mode).toBe('killed');
      const after = await Promise.all(devices.map((device) => learnedBy(second, device)));
      for (const [i, n] of after.entries()) expect(n).toBeGreaterThanOrEqual(before[i]);
      expect(before[0]).toBeGreaterThan(20);
      const { body } = await second.call('GET', '/v1/audit');
      expect(body).toContainEqual(expect.objectContaining({ action: 'kill', reason: 'before the restart' }));
      await second.call('POST', '/v1/revive', { scope: 'point:backend', reason: 'after it' });
      await until(
        () => reportOf(second, 'backend'),
        ({ mode }) => mode === 'learning',
        'learning',
      );
      expect(await second.stop()).toBe(0);
    },
    SLOW,
  );
});

describe('the port', () => {
  test('0 takes any free one, and what listens is told', async () => {
    const daemon = await startDaemon(['up', '--memory', '--port', '0']);
    expect(daemon.url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d+$/);
    expect(daemon.listening).toMatchObject({ nodes: ['cloud', 'region', 'device-1', 'device-2'] });
    expect(await daemon.stop()).toBe(0);
  });

  test.each([[['up', '--memory']], [['up', '--demo', '--memory']], [['node', '--memory']]])(
    'that is busy is named, with what to do, and the exit code is 1: %j',
    async (args) => {
      const taken = createServer();
      const port = await new Promise<number>((resolve) =>
        taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port)),
      );
      try {
        const { code, out, err } = await ganglion([...args, '--port', String(port)]);
        expect({ code, out }).toEqual({ code: 1, out: '' });
        expect(err).toContain(`port ${port} on 127.0.0.1 is in use`);
        expect(err).toContain('--port 0');
        expect(err).not.toMatch(/\n\s+at /);
      } finally {
        taken.close();
      }
    },
  );

  test('of a data folder that another process uses: told so, exit code 1', async () => {
    const data = join(folder, 'shared');
    const daemon = await startDaemon(['node', '--tier', 'cloud', '--name', 'one', '--data', data]);
    const { code, err } = await ganglion([
      'node',
      '--tier',
      'cloud',
      '--name',
      'one',
      '--data',
      data,
      '--port',
      '0',
    ]);
    expect(code).toBe(1);
    expect(err).toMatch(/error: .*\n {2}field {2}--data\n(?:.*\n)* {2}mend/);
    expect(err).not.toMatch(/\n\s+at /);
    expect(await daemon.stop()).toBe(0);
  });
});
