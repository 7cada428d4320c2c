import { isAscii, isUtf8 } from 'node:buffer';
import { GanglionError } from '@ganglion/core';
import { parseDocument } from 'yaml';
import { HttpProblem } from './problem.ts';

/**
 * Bytes to text. UTF-8 as RFC 8259 demands; a byte order mark is taken off.
 * @throws GanglionError `invalid_input`
 */
function textOf(bytes: Buffer): string {
  if (isAscii(bytes)) return bytes.toString('latin1');
  if (!isUtf8(bytes))
    throw new GanglionError('invalid_input', 'The body is not valid UTF-8', {
      field: 'body',
      mend: 'Send the text as UTF-8.',
    });
  const text = bytes.toString('utf8');
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/**
 * A JSON body as a value, not yet inspected. V8 parses without recursion, so that no nesting can overflow its stack.
 * @throws GanglionError `invalid_input`, naming the place
 */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0)
    throw new GanglionError('invalid_input', 'The body is empty', {
      field: 'body',
      mend: 'Send a JSON value.',
    });
  const text = textOf(bytes);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new GanglionError('invalid_input', `The body is not JSON: ${why.slice(0, 200)}`, {
      field: 'body',
      mend: 'Send one valid JSON value, in UTF-8.',
      cause,
    });
  }
}

/**
 * A YAML 1.2 document as a value, inspected: one document, no duplicate keys, no more than 100 alias expansions.
 * @throws GanglionError `invalid_input`, naming line and column; HttpProblem `too_large`
 */
export function parseYaml(bytes: Buffer, maxBytes: number, maxDepth: number): unknown {
  if (bytes.length > maxBytes)
    throw new HttpProblem('too_large', `The YAML is ${bytes.length} bytes, more than ${maxBytes}`, {
      field: 'body',
      mend: 'Send less, or send it as JSON.',
    });
  const text = textOf(bytes);
  let value: unknown;
  try {
    const document = parseDocument(text, { prettyErrors: true, stringKeys: true, version: '1.2' });
    const error = document.errors[0] ?? document.warnings[0];
    if (error !== undefined) throw error;
    value = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    // A RangeError is the parser's own recursion giving up on absurd nesting.
    const why =
      cause instanceof RangeError
        ? 'it is nested too deeply'
        : cause instanceof Error
          ? cause.message.split('\n')[0]
          : String(cause);
    throw new GanglionError('invalid_input', `The body is not a YAML document: ${why.slice(0, 200)}`, {
      field: 'body',
      mend: 'Send one valid YAML document, in UTF-8.',
      cause,
    });
  }
  inspect(value, maxDepth);
  return value;
}

interface Visit {
  readonly value: object;
  readonly path: string;
  readonly depth: number;
}

/**
 * Refuses what no call takes, whatever its schema: nesting beyond `maxDepth`, keys that name a prototype, numbers that
 * are not finite (`1e999` parses to Infinity). Iterative: the input chooses the depth, not our stack.
 * @throws GanglionError `invalid_input`
 */
export function inspect(root: unknown, maxDepth: number, at = ''): void {
  if (typeof root === 'number') finite(root, at);
  if (typeof root !== 'object' || root === null) return;
  const stack: Visit[] = [{ value: root, path: at, depth: 1 }];
  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    const { value, path, depth } = visit;
    if (depth > maxDepth)
      throw new GanglionError('invalid_input', `The body is nested more than ${maxDepth} deep`, {
        field: short(path),
        mend: `Flatten it to at most ${maxDepth} levels.`,
      });
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) look(stack, value[i], path, i, depth);
      continue;
    }
    for (const key of Object.keys(value)) {
      if (isForbiddenKey(key)) forbidden(path, key);
      look(stack, (value as Record<string, unknown>)[key], path, key, depth);
    }
  }
}

/** Paths are only put together where they are needed: most values are neither nested nor refused. */
function look(stack: Visit[], child: unknown, path: string, key: string | number, depth: number): void {
  if (typeof child === 'number') {
    if (!Number.isFinite(child)) finite(child, join(path, key));
  } else if (typeof child === 'object' && child !== null)
    stack.push({ value: child, path: join(path, key), depth: depth + 1 });
}

function join(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}

function short(path: string): string {
  return path.length > 80 ? `${path.slice(0, 77)}...` : path;
}

/** @throws GanglionError `invalid_input` */
export function forbidden(path: string, key: string): never {
  throw new GanglionError('invalid_input', `The key ${key} is not allowed`, {
    field: short(join(path, key)),
    mend: 'Choose another name; __proto__, constructor and prototype are refused everywhere.',
  });
}

function finite(value: number, path: string): void {
  if (Number.isFinite(value)) return;
  // JSON has no NaN; YAML writes it `.nan`.
  const isNumber = !Number.isNaN(value);
  throw new GanglionError(
    'invalid_input',
    isNumber ? 'A number is too large to be represented' : 'NaN is not a number that is taken here',
    {
      field: short(path),
      value,
      mend: isNumber
        ? 'Send a finite number, below 1.8e308 in size.'
        : 'Send a finite number, or leave it out where it is not known.',
    },
  );
}

/** Keys that could reach an object's prototype if a value were ever merged or copied carelessly. */
export const FORBIDDEN_KEYS: readonly string[] = ['__proto__', 'constructor', 'prototype'];

/**
 * Whether it is one of `FORBIDDEN_KEYS`. Compared one by one:
 * parsed keys are interned, and three comparisons of pointers cost less than a look-up.
 */
export function isForbiddenKey(key: string): boolean {
  return key === '__proto__' || key === 'constructor' || key === 'prototype';
}
