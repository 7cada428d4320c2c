/**
 * Fields that concern one connection only (RFC 9110 §7.6.1), in both directions.
 */

/** Never forwarded. `proxy-*` belong to us as the next hop (§11.7); the rest is framing or connection management. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** What a `Connection` field may say without naming a field that is present. */
const PLAIN_OPTIONS = new Set(['', 'close', 'keep-alive', 'upgrade', 'te']);

/**
 * The fields that a `Connection` value names, lower case; undefined where it names none, which is nearly always.
 * `Host` and the body's length cannot be named away: they are ours to decide.
 */
export function fieldsNamedBy(connection: string): Set<string> | undefined {
  if (PLAIN_OPTIONS.has(connection)) return undefined;
  let named: Set<string> | undefined;
  for (const option of connection.toLowerCase().split(',')) {
    const name = option.trim();
    if (PLAIN_OPTIONS.has(name) || name === 'host' || name === 'content-length') continue;
    named ??= new Set();
    named.add(name);
  }
  return named;
}

/** Removes the named fields from a flat header list, in place. */
export function removeNamed(headers: string[], named: ReadonlySet<string>): void {
  let kept = 0;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (named.has(name.toLowerCase())) continue;
    headers[kept] = name;
    headers[kept + 1] = headers[i + 1] as string;
    kept += 2;
  }
  headers.length = kept;
}

/** Fields that may not come as trailers (RFC 9110 §6.5.1): framing, routing, authentication, cookies, payload. */
const NOT_IN_TRAILERS = new Set([
  ...HOP_BY_HOP,
  'content-length',
  'host',
  'trailer',
  'authorization',
  'cookie',
  'set-cookie',
  'content-encoding',
  'content-type',
  'content-range',
  'cache-control',
  'expect',
  'range',
  'location',
]);

/** Trailers that may be passed on, as name and value pairs. `trailers` has lower-case names, as both parsers give. */
export function forwardTrailers(
  trailers: Readonly<Record<string, string | readonly string[] | undefined>>,
): [string, string][] {
  const forwarded: [string, string][] = [];
  for (const name of Object.keys(trailers)) {
    if (NOT_IN_TRAILERS.has(name)) continue;
    const value = trailers[name];
    if (typeof value === 'string') forwarded.push([name, value]);
    else if (value !== undefined) for (const one of value) forwarded.push([name, one]);
  }
  return forwarded;
}
