/**
 * Request targets (RFC 9112 §3.2) and backend origins.
 */

const ABSOLUTE = /^https?:\/\/([^/?#@]+)([/?][^#]*)?$/i;

/**
 * The origin form of an absolute target, and its authority; undefined for what is no plain http(s) URL. The text is
 * taken apart, not parsed and written anew, because normalising a path changes what the backend sees.
 */
export function originForm(target: string): { host: string; target: string } | undefined {
  const match = ABSOLUTE.exec(target);
  if (match === null) return undefined;
  const rest = match[2] ?? '/';
  return { host: match[1] as string, target: rest.startsWith('/') ? rest : `/${rest}` };
}

/** The path of an origin-form target, without the query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

/**
 * The canonical form of a backend's origin, such as `http://10.0.0.7:8080`; undefined where it is none: another
 * scheme, credentials, a path or a query.
 */
export function canonicalOrigin(origin: string): string | undefined {
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  if (url === undefined) return undefined;
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  if (url.username !== '' || url.password !== '') return undefined;
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return undefined;
  return url.origin;
}
