import { describe, expect, test } from 'vitest';
import type { KindSpec, PointSpec } from '../decision/spec.ts';
import { type Tally, tallies } from '../experiment/tally.ts';
import { DEFAULT_LIMITS, NUMBER_LIMITS } from '../limits.ts';
import type { Policy, Proposal } from '../policy.ts';
import { standard } from '../presets/standard.ts';
import type { Factory, Registry } from '../registry.ts';
import { stream } from '../stats/random.ts';
import { byHand, drawnFrom, type HandNode, handNode, me, settle } from '../testing/hand-node.ts';
import { type MemoryDisk, memoryDisk } from '../testing/index.ts';
import { decodeSlot, encodeSlot } from './slot-codec.ts';

const WINDOW_MS = 1000;
const MOST = NUMBER_LIMITS.largest;

const point = (more: Partial<PointSpec> = {}): PointSpec => ({
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'thompson' },
  context: { spend: { type: 'number' } },
  attribution: { window: WINDOW_MS },
  oversight: { lease: 'none' },
  guards: [
    {
      kind: 'experiment',
      name: 'copy',
      variants: { control: { arm: 'a' }, treatment: { arm: 'b' } },
      metrics: ['revenue'],
      covariate: 'spend',
      share: 0.5,
    },
    { kind: 'experiment', name: 'arms', variants: 'policy', metrics: ['revenue'], share: 0.5 },
  ],
  ...more,
});

const hand = byHand();
const start = (disk: MemoryDisk, registry: Registry = standard) =>
  handNode({ hand, disk, registry, chance: drawnFrom(stream(3, hand.ms)) });

/** The largest that is admitted, both ways, until its windows have closed. */
async function teach(node: HandNode, name = 'u'): Promise<void> {
  for (let i = 0; i < 20; i++) {
    const spend = i % 2 === 0 ? MOST : -MOST;
    const { id } = node.decide('p', { unit: `${name}${i}`, context: { spend } });
    const metrics = { revenue: i % 3 === 0 ? MOST : -MOST };
    expect(await node.feedback([{ id, metrics, reward: i % 2 }])).toMatchObject([{ status: 'joined' }]);
  }
  await settle([node], 3 * WINDOW_MS, 100);
}

describe('the largest numbers', () => {
  test('what is larger is refused at the rim, naming field, value and mend', async () => {
    const node = await start(memoryDisk());
    await node.apply(point(), me);
    const { id } = node.decide('p', { unit: 'u' });
    for (const [item, field] of [
      [{ metrics: { revenue: 1e200 } }, 'metrics.revenue'],
      [{ metrics: { revenue: -1e101 } }, 'metrics.revenue'],
      [{ reward: 1e200 }, 'reward'],
      [{ truth: -1e200 }, 'truth'],
    ] as const) {
      const [result] = await node.feedback([{ id, ...item }]);
      expect(result).toMatchObject({
        status: 'rejected',
        problem: { code: 'invalid_input', field, mend: expect.stringContaining('1e+100') },
      });
      expect(result).toMatchObject({
        problem: { message: expect.stringMatching(/is -?1e\+(101|200)/) },
      });
    }
    const decision = node.decide('p', { unit: 'v', context: { spend: 1e200 } });
    expect(decision.reason).toBe('invalid_context');
    expect(decision.trail.map(({ why }) => why).join()).toMatch(/context\.spend must be .* it is 1e\+200/);
  });

  test('so is a reward outside the declared range, with its value and what to do', async () => {
    const node = await start(memoryDisk());
    await node.apply(point({ objective: { range: [0, 5] } }), me);
    const { id } = node.decide('p', {});
    expect(await node.feedback([{ id, reward: 5.5 }])).toMatchObject([
      {
        status: 'rejected',
        problem: {
          field: 'reward',
          message: expect.stringContaining('5.5, outside [0, 5]'),
          mend: expect.stringContaining('range'),
        },
      },
    ]);
  });

  test('a node that was told them starts again, with what it counted', async () => {
    const disk = memoryDisk();
    const node = await start(disk);
    await node.apply(point(), me);
    await teach(node);
    const counted = node.report('p').experiments[0].variants.map((variant) => variant.counted);
    expect(counted.reduce((sum, n) => sum + n, 0)).toBeGreaterThan(0);
    await node.close();
    const again = await start(disk);
    expect(again.report('p').experiments[0].variants.map((variant) => variant.counted)).toEqual(counted);
    expect(again.state.refused).toEqual({});
  });

  test.each<[KindSpec, { range: readonly [number, number] }]>([
    [{ kind: 'ucb1' }, { range: [0, MOST] }],
    [{ kind: 'thompson', reward: 'gaussian', halfLife: '1m' }, { range: [-MOST, MOST] }],
  ])('so does one whose learner was: %o', async (policy, objective) => {
    const disk = memoryDisk();
    const node = await start(disk);
    await node.apply(point({ policy, objective, guards: [] }), me);
    for (let i = 0; i < 20; i++) {
      const { id } = node.decide('p', { context: { spend: 0 } });
      await node.feedback([{ id, reward: MOST }]);
    }
    await node.close();
    const again = await start(disk);
    const [learner] = again.state.learners.values();
    const { evidence, own } = learner.slots;
    expect([...own.values()].reduce((n, slot) => n + (evidence?.outcomes(slot.evidence) ?? 0), 0)).toBe(20);
    expect(again.decide('p', { context: {} }).propensity).toBeGreaterThan(0);
  });
});

