import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenGrant } from '../http/auth.ts';
import { buildServer } from '../http/server.ts';
import { testFolder } from '../testing/folder.ts';
import { CHECKOUT, startNode } from '../testing/node.ts';
import { listen } from '../testing/socket.ts';
import type { Io } from './io.ts';
import { run } from './run.ts';

let node: Awaited<ReturnType<typeof startNode>>;
let app: Awaited<ReturnType<typeof buildServer>>;
let url: string;
beforeAll(async () => {
  node = await startNode([CHECKOUT]);
  app = await buildServer({ nodes: [node], limits: { actionsPerSecond: 0 } });
  ({ url } = await listen(app));
});
afterAll(async () => {
  await app.close();
  await node.close();
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever shape it expects
  readonly json: any;
}

/** The command as a person or a script has it, against the daemon above. */
async function ganglion(
  args: readonly string[],
  changes: Partial<Io> & { readonly input?: string } = {},
): Promise<Ran> {
  let out = '';
  let err = '';
  const code = await run(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    stdin: async () => changes.input ?? '',
    env: { GANGLION_URL: url },
    isTerminal: false,
    columns: 80,
    interrupted: new AbortController().signal,
    ...changes,
  });
  const json = args.includes('--json') && out !== '' ? JSON.parse(out.trim().split('\n').at(-1)!) : undefined;
  return { code, out, err, json };
}

describe('every result', () => {
  it('goes to standard output, as JSON with --json, and nothing else does', async () => {
    const { json: decided } = await ganglion([
      'decide',
      'checkout-backend',
      '--field',
      'region=eu',
      '--field',
      'load=0.5',
      '--unit',
      'u1',
      '--json',
    ]);
    expect(decided).toMatchObject({ point: 'checkout-backend', reason: expect.any(String) });
    for (const args of [
      ['feedback', decided.id, '--metric', 'success=true', '--metric', 'latencyMs=12'],
      ['point', 'list'],
      ['point', 'get', 'checkout-backend'],
      ['report', 'checkout-backend'],
      ['report'],
      ['nodes'],
      ['controls'],
      ['audit', '--limit', '5'],
      ['override', 'set', 'checkout-backend', 'b', '--reason', 'r', '--for', '10m', '--where', 'region=eu'],
      ['override', 'remove', 'checkout-backend'],
      ['kill', 'checkout-backend', '--reason', 'r'],
      ['revive', 'point:checkout-backend', '--reason', 'r'],
    ]) {
      const plain = await ganglion(args[0] === 'feedback' ? [...args, '--revision', '1'] : args);
      if (args[0] === 'override' || args[0] === 'revive' || args[0] === 'kill') {
        // Actions are taken once: by the plain call.
        expect({ args, code: plain.code, err: plain.err }).toEqual({ args, code: 0, err: '' });
        continue;
      }
      const asJson = await ganglion([...args, '--json']);
      expect({ args, codes: [plain.code, asJson.code], err: plain.err + asJson.err }).toEqual({
        args,
        codes: [0, 0],
        err: '',
      });
      expect(plain.out.length).toBeGreaterThan(0);
      expect(asJson.json).toBeDefined();
    }
  });

  it('for people is aligned, and coloured on a terminal only', async () => {
    const { out } = await ganglion(['nodes']);
    const [head, first] = out.split('\n');
    expect(head.indexOf('TIER')).toBe(first.indexOf('cloud', 1));
    expect(out).not.toContain('\u001b[');
    expect((await ganglion(['nodes'], { isTerminal: true })).out).toContain('\u001b[');
    expect(
      (await ganglion(['nodes'], { isTerminal: true, env: { GANGLION_URL: url, NO_COLOR: '1' } })).out,
    ).not.toContain('\u001b[');
  });

  it('shows a decision with its trail', async () => {
    const { out } = await ganglion(['decide', 'checkout-backend', '--context', '{"region":"us"}']);
    expect(out).toMatch(/arm +[abc]\n/);
    expect(out).toMatch(/exploration/);
  });
});

