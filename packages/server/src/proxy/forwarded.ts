import { BlockList, isIP } from 'node:net';
import { GanglionError } from '@ganglion/core';

/**
 * Who the client is, told to the backend: `X-Forwarded-For`, `-Proto`, `-Host`, and `Forwarded` (RFC 7239).
 *
 * What a client says about itself is not believed unless its address is one of the trusted proxies: then ours is
 * appended to its list; otherwise its fields are dropped and the list starts with us.
 */

/** What is fixed for one client connection. */
export interface ClientConnection {
  /** IP address, IPv4-mapped addresses written as IPv4; `unknown` where the socket has gone already. */
  readonly address: string;
  readonly proto: 'http' | 'https';
  readonly trusted: boolean;
}

/** Forwarding fields as a trusted proxy sent them; several lines of one field are joined by commas. */
export interface ForwardedFields {
  for?: string;
  proto?: string;
  host?: string;
  forwarded?: string;
  /** The others of the family, such as `X-Forwarded-Port` and `X-Real-IP`, flat: passed on or dropped as they are. */
  others?: string[];
}

/** A matcher of CIDR blocks and single addresses. Throws `invalid_spec` showing the entry that is neither. */
export function addressMatcher(blocks: readonly string[]): (address: string) => boolean {
  if (blocks.length === 0) return () => false;
  const list = new BlockList();
  for (const block of blocks) addBlock(list, block);
  return (address) => {
    const version = isIP(address);
    return version !== 0 && list.check(address, version === 6 ? 'ipv6' : 'ipv4');
  };
}

function addBlock(list: BlockList, block: string): void {
  const slash = block.indexOf('/');
  const address = slash < 0 ? block : block.slice(0, slash);
  const version = isIP(address);
  const most = version === 6 ? 128 : 32;
  const length = slash < 0 ? String(most) : block.slice(slash + 1);
  // Digits alone: `Number` takes no text at all for 0, and a block of that length trusts everybody.
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (version === 0 || !(bits <= most))
    throw new GanglionError('invalid_spec', 'trustedProxies must hold addresses and CIDR blocks', {
      field: 'trustedProxies',
      value: block,
      mend: 'Write each as 192.0.2.1 or 10.0.0.0/8.',
    });
  list.addSubnet(address, bits, version === 6 ? 'ipv6' : 'ipv4');
}

/** The plain form of a socket's address. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined || address === '') return 'unknown';
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}

/** Appends the forwarding fields to a flat header list. `host` is a checked `Host` value, or undefined. */
export function pushForwarded(
  headers: string[],
  client: ClientConnection,
  host: string | undefined,
  received: ForwardedFields | undefined,
): void {
  const given = client.trusted ? received : undefined;
  const proto = given?.proto ?? client.proto;
  const originalHost = given?.host ?? host;
  headers.push(
    'x-forwarded-for',
    given?.for === undefined ? client.address : `${given.for}, ${client.address}`,
    'x-forwarded-proto',
    proto,
  );
  if (originalHost !== undefined) headers.push('x-forwarded-host', originalHost);
  const element = forwardedElement(client, host);
  headers.push('forwarded', given?.forwarded === undefined ? element : `${given.forwarded}, ${element}`);
  if (given?.others !== undefined) headers.push(...given.others);
}

/** RFC 7239 §4: an IPv6 address is bracketed and so quoted; a host with a port is quoted for its colon. */
function forwardedElement(client: ClientConnection, host: string | undefined): string {
  const node = client.address.includes(':') ? `"[${client.address}]"` : client.address;
  const forHost = host === undefined ? '' : `;host="${host}"`;
  return `for=${node}${forHost};proto=${client.proto}`;
}
