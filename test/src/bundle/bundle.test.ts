import { join } from 'node:path';
import { build, type Plugin, type Rolldown } from 'vite';
import { describe, expect, test } from 'vitest';

/** A script that is nowhere on a disk, in a place from where the packages of the workspace are found. */
const PAGE = join(import.meta.dirname, 'page.ts');
const scriptOf = (script: string): Plugin => ({
  name: 'script-of-page',
  resolveId: (id) => (id === PAGE ? id : undefined),
  load: (id) => (id === PAGE ? script : undefined),
});

/** What a browser would be sent for a page with this script. */
async function bundle(script: string): Promise<string> {
  const made = (await build({
    configFile: false,
    root: import.meta.dirname,
    logLevel: 'silent',
    plugins: [scriptOf(script)],
    resolve: { conditions: ['source', 'module', 'browser'] },
    build: { write: false, target: 'es2022', rolldownOptions: { input: PAGE } },
  })) as Rolldown.RolldownOutput;
  return made.output.map((chunk) => (chunk.type === 'chunk' ? chunk.code : '')).join('');
}

const embedding = (imports: string, registry: string): string =>
  `${imports}\nimport { embedNode } from '@ganglion/sdk';
  globalThis.node = await embedNode({ name: 'page', registry: ${registry} });`;

/** Words that are written in the code of the node, and of one kind each, alone. */
const NODE = 'lease_expired';
const TAKEN = ['thompson/', 'fixed/', 'holdout/'];
const LEFT = ['exp3/', 'linear-thompson/', 'lin-ucb/', 'q-learning/', 'balancer/', 'ensemble/', 'breaker/'];

const has = (code: string, names: readonly string[]): string[] => names.filter((name) => code.includes(name));

describe('a page', () => {
  test('with kinds of its own choice is sent the code of no other', async () => {
    const code = await bundle(
      embedding(
        "import { fixed, holdout, thompson } from '@ganglion/core/kinds';",
        '{ policies: { fixed, thompson }, guards: { holdout } }',
      ),
    );
    expect(has(code, [NODE, ...TAKEN])).toEqual([NODE, ...TAKEN]);
    expect(has(code, LEFT)).toEqual([]);
  });

  test('with the standard registry is sent all, so the names above mean what they say', async () => {
    const code = await bundle(embedding("import { standard } from '@ganglion/core/presets';", 'standard'));
    expect(has(code, [...TAKEN, ...LEFT])).toEqual([...TAKEN, ...LEFT]);
  });

  test('that only asks a daemon is sent neither a kind nor a node', async () => {
    const code = await bundle(
      "import { createClient } from '@ganglion/sdk';\nglobalThis.client = createClient({ url: '/' });",
    );
    expect(has(code, [...TAKEN, ...LEFT, NODE])).toEqual([]);
    expect(code.length).toBeLessThan(25_000);
  });
});
