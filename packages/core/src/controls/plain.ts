import { GanglionError } from '../errors.ts';

/** Deepest nesting of a declaration: well within what a link takes of a whole message. */
const DEPTH = 20;

/**
 * Refuses what a link would not carry as it is: nesting beyond `DEPTH`, keys that could reach a prototype, big integers. A
 * child refuses controls as a whole, and would hear of no kill any more.
 * @throws GanglionError `invalid_spec`, naming the field
 */
export function checkPlain(value: unknown, path: string, depth = 0): void {
  if (typeof value === 'bigint') bad(path, String(value), 'Give a number.');
  if (typeof value !== 'object' || value === null) return;
  if (depth === DEPTH) bad(path, 'nested too deeply', `Nest at most ${DEPTH} levels.`);
  for (const key of Object.keys(value)) {
    const at = path === '' ? key : `${path}.${key}`;
    if (key === '__proto__') bad(at, key, 'Use another name.');
    checkPlain((value as Readonly<Record<string, unknown>>)[key], at, depth + 1);
  }
}

function bad(field: string, value: unknown, mend: string): never {
  throw new GanglionError('invalid_spec', `${field.slice(-128)} cannot be sent to other nodes`, {
    field: field.slice(-128),
    value,
    mend,
  });
}
