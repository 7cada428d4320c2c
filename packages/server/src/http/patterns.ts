import { DIGEST_PATTERN, METRIC_PATTERN, NAME_PATTERN } from '@ganglion/core';

/** `KIND:KEY`, such as `user:alice`. */
export const ENTITY_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}:[^\n]{1,256}$/;

/** A whole number as a parameter has it. */
export const COUNT_PATTERN = /^[0-9]{1,4}$/;

const NAME_WORDS =
  'Use 1 to 128 letters, digits, dots, dashes and underscores, starting with a letter or digit';

/** What fits each pattern of the schemas, in words. */
const WORDS: ReadonlyMap<string, string> = new Map([
  [NAME_PATTERN.source, `${NAME_WORDS}.`],
  [METRIC_PATTERN.source, `${NAME_WORDS}; reward and truth have their own place.`],
  [DIGEST_PATTERN.source, 'Give the SHA-256 as 64 hexadecimal digits, in lower case.'],
  [
    ENTITY_PATTERN.source,
    'Give it as KIND:KEY, such as user:alice; KIND as a name, KEY of 1 to 256 characters.',
  ],
  [COUNT_PATTERN.source, 'Give a whole number of 1 to 4 digits.'],
]);

/** What to send where a pattern refused it; undefined for one that has no words. @param source - the pattern, as the schema has it */
export const wordsOf = (source: string): string | undefined => WORDS.get(source);
