import { GanglionError } from '../errors.ts';

/** Bounds on a segment: it is sent whole with the controls, and asked of every decision. */
export const SEGMENT_LIMITS = {
  /** Most values in one list. */
  values: 1000,
  /** Longest text to compare with, characters. */
  text: 1024,
  /** All of it as JSON, bytes. */
  bytes: 16_384,
} as const;

/** What a segment may name: a field of the point's context. */
interface SegmentField {
  readonly name: string;
  readonly type: 'number' | 'category' | 'boolean';
}

/** What a value of each type is in JSON, and in a message. */
const TYPES = {
  number: ['number', 'a finite number'],
  category: ['string', 'a text'],
  boolean: ['boolean', 'true or false'],
} as const;

/**
 * Checks a segment before it is said: every condition is on a field of the context or on `unit`, and is a value of its type,
 * a list of such, or for numbers `{ min, max }`. Returns a copy that the caller cannot change.
 * @throws GanglionError `invalid_input`, naming the field, the value and the mend
 */
export function checkSegment(
  segment: unknown,
  fields: readonly SegmentField[],
): Readonly<Record<string, unknown>> {
  if (typeof segment !== 'object' || segment === null || Array.isArray(segment))
    bad('segment', segment, 'Give conditions by field: { "region": "eu" }, or {} for everybody.');
  const copy: Record<string, unknown> = Object.create(null);
  let bytes = 2;
  for (const [name, condition] of Object.entries(segment as object)) {
    const field = name === 'unit' ? UNIT : fields.find((each) => each.name === name);
    const at = `segment.${name.slice(0, 128)}`;
    if (field === undefined) {
      const known = ['unit', ...fields.map((each) => each.name)].slice(0, 20).join(', ');
      bad(at, condition, `It is no field of the point’s context: declare it there, or use one of: ${known}.`);
    }
    copy[name] = conditionOn(field, condition, at);
    // Characters outside ASCII are at most three bytes, escaped ones six.
    bytes += 6 * name.length + 4 + sizeOf(copy[name]);
    if (bytes > SEGMENT_LIMITS.bytes)
      bad(
        'segment',
        `more than ${SEGMENT_LIMITS.bytes} bytes`,
        'Name fewer values, or override in several steps.',
      );
  }
  return Object.freeze(copy);
}

const UNIT: SegmentField = { name: 'unit', type: 'category' };

function conditionOn(field: SegmentField, condition: unknown, at: string): unknown {
  const { type } = field;
  if (Array.isArray(condition)) {
    if (condition.length === 0 || condition.length > SEGMENT_LIMITS.values)
      bad(at, condition.length, `Give 1 to ${SEGMENT_LIMITS.values} values.`);
    return Object.freeze(Array.from(condition, (value, i) => checkValue(type, value, `${at}[${i}]`)));
  }
  if (typeof condition !== 'object' || condition === null) return checkValue(type, condition, at);
  if (type !== 'number') bad(at, condition, `A range is for numbers: give ${TYPES[type][1]}, or a list.`);
  const range = rangeOf(condition);
  if (range === undefined)
    bad(at, condition, 'Give { "min": …, "max": … } or one of them: finite numbers, with min ≤ max.');
  return Object.freeze(range);
}

function checkValue(type: SegmentField['type'], value: unknown, at: string): unknown {
  const [is, words] = TYPES[type];
  const fits = typeof value === is && (is !== 'number' || Number.isFinite(value));
  if (!fits)
    bad(
      at,
      value,
      `Give ${words}${type === 'number' ? ', a list of them or { "min": …, "max": … }' : ' or a list'}.`,
    );
  if (typeof value === 'string' && value.length > SEGMENT_LIMITS.text)
    bad(at, value, `Give at most ${SEGMENT_LIMITS.text} characters.`);
  return value;
}

/** `{ min, max }`, or one of them, and nothing else; undefined for any other shape. */
function rangeOf(condition: object): { readonly min?: number; readonly max?: number } | undefined {
  const keys = Object.keys(condition);
  const { min, max } = condition as { readonly min?: unknown; readonly max?: unknown };
  const known = keys.length > 0 && keys.every((key) => key === 'min' || key === 'max');
  const [low, high] = [
    keys.includes('min') ? min : -Number.MAX_VALUE,
    keys.includes('max') ? max : Number.MAX_VALUE,
  ];
  if (!known || !Number.isFinite(low) || !Number.isFinite(high) || !((low as number) <= (high as number)))
    return undefined;
  return {
    ...(keys.includes('min') ? { min: min as number } : {}),
    ...(keys.includes('max') ? { max: max as number } : {}),
  };
}

/** At most so many bytes as JSON. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return 6 * value.length + 3;
  if (Array.isArray(value)) return value.reduce((sum: number, each) => sum + sizeOf(each), 3);
  return typeof value === 'object' ? 64 : 26;
}

function bad(field: string, value: unknown, mend: string): never {
  throw new GanglionError('invalid_input', `${field} is no condition on a segment`, { field, value, mend });
}

/**
 * Whether a context lies in a segment: every named field equals the value, is one of a list, or lies in
 * `{ min, max }`. `unit` is a field too. An empty segment holds everybody; a condition of another shape, as a node above may
 * have let through or a newer one may know, holds nobody: who is pinned by it cannot be told.
 */
export function inSegment(
  segment: Readonly<Record<string, unknown>>,
  context: Readonly<Record<string, unknown>> | undefined,
  unit: string,
): boolean {
  for (const key of Object.keys(segment)) {
    const value =
      key === 'unit'
        ? unit
        : context !== undefined && context !== null && Object.hasOwn(context, key)
          ? context[key]
          : undefined;
    if (!matches(segment[key], value)) return false;
  }
  return true;
}

function matches(condition: unknown, value: unknown): boolean {
  if (value === undefined) return false;
  if (Array.isArray(condition)) return condition.includes(value);
  if (typeof condition !== 'object' || condition === null) return condition === value;
  if (typeof value !== 'number') return false;
  return within(condition, value);
}

/** Asked on the decide path: makes nothing. */
function within(condition: object, value: number): boolean {
  let bounds = 0;
  for (const key of Object.keys(condition)) {
    const bound = (condition as Readonly<Record<string, unknown>>)[key];
    if (typeof bound !== 'number' || !Number.isFinite(bound)) return false;
    if (key === 'min' ? !(value >= bound) : key === 'max' ? !(value <= bound) : true) return false;
    bounds++;
  }
  return bounds > 0;
}
