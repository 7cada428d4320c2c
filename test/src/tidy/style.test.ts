import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { filesBelow, ROOT } from './house.ts';

const sources = ['packages', 'bench', 'test', 'docs'].flatMap((folder) =>
  filesBelow(folder, ['.ts', '.tsx']),
);
const production = sources.filter((file) => !file.isTest && file.path.startsWith('packages/'));

describe('the style that a machine can check', () => {
  test('file names are kebab-case', () => {
    expect(
      sources
        .filter(({ path }) => !/^[a-z0-9-]+(\.[a-z]+)*\.tsx?$/.test(path.split('/').at(-1) ?? ''))
        .map(({ path }) => path),
    ).toEqual([]);
  });

  test('no file is longer than 500 lines, no test longer than 600', () => {
    expect(
      sources
        .filter(({ text, isTest }) => text.split('\n').length > (isTest ? 601 : 501))
        .map(({ path, text }) => `${path}: ${text.split('\n').length}`),
    ).toEqual([]);
  });

  test('the median file has at most 150 lines', () => {
    const lengths = production.map(({ text }) => text.split('\n').length).sort((a, b) => a - b);
    expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(150);
  });

  test('core asks nobody but its ports for time, chance or timers', () => {
    const banned =
      /\b(Date\.now|new Date\(|Math\.random|setTimeout|setInterval|setImmediate|performance\.now|console\.|process\.(env|exit|argv|hrtime|nextTick|stdout|stderr|cwd|on)\b|fetch\()/;
    const code = production.filter(({ path }) => path.startsWith('packages/core/src/'));
    const hits = code.flatMap(({ path, text }) =>
      text
        .split('\n')
        .filter((line) => !/^\s*(\*|\/\/|\/\*)/.test(line) && banned.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
    expect(hits).toEqual([]);
  });

  test('core passes transcendental functions through one module', () => {
    const banned =
      /\bMath\.(exp|expm1|log|log1p|log2|log10|pow|sin|cos|tan|sinh|cosh|tanh|atan|atan2|asin|acos|cbrt|hypot)\b|\*\*/;
    const code = production.filter(
      ({ path }) =>
        /^packages\/core\/src\/(stats|learners|policies|guards|decision|detectors)\//.test(path) &&
        !path.endsWith('stats/math.ts'),
    );
    const hits = code.flatMap(({ path, text }) =>
      text
        .split('\n')
        .filter(
          (line) => !/^\s*(\*|\/\/|\/\*)/.test(line) && banned.test(line) && !/2 \*\* |\*\* 2\b/.test(line),
        )
        .map((line) => `${path}: ${line.trim()}`),
    );
    expect(hits).toEqual([]);
  });

  test('nothing is left to do, skipped or focused', () => {
    const banned =
      /\b(TODO|FIXME|HACK|XXX)\b|@ts-ignore|@ts-nocheck|\bas any\b(?! \w)|\b(test|it|describe)\.(only|todo)\(/;
    const hits = sources
      .filter(({ path }) => !path.endsWith('tidy/style.test.ts'))
      .flatMap(({ path, text }) =>
        text
          .split('\n')
          .filter((line) => banned.test(line))
          .map((line) => `${path}: ${line.trim()}`),
      );
    expect(hits).toEqual([]);
  });

  test('no machine path and no registry host is in any tracked file', () => {
    const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' })
      .split('\0')
      .filter((path) => path !== '' && !path.endsWith('tidy/style.test.ts'));
    const files = ['packages', 'bench', 'test', 'docs', '.ci'].flatMap((folder) =>
      filesBelow(folder, ['.ts', '.tsx', '.md', '.json', '.yaml', '.css', '.html', 'run']),
    );
    const banned = /\/(work|root)\/|registry\.[a-z]+\.(org|com)/;
    const known = new Set(tracked);
    expect(
      files
        .filter(
          ({ path, text }) => known.has(path) && banned.test(text) && !path.endsWith('tidy/style.test.ts'),
        )
        .map(({ path }) => path),
    ).toEqual([]);
  });
});
