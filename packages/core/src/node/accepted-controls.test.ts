import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeControls } from '../controls/control-codec.ts';
import type { PointSpec } from '../decision/spec.ts';
import { GanglionError, isGanglionError } from '../errors.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { decodeMessage, encodeMessage } from '../sync/codec.ts';
import type { DownMessage, UpMessage } from '../sync/messages.ts';
import { me as by, byHand, type HandNode, handNode, join, settle } from '../testing/hand-node.ts';
import { memoryDisk } from '../testing/memory-storage.ts';

const FIRST: PointSpec = {
  point: 'p',
  arms: ['a', 'constructor', 'valueOf'],
  fallback: 'a',
  context: {
    x: { type: 'number' },
    constructor: { type: 'category' },
    toString: { type: 'boolean' },
  } as never,
  policy: { kind: 'thompson' },
};

const INHERITED = Object.getOwnPropertyNames(Object.prototype);
const name = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'c', 'unit', '1', '0') },
  { weight: 3, arbitrary: fc.constantFrom(...INHERITED) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('prototype', 'then', 'toJSON', '', 'é', '\ud800', 'a\u2028', 'x'.repeat(300)),
  },
);
const number = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.double());
const nest = (depth: number): unknown =>
  depth === 0 ? 1 : depth % 2 === 0 ? [nest(depth - 1)] : { [`k${depth}`]: nest(depth - 1) };
const odd = fc.oneof(
  fc.jsonValue(),
  number,
  name,
  fc.integer({ min: 1, max: 40 }).map(nest),
  fc.constant(undefined),
  fc.constant(1n),
  fc.constant(() => 1),
  name.map((key) => JSON.parse(`{${JSON.stringify(key)}: 1}`) as unknown),
);
/** As declared, or now and then anything at all. */
const or = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 12, arbitrary }, { weight: 1, arbitrary: odd });
/** With own keys of any name, `__proto__` among them. */
const record = (value: fc.Arbitrary<unknown>) =>
  fc.array(fc.tuple(name, value), { maxLength: 3 }).map((pairs) => {
    const out: Record<string, unknown> = {};
    for (const [key, each] of pairs)
      Object.defineProperty(out, key, { value: each, enumerable: true, configurable: true, writable: true });
    return out;
  });

const field = fc.constantFrom(
  { type: 'number' },
  { type: 'category' },
  { type: 'boolean' },
  { type: 'number', min: 0, max: 5 },
);
const arms = fc.uniqueArray(
  fc.constantFrom('a', 'b', 'c', ...INHERITED.filter((each) => !each.startsWith('_'))),
  { minLength: 1, maxLength: 4 },
);
const spec = fc
  .tuple(arms, or(record(or(field))), or(record(or(number))), odd, fc.nat(11), fc.nat(70_000))
  .map(([ids, context, weights, anything, which, length]) => ({
    point: which < 8 ? 'p' : ids[0],
    arms: ids,
    fallback: ids[0],
    policy: { kind: 'thompson' },
    ...(which === 1
      ? { policy: { kind: 'split', weights: Object.fromEntries(ids.map((id) => [id, 1])) } }
      : {}),
    ...(which < 6 ? { context } : {}),
    ...(which === 2 ? { objective: { ...(weights as object), range: [-99, 99] } } : {}),
    ...(which === 3 ? { attribution: { default: weights } } : {}),
    ...(which === 4 ? { description: anything } : {}),
    ...(which === 5 ? { arms: ids.map((id) => ({ id, features: { says: anything } })) } : {}),
    ...(which === 6 ? { guards: anything } : {}),
    ...(which > 9
      ? { arms: ids.map((id) => ({ id, features: { says: 'ü'.repeat(length / ids.length) } })) }
      : {}),
  }));
const condition = fc.oneof(
  number,
  name,
  fc.boolean(),
  fc.array(or(number), { maxLength: 3 }),
  record(number),
  fc.record({ min: number, max: number }),
  odd,
);
const pinned = fc.oneof(
  record(condition),
  fc.record({ x: condition, constructor: condition, toString: condition, unit: condition } as never, {
    requiredKeys: [],
  }),
);
const scope = fc.oneof(
  fc.constant('*'),
  fc
    .tuple(fc.constantFrom('point', 'domain', 'artifact', 'node', 'tier'), name)
    .map(([kind, of]) => `${kind}:${of}`),
);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('apply' as const), spec }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('pin' as const),
      arm: or(fc.constantFrom(...(FIRST.arms as string[]))),
      segment: or(pinned),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), scope }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reset' as const) }) },
);

/** So little in a message that a few declarations fill it. */
const LIMITS = { ...DEFAULT_LIMITS, messageBytes: 128 << 10 };

/** A root on a disk with a child below it, over a link that takes what a real one takes; whoever refuses there throws. */
async function tree() {
  const disk = memoryDisk();
  const hand = byHand();
  const start = () => handNode({ hand, disk, limits: LIMITS });
  const [root, child] = [await start(), await handNode({ name: 'dev', hand, limits: LIMITS })];
  const carry = (message: UpMessage | DownMessage) => {
    const { message: read } = decodeMessage(encodeMessage(message), root.state.limits);
    if (read.controls !== null) decodeControls(read.controls, root.state.limits);
    return read;
  };
  join(root, child, {
    up: (message) => carry(message) as UpMessage,
    down: (message) => carry(message) as DownMessage,
  });
  const meet = async (): Promise<void> => {
    for (let i = 0; i < 100 && (i < 8 || child.state.durableDigest !== root.state.durableDigest); i++)
      await settle([root, child], 100, 100);
  };
  return { root, child, meet, restarted: start };
}

/** Whether it was accepted. Whatever is refused is refused with a code, naming the field where it is one. */
async function said(
  full: { count: number },
  root: HandNode,
  each: typeof step extends fc.Arbitrary<infer T> ? T : never,
): Promise<boolean> {
  try {
    if (each.do === 'apply') await root.apply(each.spec as unknown as PointSpec, by);
    else if (each.do === 'kill') await root.kill({ scope: each.scope, reason: 'r', by });
    else if (each.do === 'remove') await root.remove('p', by);
    else if (each.do === 'reset') await root.reset({ point: 'p', reason: 'r', by });
    else
      await root.override({
        point: 'p',
        arm: each.arm as string,
        segment: each.segment as never,
        reason: 'r',
        by,
      });
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(GanglionError);
    if (isGanglionError(error, 'overloaded')) full.count++;
    return false;
  }
}

describe('whatever is accepted of people', () => {
  test('is heard by children and read after a restart, to the same digest, and runs there', async () => {
    const full = { count: 0 };
    const accepted = { apply: 0, pin: 0, kill: 0, remove: 0, reset: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        const { root, child, meet, restarted } = await tree();
        await root.apply(FIRST, by);
        for (const each of steps) if (await said(full, root, each)) accepted[each.do]++;
        await meet();
        const { durableDigest, points } = root.state;
        expect(child.state.durableDigest).toBe(durableDigest);
        expect([...child.state.points.keys()].sort()).toEqual([...points.keys()].sort());
        await root.close();
        const again = await restarted();
        expect(again.state.durableDigest).toBe(durableDigest);
        expect([...again.state.points.keys()].sort()).toEqual([...points.keys()].sort());
        for (const node of [child, again])
          expect([node.state.refused.undecodable_controls, node.state.refused.generation_set_right]).toEqual([
            undefined,
            undefined,
          ]);
        await again.close();
      }),
      { numRuns: 300, seed: 11 },
    );
    expect(Math.min(accepted.apply, accepted.kill, accepted.pin, full.count)).toBeGreaterThan(5);
  });
});
