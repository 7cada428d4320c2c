import { describe, expect, it } from 'vitest';
import { categoryIndex, compileContext, encodeContext } from '../decision/context.ts';
import type { FieldSpec } from '../decision/spec.ts';
import { isGanglionError } from '../errors.ts';
import type { Options } from '../options.ts';
import { type Encoding, encoding } from './encoding.ts';

type Schema = Readonly<Record<string, FieldSpec>>;
type Context = Readonly<Record<string, unknown>>;

function encodingOf(schema: Schema, options: Options = {}): Encoding {
  const fields = compileContext(schema);
  return encoding(options, { point: 'p', arms: [{ id: 'a' }], fields, range: [0, 1], path: 'policy' });
}

/** Columns by name: what a context becomes. */
function columnsOf(
  schema: Schema,
  context: Context,
  options: Options = {},
  arm?: Record<string, number | string>,
) {
  const encoded = encodingOf(schema, options);
  const compiled = new Float64Array(Object.keys(schema).length);
  expect(encodeContext(compileContext(schema), context, compiled)).toBe('');
  const x = new Float64Array(encoded.dimension).fill(9);
  encoded.context(compiled, x);
  encoded.joint(encoded.arm(arm), x);
  for (const [i, value] of x.entries()) expect(Math.abs(value)).toBeLessThanOrEqual(encoded.bounds[i]);
  return Object.fromEntries(encoded.names.map((name, i) => [name, x[i]]));
}

const schema: Schema = {
  region: { type: 'category', values: ['eu', 'us'], required: true },
  load: { type: 'number', min: 0, max: 200, required: true },
  age: { type: 'number', mean: 40, sd: 10 },
  paying: { type: 'boolean' },
};

describe('a context becomes columns', () => {
  it('scaled by the declared range or deviation, one-hot, ±1, and a column for absence', () => {
    expect(columnsOf(schema, { region: 'us', load: 150, age: 25, paying: false })).toEqual({
      '1': 1,
      age: -1.5,
      'age absent': 0,
      load: 0.5,
      paying: -1,
      'paying absent': 0,
      'region=eu': 0,
      'region=us': 1,
      'region=other 1': 0,
    });
    expect(columnsOf(schema, { region: 'mars', load: 0 })).toEqual({
      '1': 1,
      age: 0,
      'age absent': 1,
      load: -1,
      paying: 0,
      'paying absent': 1,
      'region=eu': 0,
      'region=us': 0,
      'region=other 1': 1,
    });
  });

  it('absent is in the middle, without a column, where missing is zero', () => {
    const columns = columnsOf(schema, { region: 'eu', load: 100 }, { missing: 'zero' });
    expect(columns).toEqual({
      '1': 1,
      age: 0,
      load: 0,
      paying: 0,
      'region=eu': 1,
      'region=us': 0,
      'region=other 1': 0,
    });
  });

  it('a value many deviations away says no more than four', () => {
    expect(columnsOf(schema, { region: 'eu', load: 0, age: 1e100 }).age).toBe(4);
    expect(columnsOf(schema, { region: 'eu', load: 0, age: -1e100 }).age).toBe(-4);
  });

  it('undeclared categories share as many columns as declared, each always the same one', () => {
    const open: Schema = { page: { type: 'category', values: ['home'], buckets: 4 } };
    const seen = new Map<string, number>();
    for (let i = 0; i < 400; i++) {
      const columns = columnsOf(open, { page: `page-${i}` });
      const hot = Object.keys(columns).filter((name) => name.startsWith('page=other') && columns[name] === 1);
      expect(hot).toHaveLength(1);
      seen.set(hot[0], (seen.get(hot[0]) ?? 0) + 1);
    }
    expect(seen.size).toBe(4);
    for (const n of seen.values()) expect(n).toBeGreaterThan(60);
    // Another language finds the same bucket: a quarter of the hashed index.
    const [field] = compileContext(open);
    const index = categoryIndex(field, 'page-7') - 1;
    expect(columnsOf(open, { page: 'page-7' })[`page=other ${1 + Math.floor(index / 256)}`]).toBe(1);
  });

  it('products of fields, squares of numbers, and products with features of the arm', () => {
    const columns = columnsOf(
      schema,
      { region: 'us', load: 150, age: 60, paying: true },
      {
        features: ['region', 'load'],
        interactions: [
          ['load', 'region'],
          ['load', 'load'],
          ['region', 'price'],
        ],
        armFeatures: {
          price: { type: 'number', min: 0, max: 10 },
          genre: { type: 'category', values: ['news'] },
        },
      },
      { price: 10, genre: 'sport' },
    );
    expect(columns).toEqual({
      '1': 1,
      load: 0.5,
      'region=eu': 0,
      'region=us': 1,
      'region=other 1': 0,
      'load × load': 0.25,
      'load × region=eu': 0,
      'load × region=us': 0.5,
      'load × region=other 1': 0,
      'genre=news': 0,
      'genre=other 1': 1,
      'genre absent': 0,
      price: 1,
      'price absent': 0,
      'region=eu × price': 0,
      'region=us × price': 1,
      'region=other 1 × price': 0,
    });
  });

  it('the order of the declaration does not matter: names decide', () => {
    const backwards = Object.fromEntries(Object.entries(schema).reverse());
    const pairs = [
      ['load', 'age'],
      ['paying', 'load'],
    ];
    const turned = pairs.map((pair) => [...pair].reverse()).reverse();
    expect(encodingOf(backwards, { interactions: turned }).names).toEqual(
      encodingOf(schema, { interactions: pairs }).names,
    );
  });
});

describe('what cannot be encoded is refused when the point is defined', () => {
  it.each<[string, Schema, Options]>([
    ['context.load', { load: { type: 'number' } }, {}],
    ['context.load', { load: { type: 'number', min: 3, max: 3 } }, {}],
    ['policy.features', schema, { features: ['laod'] }],
    ['policy.features', { id: { type: 'category', buckets: 300 } }, {}],
    ['policy.interactions[0]', schema, { interactions: [['load', 'nowhere']] }],
    ['policy.interactions[0]', schema, { interactions: [['region', 'region']] }],
    [
      'policy.interactions[1]',
      schema,
      {
        interactions: [
          ['load', 'age'],
          ['age', 'load'],
        ],
      },
    ],
    ['policy.missing', schema, { missing: 'guess' }],
    ['policy.armFeatures.price', schema, { armFeatures: { price: { type: 'number' } } }],
  ])('%s', (field, declared, options) => {
    try {
      encodingOf(declared, options);
      expect.unreachable();
    } catch (error) {
      expect(isGanglionError(error, 'invalid_spec') && error.field).toBe(field);
      expect(isGanglionError(error) && error.mend).toBeTruthy();
    }
  });

  it.each<[FieldSpec]>([
    [{ type: 'number', mean: 3 }],
    [{ type: 'number', mean: 3, sd: 0 }],
    [{ type: 'category', sd: 1, mean: 0 }],
    [{ type: 'category', buckets: 0 }],
    [{ type: 'number', buckets: 3 }],
  ])('a field %j', (field) => {
    expect(() => compileContext({ field })).toThrow(/scale/);
  });
});
