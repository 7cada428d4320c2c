import { isAmount, NUMBER_LIMITS } from '../limits.ts';
import {
  checkWidth,
  choice,
  given,
  list,
  type Options,
  object,
  onlyKeys,
  range as readRange,
  refuse,
} from '../options.ts';
import type { FactoryInput } from '../registry.ts';
import { fraction32 } from '../stats/hash.ts';

/**
 * From a compiled context to the x of a linear model: the same on every tier, because it depends on the declaration
 * alone, and on names in alphabetical order, not on the order they were written in. Every column is bounded.
 *
 * x = 1 (the constant) | fields | products of fields | features of the arm | products with them.
 * - number with `min` and `max`: [−1, 1] over that range, clamped. With `mean` and `sd`: (value − mean)/sd, clamped to ±4.
 * - category: a column for each declared value, then `buckets` hashed columns (at least 1) that all others share.
 * - boolean: 1 or −1.
 * - absent: 0 in all columns, and 1 in a column of its own under `missing: indicator` (not for required fields).
 */
export interface Encoding {
  readonly dimension: number;
  /** Length of the part that is the same for every arm. */
  readonly common: number;
  /** What each column is, for reports and messages. */
  readonly names: readonly string[];
  /** Largest |x| of each column. */
  readonly bounds: Float64Array;
  /** Fills x[0 … common) from the context. Allocates nothing; the context's NaN is absence. */
  context(context: Float64Array, x: Float64Array): void;
  /** The columns of an arm's own features, for `joint`. */
  arm(features: Readonly<Record<string, number | string>> | undefined): Float64Array;
  /** Completes x[common … dimension) with an arm's columns and its products with what `context` has filled in. */
  joint(arm: Float64Array, x: Float64Array): void;
}

/** Longest x: beyond it, factors take too long for a view that is made anew every second. */
export const MOST_COLUMNS = 256;
/** The options that `encoding` reads, for the list of those a policy knows. */
export const ENCODING_OPTIONS = ['features', 'interactions', 'armFeatures', 'missing'] as const;

// Beyond so many standard deviations a value says no more.
const MOST_DEVIATIONS = 4;
// Undeclared categories come as an index into this many hashed buckets behind the declared values.
const HASHED_CATEGORIES = 1024;

type Field = FactoryInput['fields'][number];

/** One field's columns. */
interface Block {
  readonly field: Field;
  /** Position in the compiled context; −1 for a feature of the arm. */
  readonly at: number;
  readonly column: number;
  /** Columns without the indicator, which stands behind them. */
  readonly size: number;
  readonly indicator: boolean;
  readonly bound: number;
  readonly centre: number;
  readonly scale: number;
}

/** Columns `from … from + size` of the product of two blocks. */
interface Product {
  readonly a: Block;
  readonly b: Block;
  readonly column: number;
}

/**
 * Compiles `features` (fields of the context; default: all), `interactions` (pairs of names), `armFeatures` (declared as
 * a context is) and `missing` (`indicator` or `zero`). @throws GanglionError `invalid_spec`
 */