describe('every failure', () => {
  it('of the daemon’s is told on standard error with field and mend, and exits with 1', async () => {
    const { code, out, err } = await ganglion(['report', 'nowhere']);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/error: .*\n {2}field +point\n {2}value +"nowhere"\n {2}mend +\S/);
    const asJson = await ganglion(['report', 'nowhere', '--json']);
    expect(JSON.parse(asJson.err).error).toMatchObject({
      code: 'unknown_point',
      field: 'point',
      mend: expect.any(String),
    });
  });

  it('names commands, not calls of the HTTP API', async () => {
    for (const args of [
      ['override', 'set', 'nowhere', 'a', '--reason', 'r'],
      ['point', 'get', 'nowhere'],
      ['quarantine', 'nowhere', '--reason', 'r'],
      ['revive', 'nowhere', '--reason', 'r'],
    ]) {
      const { code, err } = await ganglion(args);
      expect({ args, code }).toEqual({ args, code: 1 });
      expect(err).toMatch(/mend .*ganglion /);
      expect(err).not.toContain('/v1/');
    }
  });

  it('to reach one says how to start one', async () => {
    const { code, err } = await ganglion(['nodes', '--url', 'http://127.0.0.1:1']);
    expect(code).toBe(1);
    expect(err).toContain('ganglion up');
  });

  it.each([
    [['override', 'frob'], /unknown command 'frob'\n\(Use one of: set, remove\)/],
    [['override', 'sett'], /Did you mean set/],
    [['kil'], /unknown command 'kil'\n\(Did you mean kill\?\)/],
    [['kill', 'x'], /--reason/],
    [['kill', '--reason', 'r'], /scope/],
    [['decide', 'p', '--context', '[1]'], /JSON object/],
    [['decide', 'p', '--context', '{'], /not JSON/],
    [['decide', 'p', '--field', 'region'], /NAME=VALUE/],
    [['feedback', 'x'], /nothing is told/],
    [['feedback', '--reward', '1'], /argument 'id'/],
    [['feedback', 'x', '--reward', 'much'], /number/],
    [['override', 'set', 'p', 'a', '--reason', 'r', '--for', '10'], /duration/],
    [['audit', '--limit', '0'], /1 to 1000/],
    [['nodes', '--jsno'], /Did you mean --json/],
    [['completion', 'tcsh'], /bash, zsh, fish/],
    [['up', '--port', '70000'], /65535/],
    [['node', '--log-level', 'bogus'], /silent, error, warn, info, debug/],
    [
      ['proxy', '--log-level', 'trace', '--backend', 'a=http://127.0.0.1:1'],
      /silent, error, warn, info, debug/,
    ],
    [[], /Usage/],
  ])('of usage (%j) exits with 2 and touches nothing', async (args, told) => {
    const { code, out, err } = await ganglion(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(told);
  });

  it.each([
    [['kill', 'x'], /--reason/, 'See `ganglion kill --help`.'],
    [['kil'], /^unknown command 'kil'$/, 'Did you mean kill? See `ganglion --help`.'],
    [['nodes', '--tokn', 'x'], /'--tokn'$/, 'Did you mean --token? See `ganglion nodes --help`.'],
    [['override', 'frob'], /'frob'$/, 'Use one of: set, remove. See `ganglion override --help`.'],
    [['override'], /^a command is missing$/, 'Use one of: set, remove. See `ganglion override --help`.'],
    [['up', '--log-level', 'bogus'], /silent, error, warn, info, debug/, 'See `ganglion up --help`.'],
    [['feedback', 'x'], /^nothing is told/, 'See `ganglion feedback --help`.'],
  ])('of usage (%j) is one line of JSON with --json', async (args, message, mend) => {
    const { code, out, err } = await ganglion([...args, '--json']);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(JSON.parse(err)).toEqual({
      error: { code: 'invalid_input', message: expect.stringMatching(message), mend },
    });
  });

  it('of checks is JSON with --json too, beside the checks on standard output', async () => {
    const { code, err, json } = await ganglion(['doctor', '--url', 'http://127.0.0.1:1', '--json']);
    expect({ code, json }).toEqual({ code: 1, json: expect.any(Array) });
    expect(JSON.parse(err)).toMatchObject({ error: { message: expect.stringMatching(/checks failed$/) } });
  });

  it('of a URL that is none exits with 1 and names it', async () => {
    const { code, err } = await ganglion(['nodes', '--url', 'ftp://x']);
    expect(code).toBe(1);
    expect(err).toContain('ftp://x');
  });
});

