import { GanglionError } from './errors.ts';
import { isAmount, NUMBER_LIMITS } from './limits.ts';
import { unknownKeyMend } from './nearest.ts';

/**
 * Strict reading of declared options. Every reader either returns a value in its stated range or throws
 * `invalid_spec` naming the field (`path.key`), the value and the mend. Nothing is coerced or clamped in silence.
 */
export type Options = Readonly<Record<string, unknown>>;

/** Range of a number; both ends inclusive. Without `default` the option is required. */
export interface NumberRule {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly integer?: boolean | undefined;
  readonly default?: number | undefined;
}

/** For a number that is learned from, or weighs what is. */
export const AMOUNT: NumberRule = { min: -NUMBER_LIMITS.largest, max: NUMBER_LIMITS.largest };

/** Throws `invalid_spec` for one option. `key` may be '' where the value is `path` itself. */
export function refuse(path: string, key: string, value: unknown, message: string, mend: string): never {
  const field = fieldOf(path, key);
  throw new GanglionError('invalid_spec', `${field} ${message}`, { field, value, mend });
}

function fieldOf(path: string, key: string): string {
  if (key === '') return path;
  return path === '' ? key : `${path}.${key}`;
}

/** Whether the option was given: an own key that is not `undefined`. */
export function given(options: Options, key: string): boolean {
  return Object.hasOwn(options, key) && options[key] !== undefined;
}

/** Refuses keys that nobody reads, in the declaration of a family member: `kind` is allowed there. */
export function rejectUnknown(options: Options, keys: readonly string[], path: string): void {
  onlyKeys(options, keys, path, 'kind');
}

/** Refuses every key but these, in an object within a declaration. */
export function onlyKeys(options: Options, keys: readonly string[], path: string, tacit?: string): void {
  for (const key of Object.keys(options)) {
    if (key === tacit || keys.includes(key)) continue;
    refuse(path, key, options[key], 'is not an option here', unknownKeyMend(key, keys));
  }
}

/** A plain object (not null, not an array). */
export function object(value: unknown, path: string, key = ''): Options {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuse(path, key, value, 'must be an object', 'Give a mapping of names to values.');
  return value as Options;
}

/** A finite number within the rule. */
export function number(options: Options, key: string, rule: NumberRule, path: string): number {
  if (!given(options, key)) return fallback(rule, options, key, path, 'a number');
  const value = options[key];
  if (typeof value !== 'number' || !Number.isFinite(value))
    refuse(path, key, value, 'must be a finite number', `Give ${describe(rule, 'a number', String)}.`);
  return within(value, value, rule, key, path, 'a number', String);
}

const { largest, narrowest, finest } = NUMBER_LIMITS;

/** `[low, high]`: where numbers lie that are learned from, as wide and as narrow as `NUMBER_LIMITS` allow. */
export function range(value: unknown, path: string): readonly [number, number] {
  const [low, high]: readonly unknown[] = Array.isArray(value) && value.length === 2 ? value : [];
  if (!Number.isFinite(low) || !Number.isFinite(high) || !((low as number) < (high as number)))
    refuse(path, '', value, 'must be [low, high]', 'Give two finite numbers, the lower one first.');
  if (!isAmount(low) || !isAmount(high))
    refuse(path, '', value, 'ends too far out', `Give ends of at most ${largest} in magnitude.`);
  checkWidth(high - low, Math.max(Math.abs(low), Math.abs(high)), path, '', value);
  return [low, high];
}

/** Refuses a width, or a standard deviation, that is lost beside numbers of magnitude `size`. */
export function checkWidth(width: number, size: number, path: string, key: string, value: unknown): void {
  if (width >= narrowest && width >= finest * size) return;
  refuse(
    path,
    key,
    value,
    'is too narrow to tell numbers apart',
    `Give it ${Math.max(narrowest, finest * size)} at least, or count in a smaller unit.`,
  );
}

/** A duration in milliseconds, declared as `250ms`, `30s`, `5m`, `1h`, `7d` or as a number of milliseconds. */
export function duration(options: Options, key: string, rule: NumberRule, path: string): number {
  if (!given(options, key)) return fallback(rule, options, key, path, 'a duration');
  const ms = parseDuration(options[key], path, key);
  return within(ms, options[key], rule, key, path, 'a duration', showDuration);
}

/** A share in [0, 1], declared as `5%` or as a fraction. */
export function share(options: Options, key: string, rule: NumberRule, path: string): number {
  const bounds = { min: 0, max: 1, ...rule };
  if (!given(options, key)) return fallback(bounds, options, key, path, 'a share');
  const fraction = parseShare(options[key], path, key);
  return within(fraction, options[key], bounds, key, path, 'a share', showShare);
}

/** `true` or `false`. */
export function flag(options: Options, key: string, fallbackValue: boolean, path: string): boolean {
  if (!given(options, key)) return fallbackValue;
  const value = options[key];
  if (typeof value !== 'boolean') refuse(path, key, value, 'must be true or false', 'Give true or false.');
  return value;
}

