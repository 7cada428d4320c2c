import { describe, expect, test } from 'vitest';
import { filesBelow, importsOf, type SourceFile } from './house.ts';

/**
 * Who may import whom. A rule is a folder (or a file) and the prefixes it may name beside itself; the first rule that
 * fits a file counts. Tests may also import core's testing folder, and the tools they run on.
 */
const CORE = 'packages/core/src';
const core = (...names: string[]): string[] => names.map((name) => `${CORE}/${name}`);
/** The contracts at the top of core, and what they are written with. */
const CONTRACTS = core(
  'aggregator.ts',
  'bytes.ts',
  'comparison.ts',
  'control.ts',
  'detector.ts',
  'errors.ts',
  'evidence.ts',
  'feature.ts',
  'guard.ts',
  'kernels.ts',
  'limits.ts',
  'nearest.ts',
  'node-api.ts',
  'options.ts',
  'policy.ts',
  'ports.ts',
  'registry.ts',
  'status.ts',
);
const WORDS = core('decision/record.ts', 'decision/spec.ts');
const STATS = core('stats/');

const RULES: readonly (readonly [folder: string, allowed: readonly string[]])[] = [
  [`${CORE}/stats/`, core('errors.ts', 'bytes.ts', 'limits.ts')],
  [`${CORE}/learners/`, [...CONTRACTS, ...STATS]],
  [`${CORE}/policies/`, [...CONTRACTS, ...STATS, ...core('learners/')]],
  [`${CORE}/detectors/`, [...CONTRACTS, ...STATS, ...core('learners/')]],
  [`${CORE}/guards/`, [...CONTRACTS, ...STATS]],
  [`${CORE}/features/`, [...CONTRACTS, ...STATS]],
  [`${CORE}/federated/`, [...CONTRACTS, ...STATS]],
  [`${CORE}/experiment/`, [...CONTRACTS, ...STATS]],
  [`${CORE}/validation/`, [...CONTRACTS, ...STATS]],
  [`${CORE}/controls/`, [...CONTRACTS, ...WORDS, ...STATS]],
  [`${CORE}/decision/`, [...CONTRACTS, ...STATS, ...core('controls/', 'validation/')]],
  [`${CORE}/sync/`, [...CONTRACTS, ...STATS, ...core('controls/')]],
  [
    `${CORE}/presets/`,
    [...CONTRACTS, ...core('policies/', 'guards/', 'features/', 'learners/', 'detectors/', 'federated/')],
  ],
  [`${CORE}/testing/`, [`${CORE}/`]],
  [
    `${CORE}/node/`,
    core('decision/', 'sync/', 'controls/', 'experiment/', 'validation/', 'stats/').concat(CONTRACTS),
  ],
  [`${CORE}/node.ts`, core('node/', 'decision/', 'sync/', 'controls/', 'stats/').concat(CONTRACTS)],
  [
    `${CORE}/index.ts`,
    core(
      'node.ts',
      'decision/',
      'sync/',
      'controls/',
      'detectors/',
      'experiment/',
      'federated/',
      'learners/',
      'stats/sequential.ts',
    ).concat(CONTRACTS),
  ],
  [`${CORE}/`, [...CONTRACTS, ...WORDS]],
  ['packages/adapters/', ['@ganglion/core', 'node:']],
  ['packages/sdk/', ['@ganglion/core', '@ganglion/adapters', '@openfeature/']],
  [
    'packages/server/',
    [
      '@ganglion/',
      'node:',
      'fastify',
      '@fastify/',
      'pino',
      'prom-client',
      'yaml',
      'commander',
      'ws',
      'undici',
    ],
  ],
  [
    'packages/console/',
    ['@ganglion/core', '@ganglion/sdk', 'react', 'react-dom', 'uplot', 'vite', '@vitejs/'],
  ],
];

const forTests = [
  `${CORE}/`,
  '@ganglion/',
  'node:',
  'vitest',
  'fast-check',
  '@openfeature/',
  'ajv',
  '@seriousme/openapi-schema-validator',
  'fastify',
  'ws',
  'undici',
  'yaml',
  'pino',
  'playwright-core',
  'zod',
];

function violations(file: SourceFile): string[] {
  const rule = RULES.find(([folder]) => file.path.startsWith(folder));
  if (rule === undefined) return [`${file.path}: no rule covers it`];
  const [folder, allowed] = rule;
  const home = folder.endsWith('/') ? folder : undefined;
  const helper = file.isTest || /\/(testing|testing\.ts)/.test(file.path);
  return importsOf(file)
    .filter((target) => {
      if (home !== undefined && folder !== `${CORE}/` && target.startsWith(home)) return false;
      if (
        allowed.some(
          (prefix) =>
            target === prefix ||
            target.startsWith(prefix.endsWith('/') || prefix.endsWith(':') ? prefix : `${prefix}/`) ||
            target === prefix,
        )
      )
        return false;
      return !(helper && forTests.some((prefix) => target.startsWith(prefix)));
    })
    .map((target) => `${file.path} may not import ${target}`);
}

describe('the import table', () => {
  test('holds for every file of the packages', () => {
    const files = filesBelow('packages', ['.ts', '.tsx']).filter((file) => file.path.includes('/src/'));
    expect(files.length).toBeGreaterThan(100);
    expect(files.flatMap(violations)).toEqual([]);
  });

  test('bites: a guard that imports the pipeline, and a core file that imports Node, are found', () => {
    const planted = (path: string, text: string): string[] => violations({ path, text, isTest: false });
    expect(
      planted(`${CORE}/guards/planted.ts`, "import { decideOnce } from '../decision/decide.ts';"),
    ).toHaveLength(1);
    expect(planted(`${CORE}/stats/planted.ts`, "import { readFileSync } from 'node:fs';")).toHaveLength(1);
    expect(
      planted(`${CORE}/policies/planted.ts`, "import type { Guard } from '../guards/breaker.ts';"),
    ).toHaveLength(1);
  });
});
