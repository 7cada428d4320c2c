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
