import { show } from '../errors.ts';
import { INGEST_LIMITS, isAmount, NAME_PATTERN, NUMBER_LIMITS, type Problem } from '../limits.ts';

const KEYS: readonly string[] = ['id', 'source', 'type', 'entity', 'domain', 'atMs', 'data'];

/** What is wrong with an event by itself, whatever is declared: the one judge of it, here and at the rim. */
export function checkEvent(event: unknown): Problem | undefined {
  if (typeof event !== 'object' || event === null || Array.isArray(event))
    return bad('', 'an event must be an object', 'Send {"id": "…", "type": "…", "entity": "user:…"}.');
  for (const key in event)
    if (!KEYS.includes(key))
      return bad(key.slice(0, 64), `${key.slice(0, 64)} is not a key of an event`, `Use ${KEYS.join(', ')}.`);
  const { id, source, type, entity, domain, atMs, data } = event as Record<string, unknown>;
  if (!isText(id, INGEST_LIMITS.idLength))
    return bad(
      'id',
      'id must be a text of 1 to 256 characters',
      'Give each event an id: one sent again counts once.',
    );
  if (source !== undefined && !isText(source, INGEST_LIMITS.idLength, 0))
    return bad('source', 'source must be a text of at most 256 characters', 'Say who makes the ids.');
  if (typeof type !== 'string' || !NAME_PATTERN.test(type))
    return bad('type', 'type is not a name', 'Use 1 to 128 letters, digits, dots, dashes and underscores.');
  if (domain !== undefined && (typeof domain !== 'string' || !NAME_PATTERN.test(domain)))
    return bad(
      'domain',
      'domain is not a name',
      'Use 1 to 128 letters, digits, dots, dashes and underscores.',
    );
  if (atMs !== undefined && !(typeof atMs === 'number' && atMs > 0 && atMs < MOST_MS))
    return bad('atMs', 'atMs must be milliseconds since the epoch', 'Leave it out for now.');
  return checkEntities(entity) ?? checkData(data);
}

/** The year 9999. */
const MOST_MS = 253_402_300_800_000;

function checkEntities(entity: unknown): Problem | undefined {
  const all = Array.isArray(entity) ? entity : [entity];
  if (all.length === 0 || all.length > INGEST_LIMITS.entities)
    return bad(
      'entity',
      `an event is about 1 to ${INGEST_LIMITS.entities} entities`,
      'Send KIND:KEY, or a list.',
    );
  const wrong = all.findIndex((each) => typeof each !== 'string' || !ENTITY.test(each));
  if (wrong >= 0)
    return bad(
      Array.isArray(entity) ? `entity[${wrong}]` : 'entity',
      'entity must be KIND:KEY, of at most 256 characters each',
      'Send it as "user:alice".',
    );
  return new Set(all).size < all.length
    ? bad('entity', 'an entity is there twice', 'Name each once.')
    : undefined;
}

const ENTITY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}:[^\n]{1,256}$/;

function checkData(data: unknown): Problem | undefined {
  if (data === undefined) return undefined;
  if (typeof data !== 'object' || data === null || Array.isArray(data))
    return bad('data', 'data must be an object', 'Send properties by name: {"amount": 12}.');
  let count = 0;
  for (const name in data) {
    if (++count > INGEST_LIMITS.properties)
      return bad(
        'data',
        `there are more than ${INGEST_LIMITS.properties} properties`,
        'Send what features read.',
      );
    if (!NAME_PATTERN.test(name) || name === 'constructor' || name === 'prototype')
      return bad(
        `data.${name.slice(0, 64)}`,
        'the property is not named',
        'Use letters, digits, dots, dashes and underscores.',
      );
    const value = (data as Record<string, unknown>)[name];
    const fits = typeof value === 'boolean' || isAmount(value) || isText(value, INGEST_LIMITS.textLength, 0);
    if (!fits)
      return bad(
        `data.${name}`,
        `${name} is ${show(value)}; it must be a finite number, a boolean or a text of at most ${INGEST_LIMITS.textLength} characters`,
        `Send flat data, with numbers of at most ${NUMBER_LIMITS.largest} in magnitude.`,
      );
  }
  return undefined;
}

const isText = (value: unknown, most: number, least = 1): value is string =>
  typeof value === 'string' && value.length >= least && value.length <= most;

const bad = (field: string, message: string, mend: string): Problem => ({
  code: 'invalid_input',
  field,
  message,
  mend,
});
