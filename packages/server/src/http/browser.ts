import { GanglionError } from '@ganglion/core';

/** What the checks read of a request: the same for Fastify and for the fast path. */
export interface Caller {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly remoteAddress: string | undefined;
}

export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  return plain === '::1' || plain.startsWith('127.');
}

/** Whom a daemon knows. */
export interface Acquaintance {
  /** Of its own names. */
  readonly trusts: TrustInHosts;
  /** Nobody is asked for a token. */
  readonly tokenless: boolean;
  /** Origins whose pages may make calls that are shared with pages. */
  readonly pages: ReadonlySet<string>;
}

/**
 * A page in somebody's browser must not reach a daemon on the same machine. Cross-site requests say so (Origin,
 * Sec-Fetch-Site); a rebound DNS name (the page's own name, pointed at 127.0.0.1) shows in Host.
 * @param call - `guarded`: it needs rights; `shared`: pages of allowed origins may make it
 * @throws GanglionError `forbidden`
 */
export function checkBrowser(
  caller: Caller,
  { guarded, shared }: { readonly guarded: boolean; readonly shared: boolean },
  { trusts, tokenless, pages }: Acquaintance,
): void {
  const host = oneHeader(caller.headers.host);
  if (tokenless && guarded && isLoopback(caller.remoteAddress) && !trusts(host))
    throw new GanglionError('forbidden', 'This daemon is not known under that host name', {
      field: 'host',
      value: oneHeader(caller.headers.host) ?? '',
      mend: 'Use localhost or 127.0.0.1, start the daemon with --allow-host NAME, or with a token.',
    });
  if (caller.method === 'GET' || caller.method === 'HEAD') return;
  const origin = oneHeader(caller.headers.origin);
  const site = oneHeader(caller.headers['sec-fetch-site']);
  if (origin === undefined && (site === undefined || site === 'same-origin' || site === 'none')) return;
  const known = origin !== undefined && (sameOrigin(origin, host) || (shared && pages.has(origin)));
  if (known && (!tokenless || trusts(host))) return;
  throw new GanglionError('forbidden', 'Another site’s page may not call this', {
    field: 'origin',
    value: origin ?? site,
    mend:
      shared && origin !== undefined
        ? mendOfOrigin(origin)
        : 'Call from the daemon’s own page, or from outside a browser.',
  });
}

/** Repeated only where it is plain: what it says is the other side's word. */
function mendOfOrigin(origin: string): string {
  if (origin === 'null')
    return 'A page of no origin (a file, a sandboxed frame) cannot be let in: serve it over http or https.';
  const named = /^https?:\/\/[a-z0-9.:[\]-]{1,255}$/.test(origin) ? origin : 'ORIGIN';
  return `If this page is one of yours, start the daemon with --allow-origin ${named}.`;
}

function sameOrigin(origin: string, host: string | undefined): boolean {
  const match = /^https?:\/\/([^/]+)$/i.exec(origin);
  return match !== null && host !== undefined && match[1].toLowerCase() === host.toLowerCase();
}

/** Whether this Host header names us. */
export type TrustInHosts = (header: string | undefined) => boolean;

/** @param allowed - names in lower case. */
export function trustInHosts(allowed: ReadonlySet<string>): TrustInHosts {
  let last: { readonly header: string | undefined; readonly trusted: boolean } | undefined;
  return (header) => {
    // One name is the rule: it costs a comparison.
    if (last === undefined || last.header !== header)
      last = { header, trusted: isTrusted(hostName(header), allowed) };
    return last.trusted;
  };
}

/** An IP address cannot be rebound; localhost does not leave the machine (RFC 6761 §6.3). */
function isTrusted(host: string | undefined, allowed: ReadonlySet<string>): boolean {
  if (host === undefined) return false;
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  return host.startsWith('[') || /^\d{1,3}(\.\d{1,3}){3}$/.test(host) || allowed.has(host);
}

function hostName(host: string | undefined): string | undefined {
  if (host === undefined) return undefined;
  const bare = host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : host.split(':', 1)[0];
  return bare.toLowerCase();
}

export function oneHeader(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
