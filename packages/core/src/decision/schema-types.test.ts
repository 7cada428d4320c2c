import { describe, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import type { DecideInput, GanglionNode, PointHandle, TypedInput } from '../node-api.ts';
import type { Decision } from './record.ts';
import { definePoint } from './schema.ts';
import type { DefinedPoint, FieldSpec, PointSpec } from './spec.ts';

/** What the compiler knows; the tests of types run none of it. */
declare const node: GanglionNode;
const base = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } } as const;

const search = definePoint({
  ...base,
  context: {
    words: { type: 'number', min: 0, required: true },
    market: { type: 'category', values: ['eu', 'us'] },
    agent: { type: 'category', values: ['web'], buckets: 4 },
    query: { type: 'category' },
    known: { type: 'boolean' },
    clicks: { feature: 'item.clicks', default: 0 },
  },
  features: { item: { key: 'context.item', define: { clicks: { window: 'click', for: '1h' } } } },
});
type ContextOf<Point> = Point extends DefinedPoint<string, infer Context> ? Context : never;
type Search = ContextOf<typeof search>;

describe('a context that is declared by fields', () => {
  test('has the type of each, null where it need not be there', () => {
    expectTypeOf<Search['words']>().toEqualTypeOf<number>();
    expectTypeOf<Search['market']>().toEqualTypeOf<'eu' | 'us' | null | undefined>();
    expectTypeOf<Search['known']>().toEqualTypeOf<boolean | null | undefined>();
    expectTypeOf<Search['query']>().toEqualTypeOf<string | null | undefined>();
    expectTypeOf<Search['agent']>().toEqualTypeOf<string | null | undefined>();
    expectTypeOf<Search['clicks']>().toEqualTypeOf<number | string | boolean | null | undefined>();
    expectTypeOf<Search['item']>().toEqualTypeOf<string | null | undefined>();
  });

  test('is refused with a wrong key, a wrong value, a wrong type or without what is required', () => {
    const point = (): PointHandle<'a' | 'b', Search> => node.use(search);
    void (() => {
      point().decide({ unit: 'u', context: { words: 1, market: 'eu', agent: 'tv', known: true, item: 'x' } });
      // @ts-expect-error -- no such field
      point().decide({ context: { words: 1, wurds: 1 } });
      // @ts-expect-error -- no such market
      point().decide({ context: { words: 1, market: 'asia' } });
      // @ts-expect-error -- no number
      point().decide({ context: { words: '1' } });
      // @ts-expect-error -- no boolean
      point().decide({ context: { words: 1, known: 1 } });
      // @ts-expect-error -- words are required
      point().decide({ context: { market: 'eu' } });
      // @ts-expect-error -- words are required, so an input is
      point().decide();
      // @ts-expect-error -- for rankings as well
      point().rank(2);
      // @ts-expect-error -- words are required, so a context is
      point().decide({ unit: 'u' });
      // @ts-expect-error -- no such field
      point().decideAsync({ context: { words: 1, wurds: 1 } });
      // @ts-expect-error -- no such field
      point().rank(2, { context: { words: 1, wurds: 1 } });
    });
  });

  test('may be anything where the declaration is no literal', () => {
    const fields: Record<string, FieldSpec> = { words: { type: 'number', required: true } };
    const spec: PointSpec = { ...base, context: fields };
    void (() => {
      node
        .use(definePoint({ ...base, context: fields }))
        .decide({ unit: 'u', context: { any: 1, text: 'x' } });
      node.use(definePoint(spec)).decide({ context: { any: 1 }, exclude: ['any'] });
      const built = {
        words: { type: 'number' as const },
        market: { type: 'category' as const, values: ['eu'] },
      };
      node.use(definePoint({ ...base, context: built })).decide({ context: { words: 1, market: 'asia' } });
    });
  });

  test('is none where none is declared', () => {
    void (() => {
      const point = node.use(definePoint(base));
      point.decide();
      point.decide({ unit: 'u', context: {} });
      // @ts-expect-error -- there is no field
      point.decide({ context: { words: 1 } });
    });
  });
});

test('a context by a validator is what it takes', () => {
  const context = z.object({ words: z.number(), market: z.string().default('eu') });
  void (() => {
    const point = node.use(
      definePoint({ ...base, context: { schema: context, fields: { words: { type: 'number' } } } }),
    );
    point.decide({ context: { words: 1 } });
    // @ts-expect-error -- words are required
    point.decide({ unit: 'u' });
    // @ts-expect-error -- no such member
    point.decide({ context: { words: 1, wurds: 1 } });
  });
});

test('an input names arms of the point', () => {
  void (() => {
    const point = node.use(definePoint(base));
    point.decide({ exclude: ['a'], taken: { arm: 'b', propensity: 0.5 } });
    // @ts-expect-error -- no such arm
    point.decide({ exclude: ['c'] });
    // @ts-expect-error -- no such arm
    point.decide({ taken: { arm: 'c' } });
  });
  // What a typed point takes is what the node takes.
  expectTypeOf<TypedInput<Search, 'a' | 'b'>>().toExtend<DecideInput>();
});

test('a decision that is not blocked has an arm', () => {
  void (() => {
    const made = node.use(definePoint(base)).decide();
    expectTypeOf(made).toExtend<Decision<'a' | 'b'>>();
    expectTypeOf(made.arm).toEqualTypeOf<'a' | 'b' | null>();
    if (made.reason === 'blocked') expectTypeOf(made.arm).toEqualTypeOf<null>();
    else expectTypeOf(made.arm).toEqualTypeOf<'a' | 'b'>();
    if (made.reason === 'policy') expectTypeOf(made.arm).toEqualTypeOf<'a' | 'b'>();
    const { reason, arm } = made;
    if (reason !== 'blocked') expectTypeOf(arm).toEqualTypeOf<'a' | 'b'>();
  });
  void (() => {
    for (const item of node.use(definePoint(base)).rank(2).items)
      if (item.reason !== 'blocked') expectTypeOf(item.arm).toEqualTypeOf<'a' | 'b'>();
  });
});

test('a function may be generic in arms and context', () => {
  const ask = <Arm extends string, Context>(point: PointHandle<Arm, Context>, context: Context): Arm | null =>
    point.rank(2, { context }).items[0].arm ?? point.decide({ context }).arm;
  void (() => ask(node.use(search), { words: 1 }));
});