describe('point apply', () => {
  it('reads several declarations from YAML, from JSON and from standard input', async () => {
    const dir = testFolder();
    writeFileSync(
      path.join(dir, 'two.yaml'),
      'point: one\narms: [a, b]\nfallback: a\npolicy: { kind: split }\n---\npoint: two\narms: [a, b]\nfallback: b\npolicy: { kind: split }\n',
    );
    writeFileSync(
      path.join(dir, 'three.json'),
      JSON.stringify({ point: 'three', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'split' } }),
    );
    const { json } = await ganglion(
      ['point', 'apply', path.join(dir, 'two.yaml'), path.join(dir, 'three.json'), '-', '--json'],
      {
        input: 'point: four\narms: [a, b]\nfallback: a\npolicy: { kind: split }\n',
      },
    );
    expect(json).toMatchObject(
      ['one', 'two', 'three', 'four'].map((point) => ({ point, version: 1, changed: true })),
    );
    expect((await ganglion(['point', 'apply', path.join(dir, 'two.yaml')])).out).toContain('as it was');
    expect((await ganglion(['point', 'delete', 'one', '--reason', 'done', '--json'])).json).toEqual({
      point: 'one',
      deleted: true,
    });
    expect((await ganglion(['point', 'reset', 'two', '--reason', 'again', '--json'])).json).toEqual({
      point: 'two',
      reset: true,
    });
  });

  it('sets weights of an objective, and refuses what is none', async () => {
    const dir = testFolder();
    const file = path.join(dir, 'weighed.yaml');
    const objective = '{ click: { weight: 1, range: [0, 1] }, complaint: { weight: -1, range: [0, 1] } }';
    writeFileSync(
      file,
      `point: weighed\narms: [a, b]\nfallback: a\npolicy: { kind: thompson }\nobjective: ${objective}\n`,
    );
    await ganglion(['point', 'apply', file]);
    const weigh = (...given: string[]) =>
      ganglion(['point', 'weigh', 'weighed', ...given, '--reason', 'too many complaints', '--json']);
    expect((await weigh('complaint=-5')).json).toEqual({
      point: 'weighed',
      version: 2,
      changed: true,
      forgets: false,
    });
    expect((await ganglion(['audit', '--json'])).json).toContainEqual(
      expect.objectContaining({
        action: 'point.reweigh',
        reason: 'version 2: complaint -1 → -5: too many complaints',
      }),
    );
    expect((await weigh('complaint')).code).toBe(2);
    expect((await weigh('complaints=1')).code).toBe(1);
  });

  it('declares nothing where one file cannot be read', async () => {
    const dir = testFolder();
    writeFileSync(
      path.join(dir, 'good.yaml'),
      'point: five\narms: [a, b]\nfallback: a\npolicy: { kind: split }\n',
    );
    writeFileSync(path.join(dir, 'bad.yaml'), 'point: six\narms: [a, b\n');
    writeFileSync(path.join(dir, 'nameless.yaml'), 'arms: [a, b]\n');
    for (const bad of ['bad.yaml', 'nameless.yaml', 'missing.yaml']) {
      const { code, err } = await ganglion([
        'point',
        'apply',
        path.join(dir, 'good.yaml'),
        path.join(dir, bad),
      ]);
      expect(code).toBe(1);
      expect(err).toContain(bad);
    }
    expect((await ganglion(['point', 'get', 'five'])).code).toBe(1);
  });
});

describe('a kill of what nobody knows', () => {
  it('stands, and says that it matches nothing here, and what was probably meant', async () => {
    const killed = await ganglion(['kill', 'chekout-backend', '--reason', 'r', '--json']);
    expect({ code: killed.code, matches: (killed.json as { matches: number }).matches }).toEqual({
      code: 0,
      matches: 0,
    });
    expect(killed.err).toMatch(
      /warning: no point 'chekout-backend' is known here \(did you mean point:checkout-backend\?\)/,
    );
    const far = await ganglion(['kill', 'domain:payments', '--reason', 'r']);
    expect(far.err).toMatch(/^warning: no domain 'payments' is known here: the kill stands/);
    const known = await ganglion(['kill', 'checkout-backend', '--reason', 'r', '--json']);
    expect([known.err, (known.json as { matches: number }).matches]).toEqual(['', 1]);
    for (const scope of ['chekout-backend', 'domain:payments', 'checkout-backend'])
      await ganglion(['revive', scope, '--reason', 'r']);
  });
});

describe('kill --watch', () => {
  it('ends when every node has stopped', async () => {
    const { code, out } = await ganglion(['kill', 'checkout-backend', '--reason', 'r', '--watch']);
    expect(code).toBe(0);
    expect(out).toContain('acknowledged');
    await ganglion(['revive', 'checkout-backend', '--reason', 'r']);
  });
});

describe('a token', () => {
  it('is taken from the environment or from --token', async () => {
    const guarded = await buildServer({
      nodes: [node],
      auth: { tokens: [tokenGrant('operator-token', 'operator', 'alice')] },
    });
    try {
      const { url: at } = await listen(guarded);
      expect((await ganglion(['nodes', '--url', at])).err).toContain('asks for a token');
      expect((await ganglion(['nodes', '--url', at, '--token', 'operator-token'])).code).toBe(0);
      expect(
        (await ganglion(['nodes'], { env: { GANGLION_URL: at, GANGLION_TOKEN: 'operator-token' } })).code,
      ).toBe(0);
    } finally {
      await guarded.close();
    }
  });
});

