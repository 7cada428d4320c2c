import type { IngestEvent, Problem } from '@ganglion/core';

/**
 * An event as it is sent, as the node takes it. With `specversion` it is a CloudEvent (1.0, structured): `type`, `source`,
 * `id` as they are; `subject` is the entity, `KIND:KEY`; `time` (RFC 3339) when it happened; the extension `domain` whose
 * features it moves; `data` an object of flat values. Other attributes are context that features do not read, as the
 * specification wants it. Without, it is ours, and may give `time` in place of `atMs`.
 */
export function eventOf(item: unknown): { readonly event: IngestEvent } | { readonly problem: Problem } {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return { event: item as IngestEvent };
  const isCloudEvent = Object.hasOwn(item, 'specversion');
  const { specversion, subject, time, ...given } = item as Record<string, unknown>;
  if (isCloudEvent && specversion !== '1.0')
    return refused('specversion', 'only CloudEvents 1.0 are read', 'Send "specversion": "1.0".');
  if (isCloudEvent && (typeof given.source !== 'string' || given.source === ''))
    return refused('source', 'a CloudEvent has a source', 'Say who makes the ids.');
  if (isCloudEvent && typeof subject !== 'string')
    return refused('subject', 'subject must say whom it is about', 'Send it as "user:alice".');
  if (!isCloudEvent && subject !== undefined)
    return refused(
      'subject',
      'subject is not a key of an event',
      'Send "entity", or a CloudEvent with "specversion".',
    );
  const atMs = time === undefined ? undefined : timeOf(time);
  if (Number.isNaN(atMs) || (time !== undefined && given.atMs !== undefined))
    return refused(
      'time',
      'time is no single RFC 3339 time',
      'Send it as "2026-01-31T12:00:00Z", or atMs instead.',
    );
  const when = atMs === undefined ? {} : { atMs };
  if (!isCloudEvent) return { event: { ...(given as unknown as IngestEvent), ...when } };
  const { type, source, id, domain, data, data_base64: binary } = given;
  if (binary !== undefined)
    return refused('data_base64', 'binary data is not read', 'Send data as a JSON object.');
  return {
    event: {
      id,
      source,
      type,
      entity: subject,
      ...when,
      ...(domain === undefined ? {} : { domain }),
      ...(data === undefined || data === null ? {} : { data }),
    } as IngestEvent,
  };
}

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,12})?([Zz]|[+-]\d\d:\d\d)$/;

const timeOf = (time: unknown): number =>
  typeof time === 'string' && RFC3339.test(time) ? Date.parse(time) : Number.NaN;

function refused(field: string, message: string, mend: string): { readonly problem: Problem } {
  return { problem: { code: 'invalid_input', field, message, mend } };
}
