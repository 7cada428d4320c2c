import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../limits.ts';
import { standard } from '../presets/standard.ts';
import { handNode, me } from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/memory-storage.ts';
import { checkGuards } from './check-guards.ts';
import { compilePoint } from './define.ts';
import type { KindSpec, PointSpec } from './spec.ts';

const point = (...guards: KindSpec[]): PointSpec => ({
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'thompson' },
  objective: { success: 1, tokenCount: -0.1, range: [-1, 1] },
  guards,
});
const limit = (of: string, more: object = {}): KindSpec => ({
  kind: 'limit',
  of,
  max: 5,
  per: '1m',
  ...more,
});
const checked = (spec: PointSpec) => () => checkGuards(compilePoint(spec, standard, DEFAULT_LIMITS));

describe('a limit of a metric that the declaration names nowhere', () => {
  it.each([
    ['cots', 'cost'],
    ['action', 'actions'],
    ['exposures', 'exposure'],
    ['latencyms', 'latencyMs'],
    ['tokenCuont', 'tokenCount'],
  ])('%s is refused where it is spelt nearly as %s: it would limit nothing', (of, meant) => {
    expect(checked(point({ kind: 'exploration', floor: 0.1 }, limit(of)))).toThrow(
      expect.objectContaining({
        code: 'invalid_spec',
        field: 'guards[1].of',
        value: `"${of}"`,
        mend: expect.stringMatching(new RegExp(`^Did you mean ${meant}\\? `)),
      }),
    );
  });

  it('may be a metric of one’s own: feedback may tell what no declaration names', () => {
    for (const of of ['actions', 'exposure', 'cost', 'reward', 'success', 'tokenCount', 'euros', 'posts'])
      expect(checked(point(limit(of)))).not.toThrow();
  });

  it('may be of a family with another: numbers alone make no slip', () => {
    const measured = { ...point(), objective: { success: 1, p99Ms: -0.1, range: [-1, 1] as const } };
    for (const of of ['p95Ms', 'p50Ms', 'cost2'])
      expect(checked({ ...measured, guards: [limit(of)] })).not.toThrow();
    expect(checked({ ...measured, guards: [limit('q99Ms')] })).toThrow();
  });

  it('may be like another that stands beside it, once it is named', () => {
    const defaults = { success: 0, tokenCount: 0 };
    const named = (metrics: object): PointSpec => ({
      ...point(limit('costs')),
      attribution: { default: { ...defaults, ...metrics } },
    });
    expect(checked(named({}))).toThrow(expect.objectContaining({ field: 'guards[0].of' }));
    expect(checked(named({ costs: 9 }))).not.toThrow();
    const guardrail = { kind: 'rollout', guardrails: [{ metric: 'costs', better: 'lower', margin: 1 }] };
    expect(checked(point(limit('costs'), guardrail))).not.toThrow();
  });
});

describe('two guards that take their units from one layer', () => {
  it('are refused: the one would hold out nobody whom the other does not', () => {
    for (const kind of ['holdout', 'rollout'] as const) {
      const share = kind === 'holdout' ? { share: 0.1 } : {};
      expect(checked(point({ kind, ...share }, limit('cost'), { kind, ...share, unit: 'user' }))).toThrow(
        expect.objectContaining({
          code: 'invalid_spec',
          field: 'guards[2]',
          value: `"${kind}"`,
          message: expect.stringContaining('guards[0]'),
          mend: expect.stringContaining('salt'),
        }),
      );
    }
  });

  it('are two where they have salts or generations of their own, or are of another kind', () => {
    const holdout = { kind: 'holdout', share: 0.1 };
    expect(checked(point(holdout, { ...holdout, salt: 'company' }))).not.toThrow();
    expect(checked(point(holdout, { ...holdout, generation: 1 }))).not.toThrow();
    expect(checked(point(holdout, { kind: 'rollout' }))).not.toThrow();
  });
});

describe('a guardrail of which nobody knows which way is harm', () => {
  const variants = { control: { arm: 'a' }, treatment: { arm: 'b' } };
  const experiment = (...metrics: unknown[]): KindSpec => ({
    kind: 'experiment',
    name: 'x',
    variants,
    metrics: ['success', ...metrics],
  });
  const nested = {
    kind: 'experiment',
    of: [{ name: 'x', variants, metrics: [{ metric: 'bounce', guardrail: true }] }],
  };

  it.each<[string, KindSpec]>([
    ['guards[0].metrics[1].better', experiment({ metric: 'bounce', guardrail: true, margin: 0.01 })],
    ['guards[0].of[0].metrics[0].better', nested],
    ['guards[0].guardrails[1].better', { kind: 'rollout', guardrails: ['success', 'errorRate'] }],
  ])('is refused at %s, with what mends it', (field, guard) => {
    expect(checked(point(guard))).toThrow(
      expect.objectContaining({
        code: 'invalid_spec',
        field,
        message: expect.stringContaining('which way the guardrail'),
        mend: 'Say better: lower or better: higher.',
      }),
    );
  });

  it('is perhaps one that is spelt otherwise', () => {
    expect(checked(point(experiment({ metric: 'latencyMS', guardrail: true })))).toThrow(
      expect.objectContaining({
        mend: 'Did you mean latencyMs? Otherwise say better: lower or better: higher.',
      }),
    );
  });

  it('may be said, and need not of those that everybody knows, nor of what is no guardrail', () => {
    const known = ['success', 'reward', 'error', 'latencyMs'].map((metric) => ({ metric, guardrail: true }));
    const declared = [...known, { metric: 'bounce', guardrail: true, better: 'lower' }, 'clicks'];
    expect(checked(point({ ...experiment(), metrics: declared }))).not.toThrow();
  });

  it('that was declared before is read, and counts on as it did', () => {
    const keyOf = (guardrail: unknown): string =>
      compilePoint(point({ kind: 'rollout', guardrails: [guardrail] }), standard, DEFAULT_LIMITS)
        .comparisons[0].key;
    expect(keyOf({ metric: 'bounce' })).toBe(keyOf({ metric: 'bounce', better: 'higher' }));
  });
});

it('is asked of who declares, not of what stands: a node that finds such a point on its disk goes on with it', async () => {
  const disk = memoryDisk();
  const start = (registry = standard) => handNode({ registry, disk });
  const wrong = point(limit('cots'), { kind: 'holdout', share: 0.1 }, { kind: 'holdout', share: 0.2 });
  // As one that knew no better declared it.
  const { limit: made, holdout } = standard.guards;
  const old = await start({
    ...standard,
    guards: {
      ...standard.guards,
      limit: (options, input) => ({ ...made(options, input), counts: undefined }),
      holdout: (options, input) => ({ ...holdout(options, input), layer: undefined }),
    },
  });
  await old.apply(wrong, me);
  await old.close();

  const node = await start();
  expect(node.decide('p', { unit: 'u' }).reason).not.toBe('blocked');
  expect(node.nodes()[0].problems).toEqual([]);
  expect(await node.apply(wrong, me)).toMatchObject({ changed: false });
  await expect(node.apply({ ...wrong, description: 'again' }, me)).rejects.toMatchObject({
    field: 'guards[0].of',
  });
  await node.reweigh({ point: 'p', weights: { success: 2 }, reason: 'r', by: me });
  await node.close();
});