export function encoding(options: Options, input: FactoryInput): Encoding {
  const { path } = input;
  const indicator = choice(options, 'missing', ['indicator', 'zero'], 'indicator', path) === 'indicator';
  const ofArm = armFields(options, path);
  const ofContext = contextFields(options, input);
  const pairs = interactions(options, path, [...ofContext, ...ofArm]);
  const columns: string[] = ['1'];
  const bounds: number[] = [1];
  const place = (field: Field): Block => {
    const block = blockOf(field, input.fields.indexOf(field), columns.length, indicator, path);
    columns.push(...columnNames(block));
    for (let i = 0; i < block.size; i++) bounds.push(block.bound);
    if (block.indicator) bounds.push(1);
    return block;
  };
  const multiply = (blocks: readonly Block[], wanted: boolean): Product[] =>
    pairs
      .filter((pair) => pair.some((field) => ofArm.includes(field)) === wanted)
      .map(([first, second]) => {
        const [a, b] = [first, second].map((field) => blocks.find((block) => block.field === field)!);
        const product: Product = { a, b, column: columns.length };
        for (const x of columnNames(a).slice(0, a.size))
          for (const y of columnNames(b).slice(0, b.size)) columns.push(`${x} × ${y}`);
        for (let i = a.size * b.size; i > 0; i--) bounds.push(a.bound * b.bound);
        return product;
      });
  const contextBlocks = ofContext.map(place);
  const contextProducts = multiply(contextBlocks, false);
  const common = columns.length;
  const armBlocks = ofArm.map(place);
  const armColumns = columns.length - common;
  const armProducts = multiply([...contextBlocks, ...armBlocks], true);
  if (columns.length > MOST_COLUMNS)
    refuse(
      path,
      'features',
      columns.length,
      `make ${columns.length} columns, more than ${MOST_COLUMNS}`,
      'Leave features out, declare fewer values or buckets, or fewer interactions.',
    );
  return {
    dimension: columns.length,
    common,
    names: columns,
    bounds: Float64Array.from(bounds),
    context: (context, x) => {
      x[0] = 1;
      for (let i = 0; i < contextBlocks.length; i++)
        fill(contextBlocks[i], context[contextBlocks[i].at], x, 0);
      for (let i = 0; i < contextProducts.length; i++) fillProduct(contextProducts[i], x);
    },
    arm: (features) => {
      const own = new Float64Array(armColumns);
      for (const block of armBlocks) fill(block, armValue(block.field, features), own, common);
      return own;
    },
    joint: (arm, x) => {
      for (let i = 0; i < arm.length; i++) x[common + i] = arm[i];
      for (let i = 0; i < armProducts.length; i++) fillProduct(armProducts[i], x);
    },
  };
}

function contextFields(options: Options, { fields, path }: FactoryInput): Field[] {
  const sorted = [...fields].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (!given(options, 'features')) return sorted;
  const wanted = list(options, 'features', path, 0);
  for (const name of wanted)
    if (!fields.some((field) => field.name === name))
      refuse(path, 'features', name, 'names what is no field of the context', `Use ${some(fields)}.`);
  return sorted.filter((field) => wanted.includes(field.name));
}

const some = (fields: readonly Field[]): string => fields.map(({ name }) => name).join(', ') || 'none';

function armFields(options: Options, path: string): Field[] {
  if (!given(options, 'armFeatures')) return [];
  const declared = object(options.armFeatures, path, 'armFeatures');
  return Object.keys(declared)
    .sort()
    .map((name) => {
      const at = `${path}.armFeatures.${name}`;
      const spec = object(declared[name], at);
      onlyKeys(spec, ['type', 'min', 'max', 'mean', 'sd', 'values', 'buckets'], at);
      const type = choice(spec, 'type', ['number', 'category'], undefined, at);
      const values = given(spec, 'values') ? list(spec, 'values', at) : undefined;
      if (values?.some((value) => typeof value !== 'string'))
        refuse(at, 'values', values, 'is not a list of strings', 'Give strings.');
      for (const key of ['min', 'max', 'mean', 'sd', 'buckets'])
        if (given(spec, key) && !Number.isFinite(spec[key]))
          refuse(at, key, spec[key], 'must be a finite number', 'Give a number.');
      // A name of its own, so that a field of the context of the same name is another.
      return { ...(spec as object), name, type, values: values as readonly string[] | undefined };
    });
}

function interactions(options: Options, path: string, fields: readonly Field[]): [Field, Field][] {
  if (!given(options, 'interactions')) return [];
  const seen = new Set<string>();
  const pairs = list(options, 'interactions', path, 0).map((pair, i): [Field, Field] => {
    const at = `${path}.interactions[${i}]`;
    if (!Array.isArray(pair) || pair.length !== 2)
      refuse(at, '', pair, 'is not a pair', 'Give two names: [hour, region].');
    const found = pair.map((name: unknown) => {
      const matches = fields.filter((field) => field.name === name);
      if (matches.length !== 1)
        refuse(at, '', name, 'is not one feature', `Use two of: ${some(fields)}, each named once.`);
      return matches[0];
    });
    found.sort((a, b) => fields.indexOf(a) - fields.indexOf(b));
    const [first, second] = found;
    if (first === second && first.type !== 'number')
      refuse(at, '', pair, 'squares what is no number', 'Give two different names.');
    const key = `${fields.indexOf(first)} ${fields.indexOf(second)}`;
    if (seen.has(key)) refuse(at, '', pair, 'is there twice', 'Remove one of them.');
    seen.add(key);
    return [first, second];
  });
  // In one order, however they were written.
  const rank = ([a, b]: [Field, Field]): number => fields.indexOf(a) * fields.length + fields.indexOf(b);
  return pairs.sort((p, q) => rank(p) - rank(q));
}

