import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * The test command: format and lint, unused code, types, then every test there is. Stops at the first step that fails;
 * closes with one line that counts the tests. Arguments are passed on to Vitest: `npm test -- packages/core`.
 */
const STEPS: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['format and lint', 'biome', 'check', '--error-on-warnings', '.'],
  ['unused code', 'knip'],
  ['types of the packages', 'tsc', '-b'],
  ['types of the tests', 'tsc', '-p', 'tsconfig.tests.json'],
];

interface Results {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
}

function run(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'inherit' });
    child.once('error', () => resolve(127));
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

async function main(): Promise<number> {
  const only = process.argv.slice(2);
  if (only.length === 0)
    for (const [name, command, ...args] of STEPS) {
      const started = performance.now();
      const code = await run(command, args);
      process.stdout.write(
        `${code === 0 ? 'ok' : 'FAILED'}: ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`,
      );
      if (code !== 0) return code;
    }
  const folder = mkdtempSync(join(tmpdir(), 'ganglion-test-'));
  try {
    const file = join(folder, 'results.json');
    const code = await run('vitest', [
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      ...only,
    ]);
    const results = JSON.parse(readFileSync(file, 'utf8')) as Results;
    const skipped = results.numPendingTests + results.numTodoTests;
    process.stdout.write(
      `${results.numPassedTests} passed, ${results.numFailedTests} failed, ${skipped} skipped\n`,
    );
    return code;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main();
