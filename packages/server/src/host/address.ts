import { BlockList, isIP, isIPv6 } from 'node:net';

/** Addresses that only this machine reaches (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3); IPv4 in IPv6 form included. */
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether listening on this host name or bare address leaves the network outside. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/** A host as people write it, without the brackets that an IPv6 address has in a URL (RFC 3986 §3.2.2). */
export function bareHost(text: string): string {
  const inside = /^\[(.*)\]$/.exec(text)?.[1];
  return inside !== undefined && isIPv6(inside) ? inside : text;
}

/** A bare host as it stands in a URL: an IPv6 address in brackets. */
export function urlHost(host: string): string {
  return isIPv6(host) ? `[${host.replace('%', '%25')}]` : host;
}

/** `HOST:PORT`, `[IPV6]:PORT` or `PORT`, split; undefined where it cannot be told what is meant. */
export function splitAddress(
  text: string,
): { readonly host: string | undefined; readonly port: string } | undefined {
  const [, host, port] = /^(?:(\[[^\]]*\]|[^:[\]]*):)?([^:[\]]*)$/.exec(text) ?? [];
  if (port === undefined) return undefined;
  if (host === undefined || host === '') return { host: undefined, port };
  const bare = bareHost(host);
  return bare.includes('[') ? undefined : { host: bare, port };
}
