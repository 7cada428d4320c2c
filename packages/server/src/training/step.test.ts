import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { testFolder } from '../testing/folder.ts';
import type { TrainingWindow } from './plan.ts';
import { trained } from './step.ts';

function place(): { readonly window: TrainingWindow; readonly cwd: string } {
  const cwd = testFolder();
  const folder = join(cwd, 'out');
  mkdirSync(folder);
  const logFile = join(cwd, 'log.jsonl');
  writeFileSync(logFile, '{"arm":"a"}\n');
  return { cwd, window: { model: 'm', fromMs: 1, toMs: 2, logFile, championFile: null, folder } };
}

const node = (code: string, timeoutMs = 30_000) => ({ command: [process.execPath, '-e', code], timeoutMs });
const never = new AbortController().signal;
const WRITE = `require('fs').writeFileSync(process.env.GANGLION_OUT + '/model', 'bytes');`;

describe('a training step', () => {
  it('that is a program finds the window in its environment, and no token', async () => {
    const { window, cwd } = place();
    const code = `const e = process.env;
      require('fs').writeFileSync(e.GANGLION_OUT + '/model', [e.GANGLION_MODEL, e.GANGLION_FROM_MS, e.GANGLION_TO_MS,
        e.GANGLION_TOKEN ?? 'no token', require('fs').readFileSync(e.GANGLION_LOG, 'utf8').trim(), process.cwd()].join());
      require('fs').writeFileSync(e.GANGLION_OUT + '/metadata.json', '{"metrics":{"auc":0.9}}');`;
    vi.stubEnv('GANGLION_TOKEN', 'a-secret-of-the-daemon');
    try {
      const { bytes, metrics } = await trained(node(code), window, cwd, never);
      expect(Buffer.from(bytes).toString()).toBe(`m,1,2,no token,{"arm":"a"},${cwd}`);
      expect(metrics).toEqual({ auc: 0.9 });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('that is a function gets the window, and its time', async () => {
    const { window, cwd } = place();
    const run = async ({ logFile }: TrainingWindow) => ({ bytes: readFileSync(logFile), metrics: { n: 1 } });
    expect((await trained({ run, timeoutMs: 1000 }, window, cwd, never)).bytes.length).toBe(12);
    const forEver = { run: () => new Promise<never>(() => {}), timeoutMs: 50 };
    await expect(trained(forEver, window, cwd, never)).rejects.toMatchObject({ code: 'deadline_exceeded' });
  });

  it('leaves nothing running when it ends, in time or not', async () => {
    const { window, cwd } = place();
    const mark = join(cwd, 'left-behind');
    const background = `require('child_process').spawn(process.execPath, ['-e',
      'setTimeout(() => require("fs").writeFileSync(${JSON.stringify(mark)}, ""), 1500)'], { stdio: 'ignore' }).unref();`;
    await trained(node(background + WRITE), window, cwd, never);
    await expect(
      trained(node(`${background} setTimeout(() => {}, 60000)`, 1000), window, cwd, never),
    ).rejects.toMatchObject({ code: 'deadline_exceeded' });
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(existsSync(mark)).toBe(false);
  });

  /** Waits for what a program says by a file. */
  const there = (file: string) => vi.waitFor(() => expect(existsSync(file)).toBe(true), 20_000);
  /** Whether a process is there: one that has ended and is nobody's to reap is not. */
  const runs = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return false;
    }
  };

  it.skipIf(process.platform !== 'linux').each([
    ['obeys', 'process.exit(0)', 60_000],
    ['does not', '', 200],
  ])('is told to stop, with all that it started; where it %s, nothing is left', async (_, then, graceMs) => {
    const { window, cwd } = place();
    const [ready, asked] = [join(cwd, 'ready'), join(cwd, 'asked')];
    const deaf = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);`;
    const code = `const fs = require('fs');
      process.on('SIGTERM', () => { fs.writeFileSync(${JSON.stringify(asked)}, 'asked'); ${then} });
      const child = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(deaf)}], { stdio: 'ignore' });
      child.on('spawn', () => {
        fs.writeFileSync(${JSON.stringify(`${ready}.part`)}, process.pid + ' ' + child.pid);
        fs.renameSync(${JSON.stringify(`${ready}.part`)}, ${JSON.stringify(ready)});
      });
      setInterval(() => {}, 1000);`;
    const stop = new AbortController();
    const run = trained(node(code, 60_000), window, cwd, never, { signal: stop.signal, graceMs });
    run.catch(() => {});
    await there(ready);
    const pids = readFileSync(ready, 'utf8').split(' ').map(Number);
    expect(pids.map(runs)).toEqual([true, true]);
    stop.abort();
    await expect(run).rejects.toMatchObject({ code: 'closed' });
    expect(readFileSync(asked, 'utf8')).toBe('asked');
    await vi.waitFor(() => expect(pids.map(runs)).toEqual([false, false]), 20_000);
  });

  it.each([
    ['leaves no model', node('0'), /left no file/],
    [
      'leaves an empty one',
      node(`require('fs').writeFileSync(process.env.GANGLION_OUT + '/model', '')`),
      /is empty/,
    ],
    ['fails', node(`console.error('no rows'); process.exit(3)`), /ended with 3: no rows/],
    ['cannot be started', { command: ['no-such-program-here'], timeoutMs: 1000 }, /cannot be started/],
    [
      'reports metrics that are none',
      node(
        `${WRITE} require('fs').writeFileSync(process.env.GANGLION_OUT + '/metadata.json', '{"metrics":{"auc":"good"}}')`,
      ),
      /finite numbers/,
    ],
  ])('that %s fails, and says so', async (_what, step, message) => {
    const { window, cwd } = place();
    await expect(trained(step, window, cwd, never)).rejects.toThrow(message);
  });
});
