import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Decision } from '@ganglion/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ganglion, type RunningDaemon, startDaemon } from '../daemon/daemon.ts';
import { ROOT } from '../tidy/house.ts';

/** Every command as a process, as a script has it. What each prints in detail is tested beside its source. */
const folder = mkdtempSync(join(tmpdir(), 'ganglion-command-'));
let daemon: RunningDaemon;
let env: Record<string, string>;
const spec = join(folder, 'checkout.yaml');

beforeAll(async () => {
  daemon = await startDaemon(['node', '--tier', 'cloud', '--name', 'hq', '--memory']);
  env = { GANGLION_URL: daemon.url };
  writeFileSync(
    spec,
    'point: checkout\narms: [a, b]\nfallback: a\npolicy: { kind: thompson }\nguards:\n  - { kind: exploration, floor: 2% }\n',
  );
}, 60_000);
afterAll(async () => {
  await daemon?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Every command that there is, with what it takes. Those that run for ever are elsewhere here. */
const COMMANDS: readonly (readonly string[])[] = [
  ['up'],
  ['node'],
  ['proxy'],
  ['point'],
  ['point', 'apply'],
  ['point', 'list'],
  ['point', 'get'],
  ['point', 'delete'],
  ['point', 'reset'],
  ['point', 'weigh'],
  ['point', 'thaw'],
  ['model'],
  ['model', 'register'],
  ['model', 'list'],
  ['model', 'show'],
  ['model', 'promote'],
  ['model', 'rollback'],
  ['model', 'retire'],
  ['model', 'schedule'],
  ['model', 'retrain'],
  ['decide'],
  ['feedback'],
  ['ingest'],
  ['kill'],
  ['revive'],
  ['override'],
  ['override', 'set'],
  ['override', 'remove'],
  ['quarantine'],
  ['controls'],
  ['report'],
  ['nodes'],
  ['audit'],
  ['evaluate'],
  ['replay'],
  ['log'],
  ['log', 'export'],
  ['log', 'compact'],
  ['log', 'trim'],
  ['features'],
  ['features', 'get'],
  ['features', 'export'],
  ['features', 'join'],
  ['doctor'],
  ['completion'],
];

async function json(args: readonly string[]): Promise<{ code: number | null; answer: unknown; err: string }> {
  const { code, out, err } = await ganglion([...args, '--json'], { env });
  expect(out.trim().split('\n'), `one line of JSON from ${args.join(' ')}: ${err}`).toHaveLength(1);
  return { code, answer: JSON.parse(out), err };
}

describe('the command', () => {
  test('lists every one of its commands in --help, and each of them explains itself', async () => {
    const main = await ganglion(['--help']);
    expect(main.code).toBe(0);
    const listed = [...main.out.matchAll(/^ {2}([a-z]+)\b/gm)]
      .map((match) => match[1])
      .filter((name) => name !== 'help');
    expect(new Set(listed)).toEqual(new Set(COMMANDS.map(([name]) => name)));
    for (const command of COMMANDS) {
      const { code, out, err } = await ganglion([...command, '--help']);
      expect({ command, code, err }).toEqual({ command, code: 0, err: '' });
      expect(out).toContain(`Usage: ganglion ${command.join(' ')}`);
    }
  }, 120_000);

  test('does a whole day’s work with --json: one line on standard output, nothing else, exit code 0', async () => {
    const fine = async (...args: string[]): Promise<unknown> => {
      const { code, answer, err } = await json(args);
      expect({ args, code, err }).toEqual({ args, code: 0, err: '' });
      return answer;
    };
    expect(await fine('point', 'apply', spec)).toEqual([{ point: 'checkout', version: 1, changed: true }]);
    expect(await fine('point', 'list')).toHaveLength(1);
    expect(await fine('point', 'get', 'checkout')).toMatchObject({ version: 1 });
    const decision = (await fine('decide', 'checkout', '--unit', 'u1')) as Decision;
    expect(decision).toMatchObject({ point: 'checkout', reason: 'policy' });
    expect(await fine('feedback', decision.id, '--reward', '1')).toMatchObject({ joined: 1 });
    expect(await fine('report', 'checkout')).toMatchObject({ report: { outcomes: 1 } });
    expect(await fine('kill', 'checkout', '--reason', 'drill')).toMatchObject({ scope: 'point:checkout' });
    expect(await fine('decide', 'checkout')).toMatchObject({ reason: 'killed', arm: 'a' });
    expect(await fine('controls')).toMatchObject({ kills: [{ reason: 'drill' }] });
    expect(await fine('revive', 'checkout', '--reason', 'over')).toMatchObject({ scope: 'point:checkout' });
    await fine('override', 'set', 'checkout', 'b', '--reason', 'vip', '--for', '10m');
    expect(await fine('decide', 'checkout')).toMatchObject({ reason: 'override', arm: 'b' });
    await fine('override', 'remove', 'checkout');
    expect(await fine('nodes')).toMatchObject([{ node: 'hq', tier: 'cloud' }]);
    await fine('quarantine', 'hq', '--reason', 'drill');
    expect(await fine('quarantine', 'hq', '--lift', '--reason', 'over')).toMatchObject({
      quarantined: false,
    });
    await fine('point', 'reset', 'checkout', '--reason', 'drill');
    expect(await fine('point', 'delete', 'checkout')).toMatchObject({ deleted: true });
    expect((await fine('audit')) as unknown[]).toHaveLength(9);
    expect(await fine('doctor', '--data', folder)).toBeInstanceOf(Array);
  }, 120_000);

  test('exits with 1 where something fails, and says on standard error what and what to do', async () => {
    for (const args of [
      ['report', 'nowhere'],
      ['decide', 'nowhere'],
      ['feedback', 'hq~x~y~1', '--reward', '1'],
      ['revive', 'point:nowhere', '--reason', 'r'],
      ['override', 'set', 'nowhere', 'a', '--reason', 'r'],
      ['quarantine', 'nobody', '--reason', 'r'],
      ['point', 'get', 'nowhere'],
      ['point', 'delete', 'nowhere'],
      ['point', 'apply', join(folder, 'missing.yaml')],
      ['nodes', '--url', 'http://127.0.0.1:1'],
      ['node', '--data', '/dev/null/x', '--port', '0'],
      ['up', '--memory', '--host', '0.0.0.0', '--port', '0'],
      ['proxy', '--backend', 'a=http://127.0.0.1:1', '--parent', 'not a url', '--memory', '--port', '0'],
      ['proxy', '--backend', 'a=http://127.0.0.1:1', '--memory', '--port', '0', '--tls-cert', 'missing.pem'],
    ]) {
      const { code, out, err } = await ganglion(args, { env });
      expect({ args, code, out }).toEqual({ args, code: 1, out: '' });
      expect(err).toMatch(/^error: \S/);
      expect(err, args.join(' ')).not.toMatch(/\n\s+at /);
      const told = await ganglion([...args, '--json'], { env });
      expect({ args, out: told.out }).toEqual({ args, out: '' });
      expect(JSON.parse(told.err)).toMatchObject({ error: { code: expect.any(String) } });
    }
  }, 120_000);

  test('exits with 2 on wrong usage, naming what was wrong', async () => {
    for (const [args, word] of [
      [[], 'Usage'],
      [['nonsense'], 'nonsense'],
      [['kill', '--reason', 'r'], 'scope'],
      [['kill', 'checkout'], '--reason'],
      [['up', '--port', '70000'], '--port'],
      [['up', '--nonsense'], '--nonsense'],
      [['node', '--tier', 'moon'], '--tier'],
      [['proxy'], '--backend'],
      [['proxy', '--backend', 'a'], 'ARM='],
      [['proxy', '--backend', 'a=http://127.0.0.1:1', '--listen', '::1:80'], '[::1]:8080'],
      [['proxy', '--backend', 'a=http://127.0.0.1:1', '--trusted-proxy', '10.0.0.0/33'], '10.0.0.0/8'],
      [['decide', 'checkout', '--context', '[]'], '--context'],
      [['feedback', 'x'], '--metric'],
      [['audit', '--limit', '0'], '--limit'],
      [['completion', 'tcsh'], 'bash'],
    ] as const) {
      const { code, out, err } = await ganglion(args, { env });
      expect({ args, code, out }).toEqual({ args, code: 2, out: '' });
      expect(err).toContain(word);
    }
  }, 120_000);

  test('reads declarations from standard input, and refuses a bad one with field and mend', async () => {
    const applied = await ganglion(['point', 'apply', '-', '--json'], {
      env,
      input: 'point: piped\narms: [x]\nfallback: x\npolicy: { kind: fixed, arm: x }\n',
    });
    expect(applied).toMatchObject({ code: 0, err: '' });
    const bad = await ganglion(['point', 'apply', '-'], {
      env,
      input: 'point: piped\narms: [x]\nfallback: x\npolicy: { kind: thomson }\n',
    });
    expect(bad.code).toBe(1);
    expect(bad.err).toMatch(/field +policy\.kind\n +value +"thomson"\n +mend +Use one of: .*thompson/);
  });
});

test.skipIf(process.platform === 'win32')('runs through links to it, wherever they lie', () => {
  const real = join(ROOT, 'bin', 'ganglion');
  const places = ['plain', 'chain', 'folder'].map((name) => join(folder, name));
  for (const place of places.slice(0, 2)) mkdirSync(place);
  symlinkSync(real, join(folder, 'plain', 'ganglion'));
  symlinkSync('../plain/ganglion', join(folder, 'chain', 'g'));
  symlinkSync(join(ROOT, 'bin'), join(folder, 'folder'));
  const version = (command: string) =>
    execFileSync(command, ['--version'], { encoding: 'utf8', cwd: folder });
  for (const command of ['plain/ganglion', 'chain/g', 'folder/ganglion'])
    expect(version(join(folder, command))).toBe(version(real));
});
