import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compilePoint,
  DEFAULT_LIMITS,
  type ModelEntry,
  modelOf,
  type PointSpec,
  running,
} from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { afterAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type Block, blocksOf, misprint, runs, wordOf } from './blocks.ts';
import { openSandbox, ROOT } from './shell.ts';

/** Whatever the pages say can be done, is done here, and prints what they say. */
const folder = mkdtempSync(join(tmpdir(), 'ganglion-guide-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PAGES = [
  'README.md',
  'docs/runbook.md',
  ...readdirSync(join(ROOT, 'docs/guide'))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/guide/${name}`),
];

describe.each(PAGES)('%s', (path) => {
  const blocks = blocksOf(readFileSync(join(ROOT, path), 'utf8'));
  const running = blocks.filter((block) => runs(block) || wordOf(block, 'file') !== undefined);

  if (running.some(runs))
    test('does what it shows', async () => {
      const sandbox = await openSandbox(join(folder, path.replaceAll('/', '-')));
      try {
        for (const block of running) {
          const file = wordOf(block, 'file');
          if (file !== undefined) writeFileSync(join(sandbox.folder, file), block.text);
          if (!runs(block)) continue;
          const where = `${path}:${block.line}`;
          const { ok, printed } = await (block.language === 'ts'
            ? sandbox.module(block.text)
            : sandbox.bash(block.text));
          expect(ok, `${where} failed and printed:\n${printed}`).toBe(true);
          if (block.prints !== undefined) expect(misprint(block.prints, printed), where).toBe('');
        }
      } finally {
        await sandbox.close();
      }
    }, 180_000);

  test('shows files as they are', () => {
    for (const block of blocks) {
      const name = wordOf(block, 'part') ?? wordOf(block, 'example');
      if (name !== undefined)
        expect(block.text).toBe(readFileSync(join(ROOT, 'docs/src/examples', name), 'utf8'));
    }
  });

  test('declares points that compile', () => {
    for (const block of blocks.filter(({ language }) => language === 'yaml')) {
      for (const document of parseAllDocuments(block.text)) {
        expect(document.errors, `${path}:${block.line}`).toEqual([]);
        declared(document.toJS(), `${path}:${block.line}`);
      }
    }
  });

  test('links to places that are there', () => {
    const text = readFileSync(join(ROOT, path), 'utf8').replace(/^```[\s\S]*?^```/gm, '');
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"/g)].map(
      (match) => match[1] ?? match[2],
    );
    const home = join(ROOT, path, '..');
    for (const target of targets) {
      if (/^https?:/.test(target)) continue;
      const [name, anchor] = target.split('#');
      const file = name === '' ? join(ROOT, path) : join(home, name);
      const there =
        statSync(file).isDirectory() || /\.(png|svg)$/.test(name) ? '' : readFileSync(file, 'utf8');
      if (anchor !== undefined)
        expect(
          [...there.matchAll(/^#+ (.*)$/gm)].map((match) => slug(match[1])),
          `${path} → ${target}`,
        ).toContain(anchor);
    }
  });
});

/** A whole point as it is, a part of one laid over the least there can be. */
function declared(value: Record<string, unknown>, where: string): void {
  const least = { point: 'page', arms: ['a', 'b', 'c'], fallback: 'a', policy: { kind: 'split' } };
  const spec = 'point' in value ? value : { ...least, ...value };
  try {
    compilePoint(running(spec as unknown as PointSpec, registryFor(spec)), standard, DEFAULT_LIMITS);
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
  }
}

/** One version of the model that a declaration names, so that it can be compiled as it would run. */
function registryFor(spec: object): ReadonlyMap<string, ModelEntry> {
  const model = modelOf(spec);
  if (model === undefined) return new Map();
  const version: ModelEntry['versions'][number] = {
    version: 'v1',
    digest: '0'.repeat(64),
    parents: [],
    window: null,
    metrics: {},
    atMs: 0,
    by: 'page',
    stage: 'champion',
    traffic: 0,
    reason: '',
  };
  return new Map([[model, { revision: 1, node: 'page', versions: [version], before: [] }]]);
}

function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');
}

describe('how the pages are read', () => {
  const page = (text: string): Block[] => blocksOf(text);

  test('a text fence right after one that runs is what it prints', () => {
    const [first, second] = page('```bash\necho a\n```\n\n```text\na\n```\nwords\n```text\nb\n```\n');
    expect(first.prints).toBe('a\n');
    expect(second).toMatchObject({ language: 'text', prints: undefined });
  });

  test('a misprint is found, and an ellipsis stands for anything', () => {
    expect(misprint('a\n…\nd', 'a\nb\nc\nd')).toBe('');
    expect(misprint('a …!\nd', 'a b c!\nd')).toBe('');
    expect(misprint('a\nd', 'a\nb')).toContain('line 2');
    expect(misprint('a', 'a\nb')).not.toBe('');
  });
});
