import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CompiledPoint,
  compilePoint,
  DEFAULT_LIMITS,
  GanglionError,
  REASONS,
  options as read,
} from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { describe, expect, test } from 'vitest';
import { ROOT } from './shell.ts';

/** The reference says what the code does: every key, and the defaults and ranges that can be tried. */
interface Row {
  readonly section: string;
  readonly key: string;
  readonly standard: string;
  readonly range: string;
}

const rows: Row[] = [];
const sections = new Set<string>();
{
  let section = '';
  let family = '';
  for (const line of readFileSync(join(ROOT, 'docs/guide/reference.md'), 'utf8').split('\n')) {
    const heading = /^(#{2,3}) (.*)$/.exec(line);
    if (heading !== null) {
      if (heading[1] === '##') family = heading[2].toLowerCase();
      section = heading[1] === '##' ? family : `${family}/${heading[2]}`;
      sections.add(section);
    }
    const row = /^\| `([^`]+)` \| (.*?) \| (.*?) \|/.exec(line);
    if (row !== null) rows.push({ section, key: row[1], standard: row[2], range: row[3] });
  }
}

const keysOf = (section: string): string[] =>
  rows.filter((row) => row.section === section).map(({ key }) => key);
const LEAST = { point: 'p', arms: ['a', 'b', 'c'], fallback: 'a', policy: { kind: 'split' } };
const compile = (changes: object): CompiledPoint =>
  compilePoint({ ...LEAST, ...changes }, standard, DEFAULT_LIMITS);

/** What the refusal of a key that nobody knows says that there is instead. */
function known(changes: object): string[] {
  try {
    compile(changes);
  } catch (error) {
    const mend = error instanceof GanglionError ? (error.mend ?? '') : '';
    return /(?:[Uu]se(?: one of:)?) ([A-Za-z, ]+)\.$/.exec(mend)?.[1].split(', ') ?? [];
  }
  throw new Error('an unknown key was taken');
}

/** The least that makes each kind compile. */
const POLICIES: Readonly<Record<string, object>> = {
  fixed: { arm: 'a' },
  rules: { rules: [{ arm: 'a' }] },
  'by-context': { rules: [{ policy: { kind: 'split' } }] },
  'q-learning': { state: [] },
  ensemble: { members: [{ kind: 'split' }, { kind: 'thompson' }] },
};
const GUARDS: Readonly<Record<string, object>> = {
  holdout: { share: 0.1 },
  experiment: { name: 'x', variants: { control: { arm: 'a' }, treatment: { arm: 'b' } } },
  safety: { margin: 0 },
  exploration: { floor: 0.1 },
  confidence: { min: 0.5, otherwise: ['soften'] },
  bulkhead: { perArm: 4, total: 4 },
  breaker: { slowCall: '1s' },
  limit: { of: 'actions', max: 5, per: '1m', scope: 'unit' },
};

const FEATURES: Readonly<Record<string, object>> = {
  count: { count: 'x' },
  rate: { rate: 'x', halfLife: '1h' },
  window: { window: 'x', for: '1h' },
  last: { last: 'y', of: 'x' },
  latest: { latest: 'y', of: 'x' },
  distinct: { distinct: 'y', of: 'x' },
  ratio: { ratio: ['b', 'c'] },
};
const featured = (define: object): object => ({
  features: { user: { define: { b: { count: 'b' }, c: { count: 'c' }, a: define } } },
});

describe('the reference has every key', () => {
  test('of a point', () => {
    expect(known({ nonsense: 1 })).toEqual(keysOf('the point'));
  });

  test.each([
    ['oversight', { oversight: { nonsense: 1 } }],
    ['attribution', { attribution: { nonsense: 1 } }],
    ['pooling', { pooling: { nonsense: 1 } }],
    ['validation', { validation: { nonsense: 1 } }],
    ['training', { training: { nonsense: 1 } }],
    ['sticky', { sticky: { nonsense: 1 } }],
    ['context', { context: { x: { type: 'number', nonsense: 1 } } }],
  ])('of %s', (section, changes) => {
    expect(new Set(known(changes))).toEqual(new Set(keysOf(`the point/${section}`)));
  });

  test.each(Object.keys(standard.policies))('of the policy %s', (kind) => {
    expect(sections).toContain(`policies/${kind}`);
    const policy = { kind, ...POLICIES[kind], nonsense: 1 };
    expect(new Set(known({ policy }))).toEqual(new Set(keysOf(`policies/${kind}`)));
  });

  test.each(Object.keys(standard.guards))('of the guard %s', (kind) => {
    expect(sections).toContain(`guards/${kind}`);
    const guards = [{ kind, ...GUARDS[kind], nonsense: 1 }];
    expect(new Set(known({ guards }))).toEqual(new Set(keysOf(`guards/${kind}`)));
  });

  test('of a set of features', () => {
    const set = { define: { a: { count: 'x' } }, nonsense: 1 };
    expect(new Set(known({ features: { user: set } }))).toEqual(new Set(keysOf('features')));
  });

  test.each(Object.keys(standard.features ?? {}))('of the feature %s', (kind) => {
    const define = { ...FEATURES[kind], nonsense: 1 };
    expect(new Set(known(featured(define)))).toEqual(new Set(keysOf(`features/${kind}`)));
  });

  test('and no kind that there is not', () => {
    const kinds = [...sections].filter((section) => /^(policies|guards|features)\//.test(section));
    expect(new Set(kinds)).toEqual(
      new Set([
        ...Object.keys(standard.policies).map((kind) => `policies/${kind}`),
        ...Object.keys(standard.guards).map((kind) => `guards/${kind}`),
        ...Object.keys(standard.features ?? {}).map((kind) => `features/${kind}`),
      ]),
    );
  });
});

/** A declaration with this option set, wherever the reference has it. */
function declaring({ section, key }: Row, value: unknown): object {
  const [family, name] = section.split('/');
  if (section === 'the point') return { [key]: value };
  if (family === 'the point')
    return { [name]: { [key]: value }, ...(name === 'validation' ? { policy: { kind: 'thompson' } } : {}) };
  if (family === 'policies') return { policy: { kind: name, ...POLICIES[name], [key]: value } };
  if (section === 'features') return { features: { user: { define: { a: { count: 'x' } }, [key]: value } } };
  if (family === 'features') return featured({ ...FEATURES[name], [key]: value });
  return { guards: [{ kind: name, ...GUARDS[name], [key]: value }] };
}

const DURATION = /^\d+(ms|s|m|h|d)$/;
const bounds = rows.flatMap((row) => {
  const match = /^`([^`]+)` to `([^`]+)`$/.exec(row.range);
  return match === null ? [] : [{ row, low: match[1], high: match[2] }];
});

describe('the ranges are those of the code', () => {
  test('there are some to try', () => expect(bounds.length).toBeGreaterThan(25));

  test.each(bounds.map((each) => [`${each.row.section} ${each.row.key}`, each] as const))(
    '%s',
    (_, { row, low, high }) => {
      const inDuration = DURATION.test(low);
      const at = (text: string): number => (inDuration ? read.parseDuration(text, row.key) : Number(text));
      compile(declaring(row, at(low)));
      compile(declaring(row, at(high)));
      // The next value a person would write beyond either end.
      const step = at(low) < 1 && at(low) > 0 ? at(low) / 10 : inDuration || at(high) > 1 ? 1 : 0.01;
      expect(() => compile(declaring(row, at(low) - step))).toThrow();
      expect(() => compile(declaring(row, at(high) + Math.max(step, at(high) > 1 ? 1 : 0.01)))).toThrow();
    },
  );
});

describe('the defaults are those of the code', () => {
  const least = compile({});
  const said = (section: string, key: string): string =>
    rows.find((row) => row.section === section && row.key === key)!.standard.replaceAll('`', '');

  test.each([
    ['the point/oversight', 'lease', least.leaseMs],
    ['the point/attribution', 'window', least.windowMs],
    ['the point/attribution', 'correction', least.correctionMs],
    ['the point/pooling', 'every', least.pooling.everyMs],
    ['the point', 'budget', least.budgetMs],
  ])('%s %s', (section, key, ms) => {
    expect(read.parseDuration(said(section, key), key)).toBe(ms);
  });

  test.each([
    ['the point', 'placement', least.placement],
    ['the point', 'domain', least.domain],
    ['the point', 'pending', String(least.pendingMax)],
    ['the point', 'exposure', least.explicitExposure ? 'explicit' : 'decision'],
    ['the point', 'sticky', least.stickyMs === 0 ? 'none' : ''],
    ['the point/oversight', 'onExpiry', least.onExpiry],
    ['the point/pooling', 'weight', String(least.pooling.weight)],
    ['the point/pooling', 'steps', String(least.pooling.steps)],
  ])('%s %s', (section, key, value) => {
    expect(said(section, key)).toBe(value);
  });
});

test('the page on decision points has every reason, and whether it trains', () => {
  const page = readFileSync(join(ROOT, 'docs/guide/decision-points.md'), 'utf8');
  const told = [...page.matchAll(/^\| `([a-z_]+)` \| (yes|no) \|/gm)].map((match) => [
    match[1],
    match[2] === 'yes',
  ]);
  expect(new Map(told as [string, boolean][])).toEqual(
    new Map(Object.entries(REASONS).map(([reason, { trains }]) => [reason, trains])),
  );
});
