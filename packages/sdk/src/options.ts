import { GanglionError, unknownKeyMend } from '@ganglion/core';

/**
 * Options as plain JavaScript gives them: one that is misspelt would be one that is not there, and a node without its
 * parent is a root that no kill from above reaches.
 * @param keys - all there are; their values say nothing
 * @throws GanglionError `invalid_input`, naming the option
 */
export function checkOptions<Options extends object>(
  options: Options,
  keys: Readonly<Record<keyof Options, true>>,
  path = '',
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new GanglionError('invalid_input', `${path === '' ? 'options' : path} must be an object`, {
      field: path === '' ? 'options' : path,
      mend: `Give an object of: ${Object.keys(keys).join(', ')}.`,
    });
  for (const [key, value] of Object.entries(options))
    if (value !== undefined && !Object.hasOwn(keys, key)) {
      const field = path === '' ? key : `${path}.${key}`;
      // Its value is not shown: it may be a token's.
      const mend = unknownKeyMend(key, Object.keys(keys));
      throw new GanglionError('invalid_input', `${field} is not an option`, { field, mend });
    }
}

/** What a value has to be: whether it is, in words, and what to give instead. */
export interface Rule {
  holds(value: unknown): boolean;
  readonly is: string;
  readonly mend: string;
}

/**
 * One option that was given.
 * @param secret - its value is not shown
 * @throws GanglionError `invalid_input`, naming field, value and mend
 */
export function checkOption(field: string, value: unknown, rule: Rule, secret = false): void {
  if (value === undefined || rule.holds(value)) return;
  const shown = secret ? {} : { value };
  throw new GanglionError('invalid_input', `${field} is not ${rule.is}`, {
    field,
    ...shown,
    mend: rule.mend,
  });
}

/** The longest that timers of the platforms know, ms; beyond it they fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** A time in ms that something is given. */
export const timeFrom = (least: 0 | 1): Rule => ({
  holds: (value) => typeof value === 'number' && value >= least && value <= LONGEST_MS,
  is: 'a time in ms',
  mend:
    least === 0
      ? `Give a number of ms, 0 or more, at most ${LONGEST_MS}.`
      : `Give a number of ms from 1 to ${LONGEST_MS}.`,
});

export const COUNT: Rule = {
  holds: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  is: 'a count',
  mend: 'Give a whole number, 0 or more.',
};

export const FUNCTION: Rule = {
  holds: (value) => typeof value === 'function',
  is: 'a function',
  mend: 'Give a function, or leave it out.',
};

/** What goes into a header of HTTP (RFC 9110 §5.5): white space around it is taken off on the way. */
export const HEADER_TEXT: Rule = {
  holds: (value) => typeof value === 'string' && /^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(value.trim()),
  is: 'what a header of HTTP may hold',
  mend: 'Give a text of one line in letters of Latin-1.',
};

/** An implementation of a port, with these functions. */
export const portWith = (functions: readonly string[], mend: string): Rule => ({
  holds: (value) =>
    typeof value === 'object' &&
    value !== null &&
    functions.every((name) => typeof (value as Record<string, unknown>)[name] === 'function'),
  is: `an object with ${functions.join(', ')}`,
  mend,
});

/** Of what is made asynchronously: a Promise is what is left when nobody awaits it. */
export function checkAwaited(field: string, value: unknown): void {
  if (typeof (value as { then?: unknown } | null | undefined)?.then !== 'function') return;
  throw new GanglionError('invalid_input', `${field} is a Promise`, {
    field,
    mend: `Write await before it.`,
  });
}
