import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

interface Packed {
  readonly name: string;
  readonly files: readonly { readonly path: string }[];
}

const PACKAGES = ['core', 'sdk', 'adapters', 'server'];

/** What `npm pack` would put into each file, by name of the package. */
function packed(): Packed[] {
  const of = PACKAGES.map((name) => `--workspace=packages/${name}`);
  const printed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', ...of], {
    cwd: join(import.meta.dirname, '../../..'),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(printed) as Packed[];
}

test('packages are packed with their sources and without their tests', () => {
  const all = packed();
  expect(all.map(({ name }) => name)).toEqual(PACKAGES.map((name) => `@ganglion/${name}`));
  for (const { name, files } of all) {
    const paths = files.map(({ path }) => path);
    expect(paths.filter((path) => path === 'src/index.ts' || path === 'src/system.ts')).toHaveLength(1);
    expect(
      paths.filter((path) => /\.test\.|\/fixtures\/|tsbuildinfo/.test(path)),
      name,
    ).toEqual([]);
  }
});