function blockOf(field: Field, at: number, column: number, indicate: boolean, path: string): Block {
  const indicator = indicate && field.required !== true;
  const block = { field, at, column, indicator, bound: 1, centre: 0, scale: 1 };
  const where = at >= 0 ? `context.${field.name}` : `${path}.armFeatures.${field.name}`;
  if (field.type === 'boolean') return { ...block, size: 1, centre: 0.5, scale: 2 };
  if (field.type === 'category') {
    const declared = field.values?.length ?? 0;
    const buckets = field.buckets ?? 1;
    if (!Number.isInteger(buckets) || buckets < 1 || buckets > HASHED_CATEGORIES)
      refuse(where, 'buckets', buckets, 'is no number of buckets', `Give 1 to ${HASHED_CATEGORIES}.`);
    return { ...block, size: declared + buckets };
  }
  const { min = -Infinity, max = Infinity, mean = 0, sd } = field;
  if (sd !== undefined && sd > 0) {
    if (!isAmount(mean) || !isAmount(sd))
      refuse(where, '', { mean, sd }, 'has too large a scale', `Give ${NUMBER_LIMITS.largest} at most.`);
    checkWidth(sd, Math.abs(mean), where, 'sd', sd);
    return { ...block, size: 1, bound: MOST_DEVIATIONS, centre: mean, scale: 1 / sd };
  }
  if (!(max - min > 0 && max - min < Infinity))
    refuse(
      where,
      '',
      // As it was declared: an end that is missing is what is wrong.
      { type: field.type, ...(min > -Infinity && { min }), ...(max < Infinity && { max }) },
      'has no scale',
      'Give it min and max, or mean and sd, or leave it out of the features.',
    );
  readRange([min, max], where);
  return { ...block, size: 1, centre: (min + max) / 2, scale: 2 / (max - min) };
}

function columnNames({ field, size, indicator }: Block): string[] {
  const names =
    field.type === 'category'
      ? Array.from({ length: size }, (_, i) => {
          const declared = field.values?.length ?? 0;
          return `${field.name}=${i < declared ? field.values![i] : `other ${i - declared + 1}`}`;
        })
      : [field.name];
  return indicator ? [...names, `${field.name} absent`] : names;
}

/** Fills a block's columns, in an x whose first column is `offset`. */
function fill(block: Block, value: number, x: Float64Array, offset: number): void {
  const from = block.column - offset;
  const { size } = block;
  const absent = Number.isNaN(value);
  if (block.indicator) x[from + size] = absent ? 1 : 0;
  if (block.field.type !== 'category') {
    const scaled = (value - block.centre) * block.scale;
    x[from] = absent ? 0 : Math.max(-block.bound, Math.min(block.bound, scaled));
    return;
  }
  for (let i = 0; i < size; i++) x[from + i] = 0;
  if (absent) return;
  const declared = block.field.values === undefined ? 0 : block.field.values.length;
  if (value < declared) x[from + value] = 1;
  else {
    const bucket = Math.floor(((value - declared) * (size - declared)) / HASHED_CATEGORIES);
    x[from + declared + (bucket < size - declared ? bucket : size - declared - 1)] = 1;
  }
}

function fillProduct({ a, b, column }: Product, x: Float64Array): void {
  let at = column;
  for (let i = 0; i < a.size; i++) {
    const left = x[a.column + i];
    for (let j = 0; j < b.size; j++) x[at++] = left * x[b.column + j];
  }
}

/** A feature of an arm as a context would hold it; NaN where it is absent or of another type. */
function armValue(field: Field, features: Readonly<Record<string, number | string>> | undefined): number {
  const value =
    features !== undefined && Object.hasOwn(features, field.name) ? features[field.name] : undefined;
  if (field.type === 'number') return typeof value === 'number' ? value : Number.NaN;
  if (typeof value !== 'string') return Number.NaN;
  const known = field.values?.indexOf(value) ?? -1;
  if (known >= 0) return known;
  return (field.values?.length ?? 0) + Math.floor(fraction32(value, field.name) * HASHED_CATEGORIES);
}