describe('doctor', () => {
  const states = (json: { name: string; state: string }[]) =>
    Object.fromEntries(json.map(({ name, state }) => [name, state]));

  it('passes where all is well', async () => {
    const { code, json } = await ganglion(['doctor', '--data', testFolder(), '--json']);
    expect(code).toBe(0);
    expect(states(json)).toMatchObject({
      node: 'passes',
      data: expect.stringMatching(/passes|warns/),
      daemon: 'passes',
      version: 'passes',
      clock: 'passes',
      token: 'passes',
      'node cloud': expect.any(String),
    });
  });

  it('finds a damaged store, and leaves it as it is', async () => {
    const dir = testFolder();
    const file = path.join(dir, 'cloud.db');
    writeFileSync(file, 'SQLite format 3\0 and then nonsense'.repeat(300));
    const { code, json, out } = await ganglion(['doctor', '--data', dir, '--json']);
    expect(code).toBe(1);
    expect(states(json)).toMatchObject({ 'store cloud.db': 'fails' });
    expect(out).toContain('mend');
  });

  it('knows a store that is in use from one that is damaged', async () => {
    const dir = testFolder();
    const db = new DatabaseSync(path.join(dir, 'cloud.db'));
    db.exec('PRAGMA locking_mode=EXCLUSIVE; CREATE TABLE t (a); BEGIN EXCLUSIVE');
    const { json } = await ganglion(['doctor', '--data', dir, '--json']);
    db.close();
    expect(json).toContainEqual({
      name: 'store cloud.db',
      state: 'passes',
      found: expect.stringContaining('in use'),
    });
  });

  it('fails for a daemon that was named and is not there, each fault with its mend', async () => {
    const { code, out, err } = await ganglion([
      'doctor',
      '--url',
      'http://127.0.0.1:1',
      '--data',
      testFolder(),
    ]);
    expect(code).toBe(1);
    expect(out).toMatch(/daemon +fails/);
    expect(out).toContain('ganglion up');
    expect(err).toMatch(/\d of \d checks failed/);
  });
});

describe('completion', () => {
  it('is a script that bash takes, and that completes commands, subcommands and options', async () => {
    const { out } = await ganglion(['completion', 'bash']);
    const ask = (words: readonly string[]): string[] => {
      const script = `${out}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _ganglion; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const ran = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
      expect(ran.stderr).toBe('');
      return ran.stdout.trim().split('\n');
    };
    expect(ask(['ganglion', 'ki'])).toEqual(['kill']);
    expect(ask(['ganglion', 'point', 'ap'])).toEqual(['apply']);
    expect(ask(['ganglion', 'override', 'set', 'p', 'a', '--re'])).toEqual(['--reason']);
    expect(ask(['ganglion', 'completion', 'z'])).toEqual(['zsh']);
    expect(ask(['ganglion', 'up', '--de'])).toEqual(['--demo']);
  });

  it('comes for zsh and fish, with every command', async () => {
    const names = [
      'up',
      'node',
      'proxy',
      'point',
      'decide',
      'feedback',
      'kill',
      'revive',
      'override',
      'report',
      'nodes',
      'controls',
      'audit',
      'doctor',
      'completion',
    ];
    for (const shell of ['zsh', 'fish']) {
      const { out } = await ganglion(['completion', shell]);
      for (const name of names) expect(out).toMatch(new RegExp(`['" ]${name}[:' ]`));
    }
  });
});

describe('feedback --file', () => {
  it('fails where an item among good ones is refused, having told what became of each', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 2; i++)
      ids.push((await ganglion(['decide', 'checkout-backend', '--field', 'region=eu', '--json'])).json.id);
    const items = ids.map((id) => ({ id, metrics: { success: 1, latencyMs: 12 } }));
    const good = await ganglion(['feedback', '--file', '-', '--json'], { input: JSON.stringify(items) });
    expect(good).toMatchObject({ code: 0, err: '', json: { joined: 2 } });
    const bad = [...items, { id: 'nobody~0~0~1', metrics: { success: 1 } }, { id: 7 }];
    const mixed = await ganglion(['feedback', '--file', '-', '--json'], { input: JSON.stringify(bad) });
    expect(mixed).toMatchObject({ code: 1, json: { duplicates: 2 } });
    expect(JSON.parse(mixed.err)).toMatchObject({
      error: { field: '--file', message: `${mixed.json.rejected.length} of 4 items were refused` },
    });
    expect((await ganglion(['feedback', '--help'])).out.replaceAll(/\s+/g, ' ')).toContain(
      'Exits with 1 if any',
    );
  });
});

describe('--help', () => {
  it('is there for every command, on standard output, and exits with 0', async () => {
    for (const args of [
      [],
      ['point'],
      ['point', 'apply'],
      ['kill'],
      ['override', 'set'],
      ['doctor'],
      ['up'],
      ['node'],
      ['proxy'],
    ]) {
      const { code, out } = await ganglion([...args, '--help']);
      expect({ args, code }).toEqual({ args, code: 0 });
      expect(out).toContain(`Usage: ganglion${args.map((word) => ` ${word}`).join('')}`);
    }
  });
});