describe('evidence that cannot be read', () => {
  test('is set aside at the start, counted, and its bytes are kept', async () => {
    const disk = memoryDisk();
    const node = await start(disk);
    await node.apply(point(), me);
    await teach(node);
    await node.close();
    const image = disk.snapshot();
    const slots = new Map(image.entries.get('slot'));
    const [key] = [...slots.keys()].filter((each) => each.startsWith('p|comparisons'));
    const bytes = poisoned(slots.get(key) as Uint8Array);
    slots.set(key, bytes);
    disk.restore({ ...image, entries: new Map([...image.entries, ['slot', slots]]) });

    const again = await start(disk);
    expect(again.state.refused).toEqual({ evidence_set_aside: 1 });
    await teach(again, 'w');
    expect(again.report('p').experiments[0].variants.some(({ counted }) => counted > 0)).toBe(true);
    await again.close();
    expect(asides(disk)).toEqual([[key, bytes]]);
    const third = await start(disk);
    expect(third.state.refused).toEqual({});
    expect(asides(disk)).toEqual([[key, bytes]]);
  });
});

const asides = (disk: MemoryDisk): (readonly [string, Uint8Array])[] =>
  [...(disk.snapshot().entries.get('aside') ?? [])].map(([at, bytes]) => [
    at.slice('slot\n'.length, at.lastIndexOf('\n')),
    bytes,
  ]);

/** As an earlier version may have left it: a sum that has overflown. */
function poisoned(slot: Uint8Array): Uint8Array {
  const stored = decodeSlot(slot, DEFAULT_LIMITS.evidenceBytes);
  const tally: Tally = tallies.decode(stored.bytes, DEFAULT_LIMITS);
  for (const row of tally.rows.values()) row[1] = Number.POSITIVE_INFINITY;
  return encodeSlot({ ...stored } as never, stored.version, tallies.encode(tally));
}

describe('declared ranges and scales', () => {
  const field = { load: { type: 'number' as const, mean: 0, sd: 1e-320 } };
  const linUcb = { policy: { kind: 'lin-ucb' }, guards: [] };
  test.each<[string, Partial<PointSpec>]>([
    ['objective.range', { objective: { range: [0, 1e153] } }],
    ['objective.range', { objective: { range: [0, 1e-160] } }],
    ['objective.range', { objective: { range: [-1e308, 1e308] } }],
    ['objective.range', { objective: { range: [1e9, 1e9 + 0.5] } }],
    ['objective.a.range', { objective: { a: { weight: 1, range: [0, 1e120] } } }],
    ['objective', { objective: { a: { weight: 1e60, range: [0, 1e60] } } }],
    ['objective', { objective: { a: { weight: 1e-60, range: [0, 1e-60] } } }],
    ['objective.a', { objective: { a: 1e101, range: [0, 1] } }],
    ['objective.constraints[0].range', { objective: { a: 1, constraints: [bound([0, 1e-101])] } }],
    ['guards[0].range', { guards: [{ kind: 'safety', margin: 0.1, range: [0, 1e101] }] }],
    ['context.load.sd', { ...linUcb, context: field }],
    ['context.load.sd', { ...linUcb, context: { load: { ...field.load, mean: 1e10, sd: 1 } } }],
    ['context.load', { ...linUcb, context: { load: { type: 'number', min: 0, max: 1e-200 } } }],
    ['context.load', { ...linUcb, context: { load: { type: 'number', min: 0, max: 1e200 } } }],
    // What is missing is said by what is there.
    ['context.load', { ...linUcb, context: { load: { type: 'number', min: 7 } } }],
    ['attribution.default.reward', { attribution: { default: { reward: 1e101 } } }],
  ])('beyond the limits are refused, naming %s, the value and a mend: %o', async (at, more) => {
    const node = await start(memoryDisk());
    await expect(node.apply(point({ guards: [], ...more }), me)).rejects.toMatchObject({
      code: 'invalid_spec',
      field: at,
      value: expect.stringMatching(/\d/),
      mend: expect.stringMatching(/\w/),
    });
  });
});

const bound = (range: readonly [number, number]) => ({ metric: 'a', max: 0, range });

describe('a proposal that is no distribution', () => {
  test.each([
    ['not a number', [Number.NaN, Number.NaN]],
    ['not a number in part', [1, Number.NaN]],
    ['below 0', [1.5, -0.5]],
    ['too little', [0, 0]],
    ['too much', [1, 1]],
  ])('is not drawn from: the fallback is served, for that reason, counted: %s', async (_, shares) => {
    const broken: Factory<Policy> = (options, input) => ({
      ...(standard.policies.fixed({ ...options, kind: 'fixed', arm: 'b' }, input) as Policy),
      propose: (_view: unknown, _input: unknown, out: Proposal) => void out.p.set(shares),
    });
    const registry = { ...standard, policies: { ...standard.policies, broken } };
    const node = await start(memoryDisk(), registry);
    await node.apply(point({ policy: { kind: 'broken' }, guards: [] }), me);
    const decision = node.decide('p', {});
    expect(decision).toMatchObject({ arm: 'a', propensity: 1, reason: 'invalid_proposal', proposed: null });
    expect(decision.trail.at(-1)).toMatchObject({ guard: 'policy', kind: 'block' });
    expect(node.report('p').reasons.invalid_proposal).toBe(1);
    const seen = node.decide('p', { taken: { arm: 'b', propensity: 0.5 } });
    expect(seen).toMatchObject({ arm: 'b', reason: 'observed', proposed: null });
  });
});
