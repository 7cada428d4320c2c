import { GanglionError, show } from '../errors.ts';
import { isAmount, NUMBER_LIMITS } from '../limits.ts';
import { fraction32 } from '../stats/hash.ts';
import { type FeatureSet, findFeature } from './features.ts';
import type { FieldSpec } from './spec.ts';

/** A field of a point's context, compiled. */
export interface Field {
  readonly name: string;
  readonly type: 'number' | 'category' | 'boolean';
  readonly min: number;
  readonly max: number;
  readonly mean: number | undefined;
  readonly sd: number | undefined;
  readonly buckets: number | undefined;
  readonly required: boolean;
  readonly values: readonly string[] | undefined;
  readonly index: ReadonlyMap<string, number> | undefined;
  /** The feature that it shows where the caller gives nothing: positions among the point's sets and their features. */
  readonly feature?: FieldFeature | undefined;
}

export interface FieldFeature {
  /** `ENTITY.NAME`. */
  readonly name: string;
  readonly set: number;
  readonly feature: number;
  readonly default: number | string | undefined;
}

/** Categories beyond the declared ones fall into this many hashed buckets, numbered after them. */
export const HASHED_CATEGORIES = 1024;

const FIELD_KEYS: readonly string[] = [
  'type',
  'min',
  'max',
  'mean',
  'sd',
  'values',
  'buckets',
  'required',
  'feature',
  'default',
];

export function compileContext(
  context: Readonly<Record<string, FieldSpec>> | undefined,
  features: readonly FeatureSet[] = [],
): readonly Field[] {
  if (context !== undefined && '~standard' in context)
    throw new GanglionError('invalid_spec', 'context is a validator, which cannot go down the tree', {
      field: 'context',
      mend: 'Declare it with definePoint, and give that to node.use.',
    });
  const fields: Field[] = [];
  for (const name of Object.keys(context ?? {})) {
    const path = `context.${name}`;
    const declared = context![name];
    const shown = featureOf(declared, features, path);
    const spec = shown === undefined ? declared : { ...declared, type: shown.gives };
    if (
      typeof spec !== 'object' ||
      spec === null ||
      !['number', 'category', 'boolean'].includes(spec.type ?? '')
    )
      throw new GanglionError('invalid_spec', `${path}.type is not a field type`, {
        field: `${path}.type`,
        value: spec?.type,
        mend: 'Use number, category or boolean.',
      });
    for (const key of Object.keys(spec))
      if (!FIELD_KEYS.includes(key))
        throw new GanglionError('invalid_spec', `${path}.${key} is not known`, {
          field: `${path}.${key}`,
          value: key,
          mend: `Use ${FIELD_KEYS.join(', ')}.`,
        });
    const min = spec.min ?? Number.NEGATIVE_INFINITY;
    const max = spec.max ?? Number.POSITIVE_INFINITY;
    if (typeof min !== 'number' || typeof max !== 'number' || !(min <= max))
      throw new GanglionError('invalid_spec', `${path}.min is above its max`, {
        field: `${path}.min`,
        value: min,
        mend: 'Give numbers with min ≤ max.',
      });
    if (
      spec.values !== undefined &&
      (!Array.isArray(spec.values) || spec.values.some((v) => typeof v !== 'string'))
    )
      throw new GanglionError('invalid_spec', `${path}.values is not a list of strings`, {
        field: `${path}.values`,
        value: spec.values,
      });
    if (!scaleHolds(spec))
      throw new GanglionError('invalid_spec', `${path} has no such scale`, {
        field: path,
        value: spec,
        mend: 'A number may have a mean and an sd above 0, together; a category 1 to 1024 buckets.',
      });
    fields.push({
      name,
      type: spec.type as Field['type'],
      min,
      max,
      mean: spec.mean,
      sd: spec.sd,
      buckets: spec.buckets,
      required: spec.required === true,
      values: spec.values,
      index: spec.values && new Map(spec.values.map((v, i) => [v, i])),
      ...(shown === undefined ? {} : { feature: shown.feature }),
    });
  }
  return fields;
}

