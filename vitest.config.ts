import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The tests run the sources, never a compiled copy that might be stale.
  resolve: { conditions: ['source', 'module', 'import', 'default'] },
  ssr: { resolve: { conditions: ['source', 'module', 'import', 'default'] } },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'test/src/**/*.test.ts',
      'docs/src/**/*.test.ts',
      'bench/src/**/*.test.ts',
    ],
    execArgv: ['--conditions=source'],
    testTimeout: 60_000,
    pool: 'forks',
    // As many as there are processors: most of what takes long waits for processes of its own.
    maxWorkers: '100%',
  },
});
