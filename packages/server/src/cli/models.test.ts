import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { artifactStore, digestOf } from '../host/artifact-store.ts';
import { buildServer } from '../http/server.ts';
import { testFolder } from '../testing/folder.ts';
import { startNode } from '../testing/node.ts';
import { listen } from '../testing/socket.ts';
import { run } from './run.ts';

let node: Awaited<ReturnType<typeof startNode>>;
let app: Awaited<ReturnType<typeof buildServer>>;
let url: string;
beforeAll(async () => {
  node = await startNode([]);
});
afterAll(async () => {
  await app.close();
  await node.close();
});

async function ganglion(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await run(args, {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    stdin: async () => '',
    env: { GANGLION_URL: url },
    isTerminal: false,
    columns: 80,
    interrupted: new AbortController().signal,
  });
  return { code, out, err };
}

describe('ganglion model', () => {
  it('registers files by digest, and moves versions through their stages', async () => {
    const folder = testFolder();
    const store = artifactStore(join(folder, 'artifacts'));
    app = await buildServer({ nodes: [node], limits: { actionsPerSecond: 0 }, artifacts: store });
    ({ url } = await listen(app));
    for (const version of ['v1', 'v2']) {
      const file = join(folder, version);
      writeFileSync(file, `bytes of ${version}`);
      const made = await ganglion('model', 'register', 'm', version, file, '--json');
      const digest = digestOf(Buffer.from(`bytes of ${version}`));
      expect(JSON.parse(made.out)).toMatchObject({ model: 'm', version, digest, changed: true });
      expect((await store.get(digest)).toString()).toBe(`bytes of ${version}`);
    }
    const steps: readonly [readonly string[], RegExp][] = [
      [['promote', 'm', 'v2', '--traffic', '10%', '--reason', 'r'], /m@v2 is a challenger with 10 %/],
      [['list'], /m +v1 +v2 10 % +2/],
      [['promote', 'm', 'v2', '--reason', 'r'], /m@v2 is the champion/],
      [['rollback', 'm', '--reason', 'r'], /champion +m@v1\nkilled +artifact:m@v2/],
      [['show', 'm'], /v2 +retired, killed/],
    ];
    for (const [args, said] of steps) {
      const { code, out, err } = await ganglion('model', ...args);
      expect({ args, code, err }).toEqual({ args, code: 0, err: '' });
      expect(out).toMatch(said);
    }
  });

  it.each([
    [['register', 'm', 'v3'], 2, /a file, or --digest/],
    [['register', 'm', 'v3', '--digest', 'ab'], 1, /digest/],
    [['register', 'm', 'v3', '/nowhere/at/all'], 1, /cannot be read/],
    [['promote', 'm', 'v1'], 2, /--reason/],
    [['promote', 'm', 'v2', '--reason', 'r'], 1, /ganglion revive artifact:m@v2/],
    [['promote', 'm', 'v9', '--reason', 'r'], 1, /ganglion model show MODEL/],
    [['promote', 'm', 'v2', '--traffic', '120%', '--reason', 'r'], 2, /share/],
    [['show', 'nobody'], 1, /ganglion model list/],
  ])('%j fails with %i and says why', async (args, code, said) => {
    const ran = await ganglion('model', ...args);
    expect(ran.code).toBe(code);
    expect(ran.err).toMatch(said);
  });
});
