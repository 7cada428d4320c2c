import { fieldsNamedBy, HOP_BY_HOP, removeNamed } from './hop-by-hop.ts';

/** A backend's response fields: lower-case names; repeated fields as lists. */
export type ResponseFields = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The end-to-end fields of a response, flat, ready for `writeHead`; values as they came, one character for each byte.
 *
 * @param withTrailers - whether trailers can follow to this client; without, the `Trailer` field is not forwarded
 */
export function forwardResponseHeaders(
  status: number,
  fields: ResponseFields,
  withTrailers: boolean,
): string[] {
  const headers: string[] = [];
  for (const name in fields) {
    if (HOP_BY_HOP.has(name) || (name === 'trailer' && !withTrailers) || name === 'content-length') continue;
    const value = fields[name];
    if (typeof value === 'string') headers.push(name, value);
    else if (value !== undefined) for (const one of value) headers.push(name, one);
  }
  const connection = fields.connection;
  if (connection !== undefined) {
    const named = fieldsNamedBy(typeof connection === 'string' ? connection : connection.join(','));
    if (named !== undefined) removeNamed(headers, named);
  }
  // The last one: node takes a Content-Disposition that comes behind it for text, and writes other bytes. RFC 9110 §8.6:
  // where there can be no body, there is no length.
  const length = fields['content-length'];
  if (length !== undefined && status >= 200 && status !== 204) headers.push('content-length', String(length));
  return headers;
}

/** Whether a reason phrase can be sent as it came (RFC 9112 §4); it carries no meaning, so others are dropped. */
export function isReasonPhrase(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]+$/.test(text);
}
