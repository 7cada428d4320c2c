import { number, type Options, object, onlyKeys, refuse } from '../options.ts';
import type { FactoryInput } from '../registry.ts';

/** Conditions of a rule, compiled against a point's context: all of them must hold. */
export type Conditions = readonly Condition[];

type Condition =
  | { readonly kind: 'within'; readonly field: number; readonly min: number; readonly max: number }
  | { readonly kind: 'among'; readonly field: number; readonly values: Float64Array };

/**
 * Compiles `{ field: value | [values] | { min, max } }`. Categories must be declared in the field's `values`: undeclared
 * ones are hashed, and a rule may not fire on a collision. @throws GanglionError `invalid_spec`
 */
export function compileConditions(when: Options, fields: FactoryInput['fields'], path: string): Conditions {
  return Object.keys(when).map((name) => {
    const index = fields.findIndex((field) => field.name === name);
    if (index < 0) {
      const known = fields.map((field) => field.name).join(', ');
      refuse(
        path,
        name,
        when[name],
        'is not a field of the context',
        `Declare it, or use one of: ${known || 'none'}.`,
      );
    }
    return compileCondition(when[name], index, fields[index], `${path}.${name}`);
  });
}

function compileCondition(
  wanted: unknown,
  index: number,
  field: FactoryInput['fields'][number],
  path: string,
): Condition {
  if (typeof wanted === 'object' && wanted !== null && !Array.isArray(wanted)) {
    if (field.type !== 'number')
      refuse(path, '', wanted, 'is a range on no number', 'Give a value or a list.');
    const range = object(wanted, path);
    onlyKeys(range, ['min', 'max'], path);
    const min = number(range, 'min', { default: -Infinity }, path);
    const max = number(range, 'max', { default: Infinity }, path);
    if (!(min <= max)) refuse(path, '', wanted, 'has its min above its max', 'Swap them.');
    return { kind: 'within', field: index, min, max };
  }
  const values = Array.isArray(wanted) ? wanted : [wanted];
  if (values.length === 0) refuse(path, '', wanted, 'holds for nothing', 'Give at least one value.');
  return {
    kind: 'among',
    field: index,
    values: Float64Array.from(values, (value) => encode(value, field, path)),
  };
}

function encode(value: unknown, field: FactoryInput['fields'][number], path: string): number {
  if (field.type === 'number') {
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    return refuse(
      path,
      '',
      value,
      'is not a finite number',
      'Give a number, a list of them, or { min, max }.',
    );
  }
  if (field.type === 'boolean') {
    if (typeof value === 'boolean') return value ? 1 : 0;
    return refuse(path, '', value, 'is neither true nor false', 'Give true or false.');
  }
  const at = typeof value === 'string' ? (field.values ?? []).indexOf(value) : -1;
  if (at < 0)
    refuse(path, '', value, 'is not a declared category', `Add it to context.${field.name}.values.`);
  return at;
}

/** Whether all conditions hold for a compiled context. An absent field (NaN) satisfies none. Allocates nothing. */
export function holds(conditions: Conditions, context: Float64Array): boolean {
  for (let i = 0; i < conditions.length; i++) {
    const condition = conditions[i];
    const value = context[condition.field];
    if (condition.kind === 'within') {
      if (!(value >= condition.min && value <= condition.max)) return false;
    } else if (!condition.values.includes(value)) return false;
  }
  return true;
}