/** One of a few words. Without `fallbackValue` the option is required. */
export function choice<T extends string>(
  options: Options,
  key: string,
  allowed: readonly T[],
  fallbackValue: T | undefined,
  path: string,
): T {
  if (!given(options, key) && fallbackValue !== undefined) return fallbackValue;
  const value = given(options, key) ? options[key] : undefined;
  const found = allowed.find((word) => word === value);
  if (found === undefined) {
    const what = given(options, key) ? 'is none of the known words' : 'is required';
    refuse(path, key, value, what, `Use one of: ${allowed.join(', ')}.`);
  }
  return found;
}

/** A non-empty string of at most `maxLength` characters. Without `fallbackValue` the option is required. */
export function text(
  options: Options,
  key: string,
  fallbackValue: string | undefined,
  path: string,
  maxLength = 128,
): string {
  if (!given(options, key)) {
    if (fallbackValue !== undefined) return fallbackValue;
    refuse(path, key, undefined, 'is required', 'Give a name.');
  }
  const value = options[key];
  if (typeof value !== 'string' || value.length === 0 || value.length > maxLength)
    refuse(path, key, value, 'must be a short text', `Give 1 to ${maxLength} characters.`);
  return value;
}

/** A list of at least `min` items. Required. */
export function list(options: Options, key: string, path: string, min = 1): readonly unknown[] {
  const value = given(options, key) ? options[key] : undefined;
  if (!Array.isArray(value) || value.length < min)
    refuse(path, key, value, 'must be a list', `Give a list of at least ${min}.`);
  return value;
}

/** The id of a declared arm. Required. */
export function armId(
  options: Options,
  key: string,
  arms: readonly { readonly id: string }[],
  path: string,
): string {
  const value = given(options, key) ? options[key] : undefined;
  if (typeof value !== 'string' || !arms.some((arm) => arm.id === value))
    refuse(path, key, value, 'is not an arm of this point', `Use one of: ${armList(arms)}.`);
  return value;
}

/** The arms' ids for a message: the first ten of them. */
export function armList(arms: readonly { readonly id: string }[]): string {
  const shown = arms.slice(0, 10).map((arm) => arm.id);
  return arms.length > 10 ? `${shown.join(', ')}, … (${arms.length} arms)` : shown.join(', ');
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds of `250ms`, `30s`, `5m`, `1.5h`, `7d`, or of a plain number; ≥ 0 and finite. */
export function parseDuration(value: unknown, path: string, key = ''): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  const match = typeof value === 'string' ? /^(\d{1,15}(?:\.\d{1,9})?)(ms|s|m|h|d)$/.exec(value) : null;
  if (match === null)
    refuse(path, key, value, 'is not a duration', 'Write 250ms, 30s, 5m, 1h or 7d, or milliseconds.');
  return Number(match[1]) * UNIT_MS[match[2]];
}

/** Fraction of `5%` or `0.05`; in [0, 1]. */
export function parseShare(value: unknown, path: string, key = ''): number {
  let fraction = Number.NaN;
  if (typeof value === 'number') fraction = value;
  else if (typeof value === 'string' && /^\d{1,3}(\.\d{1,9})?%$/.test(value))
    fraction = Number(value.slice(0, -1)) / 100;
  if (!(fraction >= 0 && fraction <= 1))
    refuse(path, key, value, 'is not a share', 'Write 5% or a fraction from 0 to 1.');
  return fraction;
}

/** A duration as a person writes it: the largest unit that divides it. */
export function showDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'])
    if (ms >= UNIT_MS[unit] && ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`;
  return `${ms}ms`;
}

function showShare(fraction: number): string {
  return `${Number((fraction * 100).toPrecision(6))}%`;
}

function fallback(rule: NumberRule, options: Options, key: string, path: string, noun: string): number {
  if (rule.default !== undefined) return rule.default;
  return refuse(path, key, options[key], 'is required', `Give ${describe(rule, noun, String)}.`);
}

function within(
  value: number,
  shown: unknown,
  rule: NumberRule,
  key: string,
  path: string,
  noun: string,
  format: (value: number) => string,
): number {
  const mend = `Give ${describe(rule, noun, format)}.`;
  if (rule.integer === true && !Number.isInteger(value)) refuse(path, key, shown, 'must be whole', mend);
  if (rule.min !== undefined && value < rule.min) refuse(path, key, shown, 'is too small', mend);
  if (rule.max !== undefined && value > rule.max) refuse(path, key, shown, 'is too large', mend);
  return value;
}

function describe(rule: NumberRule, noun: string, format: (value: number) => string): string {
  const what = rule.integer === true ? 'a whole number' : noun;
  if (rule.min !== undefined && rule.max !== undefined)
    return `${what} from ${format(rule.min)} to ${format(rule.max)}`;
  if (rule.min !== undefined) return `${what} of at least ${format(rule.min)}`;
  if (rule.max !== undefined) return `${what} of at most ${format(rule.max)}`;
  return what;
}