/** The feature that a field shows. @throws GanglionError `invalid_spec` */
function featureOf(
  spec: FieldSpec,
  sets: readonly FeatureSet[],
  path: string,
): { readonly gives: 'number' | 'category'; readonly feature: FieldFeature } | undefined {
  if (typeof spec !== 'object' || spec === null) return undefined;
  const refused = (key: keyof FieldSpec, message: string, mend: string): never => {
    throw new GanglionError('invalid_spec', `${path}.${key} ${message}`, {
      field: `${path}.${key}`,
      value: spec[key],
      mend,
    });
  };
  if (spec.feature === undefined) {
    if (spec.default !== undefined)
      refused('default', 'is for features', 'Declare `feature` as well, or remove it.');
    return undefined;
  }
  const { set, feature, gives } = findFeature(sets, spec.feature, path);
  if (spec.type !== undefined && spec.type !== gives)
    refused('type', `is not that of the feature, which gives a ${gives}`, 'Leave it out.');
  if (spec.required === true)
    refused('required', 'is not for features, which may be unknown', 'Declare a default instead.');
  const fits = gives === 'number' ? Number.isFinite(spec.default) : typeof spec.default === 'string';
  const inside = !(Number(spec.default) < Number(spec.min)) && !(Number(spec.default) > Number(spec.max));
  if (spec.default !== undefined && !(fits && (gives === 'category' || inside)))
    refused(
      'default',
      'is no value of the field',
      `Give a ${gives === 'number' ? 'number within min and max' : 'text'}.`,
    );
  return { gives, feature: { name: spec.feature, set, feature, default: spec.default } };
}

function scaleHolds({ type, mean, sd, buckets }: FieldSpec): boolean {
  if (type !== 'number' && (mean !== undefined || sd !== undefined)) return false;
  if (type !== 'category' && buckets !== undefined) return false;
  if ((mean === undefined) !== (sd === undefined)) return false;
  if (sd !== undefined && !(Number.isFinite(mean) && Number.isFinite(sd) && sd > 0)) return false;
  return buckets === undefined || (Number.isInteger(buckets) && buckets >= 1 && buckets <= HASHED_CATEGORIES);
}

/**
 * Writes a context into `out`, a number a field: numbers as they are, booleans 0 or 1, categories their index
 * (unseen ones a hashed index), NaN where absent. Returns what is wrong, naming field and mend, or '' if nothing is.
 * Only the point's own fields are read, so neither a huge context nor a `__proto__` key costs or changes anything.
 */
export function encodeContext(
  fields: readonly Field[],
  context: Readonly<Record<string, unknown>> | undefined,
  out: Float64Array,
): string {
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    const value =
      context !== undefined && context !== null && Object.hasOwn(context, field.name)
        ? context[field.name]
        : undefined;
    if (value === undefined || value === null) {
      if (field.required) return `context.${field.name} is required`;
      out[i] = Number.NaN;
    } else if (field.type === 'number') {
      if (!isAmount(value))
        return `context.${field.name} must be a finite number of at most ${NUMBER_LIMITS.largest} in magnitude; it is ${show(value)}`;
      if (value < field.min || value > field.max)
        return `context.${field.name} must lie in [${field.min}, ${field.max}]; it is ${value}`;
      out[i] = value;
    } else if (field.type === 'boolean') {
      if (typeof value !== 'boolean') return `context.${field.name} must be true or false`;
      out[i] = value ? 1 : 0;
    } else {
      if (typeof value !== 'string' || value.length > 1024)
        return `context.${field.name} must be a string of at most 1024 characters`;
      out[i] = categoryIndex(field, value);
    }
  }
  return '';
}

/** The same on every node and in every language: the declared index, else a hashed bucket after the declared ones. */
export function categoryIndex(field: Field, value: string): number {
  const known = field.index?.get(value);
  if (known !== undefined) return known;
  return (field.values?.length ?? 0) + Math.floor(fraction32(value, field.name) * HASHED_CATEGORIES);
}
