import type { Stream } from '../stats/random.ts';

/** One law of a contract: any runner can run it, with any source of seeds. */
export interface Law {
  readonly law: string;
  /** Throws a readable `Error` where the law is broken. The same stream gives the same history. */
  run(random: Stream): void;
}

/** Throws unless it holds. */
export function demand(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(message);
}

/** Whether two numbers agree to a relative tolerance, or both are the same oddity. */
export function near(a: number, b: number, tolerance: number): boolean {
  return Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
}

/**
 * Where two pieces of plain data differ (numbers beyond a relative tolerance), as a path and both values; '' where they
 * do not. Understands numbers, strings, typed arrays, arrays, Maps, Sets and plain objects.
 */
export function difference(a: unknown, b: unknown, tolerance = 0, path = ''): string {
  if (typeof a === 'number' && typeof b === 'number')
    return near(a, b, tolerance) ? '' : `${path}: ${a} is not ${b}`;
  if (a instanceof Map && b instanceof Map) {
    if (a.size !== b.size) return `${path}: ${a.size} entries are not ${b.size}`;
    return firstOf([...a.keys()], (key) => {
      return b.has(key)
        ? difference(a.get(key), b.get(key), tolerance, `${path}[${key}]`)
        : `${path}: no ${key}`;
    });
  }
  if (a instanceof Set && b instanceof Set) return difference([...a].sort(), [...b].sort(), tolerance, path);
  if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b))
    return difference(Array.from(a as Float64Array), Array.from(b as Float64Array), tolerance, path);
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.length !== b.length) return `${path}: ${a.length} items are not ${b.length}`;
    return firstOf([...a.keys()], (i) => difference(a[i], b[i], tolerance, `${path}[${i}]`));
  }
  if (isRecord(a) && isRecord(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    return firstOf(keys, (key) => difference(a[key], b[key], tolerance, `${path}.${key}`));
  }
  return Object.is(a, b) ? '' : `${path}: ${String(a)} is not ${String(b)}`;
}

/** A deep copy of plain data. */
export function copyOf<T>(value: T): T {
  return rebuild(value, (leaf) => leaf) as T;
}

/** How many numbers a piece of plain data holds. */
export function countNumbers(value: unknown): number {
  let count = 0;
  rebuild(value, (leaf) => {
    count++;
    return leaf;
  });
  return count;
}

/** A copy with the `index`-th number replaced. */
export function withNumber<T>(value: T, index: number, replacement: number): T {
  let at = 0;
  return rebuild(value, (leaf) => (at++ === index ? replacement : leaf)) as T;
}

function rebuild(value: unknown, leaf: (value: number) => number): unknown {
  if (typeof value === 'number') return leaf(value);
  if (value instanceof Map) return new Map([...value].map(([key, one]) => [key, rebuild(one, leaf)]));
  if (value instanceof Set) return new Set(value);
  if (ArrayBuffer.isView(value)) {
    const copy = (value as Float64Array).slice();
    for (let i = 0; i < copy.length; i++) copy[i] = leaf(copy[i]);
    return copy;
  }
  if (Array.isArray(value)) return value.map((one) => rebuild(one, leaf));
  if (isRecord(value))
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, rebuild(one, leaf)]));
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function firstOf<T>(items: readonly T[], find: (item: T) => string): string {
  for (const item of items) {
    const found = find(item);
    if (found !== '') return found;
  }
  return '';
}
