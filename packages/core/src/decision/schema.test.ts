import fc from 'fast-check';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { handNode, me } from '../testing/hand-node.ts';
import type { DecisionRecord } from './decision-record.ts';
import { definePoint } from './schema.ts';
import type { StandardSchema } from './spec.ts';

const start = () => handNode({ timeout: () => Promise.resolve() });
const schema = z.object({ words: z.number().int().min(0), region: z.string().default('eu') });
const base = { point: 'p', arms: ['a', 'b'], fallback: 'a', policy: { kind: 'thompson' } } as const;

/** A validator written by hand, as the standard says. */
const byHand = (validate: StandardSchema['~standard']['validate']): StandardSchema => ({
  '~standard': { version: 1, vendor: 'by-hand', validate },
});

describe('a point with a validator', () => {
  test('types its arms, and its context by what the validator takes', async () => {
    const node = await start();
    const point = node.use(definePoint({ ...base, arms: ['a', 'b'], context: schema }));
    await point.apply(me);
    expectTypeOf(point.decide({ context: { words: 3 } }).arm).toEqualTypeOf<'a' | 'b' | null>();
    // @ts-expect-error -- a wrong type is refused here and now, and at run time all the same
    expect(point.decide({ context: { words: 'three' } }).reason).toBe('invalid_context');
    // @ts-expect-error -- the fallback is one of the arms
    expect(() => definePoint({ ...base, arms: ['a', 'b'], fallback: 'c' })).not.toThrow();
  });

  test('hears what another system has taken', async () => {
    const node = await start();
    const point = node.use(definePoint({ ...base, context: schema }));
    await point.apply(me);
    const made = node.decide('p', { context: { words: 3 }, taken: { arm: 'b', propensity: 0.5 } });
    expect(made).toMatchObject({ reason: 'observed', arm: 'b', propensity: 0.5 });
  });

  test('says what is wrong in the trail, and serves the fallback', async () => {
    const node = await start();
    const point = node.use(definePoint({ ...base, context: schema }));
    await point.apply(me);
    const made = point.decide({ context: { words: -1 } });
    expect(made).toMatchObject({
      reason: 'invalid_context',
      arm: 'a',
      trail: [{ guard: 'context', kind: 'block' }],
    });
    expect(made.trail[0].why).toMatch(/^context\.words: .*0/);
    expect((await point.decideAsync({ context: { words: 0.5 } })).reason).toBe('invalid_context');
    expect(point.decide({ context: { words: 2 } }).reason).toBe('policy');
    // Wherever it is asked for on this node.
    expect(node.decide('p', { context: {} }).reason).toBe('invalid_context');
    expect(node.decide('p').reason).toBe('invalid_context');
  });

  test('reads the declared fields of its output', async () => {
    const node = await start();
    const point = node.use(
      definePoint({
        ...base,
        context: {
          schema: z.object({ size: z.string().transform(Number), region: z.string().default('eu') }),
          fields: { size: { type: 'number', max: 100 }, region: { type: 'category', values: ['us', 'eu'] } },
        },
      }),
    );
    await point.apply(me);
    const made = point.decide({ context: { size: '12' } }) as unknown as DecisionRecord;
    expect(made.encodedContext).toEqual([12, 1]);
    expect((await point.decideAsync({ context: { size: '12' } })) as unknown as DecisionRecord).toMatchObject(
      {
        encodedContext: [12, 1],
      },
    );
    // What the validator lets through, the fields may still refuse.
    expect(point.decide({ context: { size: '200' } }).trail[0].why).toContain('context.size must lie in');
    expect(node.point('p')?.spec.context).toEqual({
      size: { type: 'number', max: 100 },
      region: { type: 'category', values: ['us', 'eu'] },
    });
  });

  test('holds for later versions, and a kill comes first', async () => {
    const node = await start();
    const point = node.use(definePoint({ ...base, context: schema }));
    await point.apply(me);
    await node.apply({ ...base, description: 'v2' }, me);
    expect(node.decide('p').reason).toBe('invalid_context');
    await node.kill({ scope: 'point:p', reason: 'stop', by: me });
    expect(point.decide({ context: { words: 1 } }).reason).toBe('killed');
    expect(node.decide('p').reason).toBe('killed');
  });
});

describe('a validator that will not do', () => {
  const refused: [string, () => unknown, RegExp][] = [
    ['a nested output', () => ({ value: { user: { id: 1 } } }), /context\.user: .*not flat/],
    ['no record', () => ({ value: [1] }), /not a record/],
    ['a promise', () => Promise.resolve({ value: {} }), /asynchronous/],
    ['a promise that fails', () => Promise.reject(new Error('db')), /asynchronous/],
    ['issues without a word', () => ({ issues: [] }), /refused by its schema/],
    ['a path of objects', () => ({ issues: [{ message: 'no', path: [{ key: 'x' }] }] }), /^context\.x: no$/],
  ];
  test.each(refused)('%s refuses the context, and the decision is made', async (_, answer, why) => {
    const node = await start();
    let first = true;
    const validator = byHand(() => {
      if (!first) return answer() as never;
      first = false;
      return { value: {} };
    });
    const point = node.use(definePoint({ ...base, context: validator }));
    await point.apply(me);
    const made = point.decide({ context: {} });
    expect(made).toMatchObject({ reason: 'invalid_context', arm: 'a' });
    expect(made.trail[0].why).toMatch(why);
  });

  test('one that throws is heard, not felt', async () => {
    const node = await start();
    const point = node.use(
      definePoint({
        ...base,
        context: byHand(() => {
          throw new Error('broken');
        }),
      }),
    );
    await point.apply(me);
    expect(point.decide().trail[0].why).toContain('the validator failed: broken');
  });

  test('an asynchronous one is refused at definition, as far as it shows', () => {
    const late = z.object({}).refine(async () => true);
    expect(() => definePoint({ ...base, context: late })).toThrow(/asynchronous/);
    expect(() => definePoint({ ...base, context: byHand(async () => ({ value: {} })) })).toThrow(
      /asynchronous/,
    );
  });

  test('another version of the standard is refused, and so is a validator sent down the tree', async () => {
    const two = { '~standard': { version: 2, vendor: 'x', validate: () => ({ value: {} }) } };
    expect(() => definePoint({ ...base, context: two as never })).toThrow(/Standard Schema/);
    const node = await start();
    await expect(node.apply({ ...base, context: schema as never }, me)).rejects.toMatchObject({
      code: 'invalid_spec',
      field: 'context',
    });
  });
});

test('a typed point ranks its own arms', async () => {
  const node = await start();
  const context = z.object({ words: z.number() });
  const point = node.use(
    definePoint({ ...base, slate: { positions: 2 }, objective: { range: [0, 1] }, context }),
  );
  await point.apply(me);
  expect(
    point
      .rank(2, { context: { words: 1 } })
      .items.map(({ arm }) => arm)
      .sort(),
  ).toEqual(['a', 'b']);
  // @ts-expect-error -- and its validator is heard
  expect(point.rank(2, { context: { words: 'x' } }).items[0].reason).toBe('invalid_context');
});

test('a point by fields alone is typed by their names', async () => {
  const node = await start();
  const point = node.use(definePoint({ ...base, context: { load: { type: 'number' } } }));
  await point.apply(me);
  expect(point.decide({ context: { load: 1 } }).reason).toBe('policy');
  // @ts-expect-error -- no such field
  point.decide({ context: { lod: 1 } });
});

test('a decision has no arm iff its reason is blocked, as its type says', async () => {
  const arm = fc.constantFrom('a', 'b', 'c', 'nobody');
  const input = fc.record(
    {
      context: fc.record({ load: fc.constantFrom<unknown>(1, 'x', null) }),
      exclude: fc.uniqueArray(arm),
      taken: fc.record({ arm, propensity: fc.constantFrom(0.5, 2) }),
    },
    { requiredKeys: [] },
  );
  const scopes = fc.subarray(['point:p', 'artifact:m@1']);
  const [one, two] = ['1'.repeat(64), '2'.repeat(64)];
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      scopes,
      fc.boolean(),
      fc.array(input, { minLength: 1 }),
      async (killed, pinned, inputs) => {
        const node = await start();
        const artifact = (version: string, digest: string) => ({ model: 'm', version, digest });
        const arms = [
          { id: 'a', artifact: artifact('1', one) },
          { id: 'b', artifact: artifact('2', two) },
          { id: 'c' },
        ];
        await node.apply({ ...base, arms, context: { load: { type: 'number' } } }, me);
        if (pinned) await node.override({ point: 'p', arm: 'b', reason: 'try', by: me });
        for (const scope of killed) await node.kill({ scope, reason: 'stop', by: me });
        for (const each of inputs) {
          const made = node.decide('p', each);
          seen.add(made.reason);
          expect(made.arm === null).toBe(made.reason === 'blocked');
        }
        await node.close();
      },
    ),
    { seed: 7, numRuns: 60 },
  );
  expect([...seen].sort()).toEqual([
    'blocked',
    'invalid_context',
    'killed',
    'observed',
    'override',
    'policy',
  ]);
});
