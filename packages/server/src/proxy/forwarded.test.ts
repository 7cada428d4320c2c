import { describe, expect, it } from 'vitest';
import { addressMatcher, type ClientConnection, plainAddress, pushForwarded } from './forwarded.ts';

function pushed(client: Partial<ClientConnection>, host: string | undefined, received = {}): object {
  const headers: string[] = [];
  pushForwarded(headers, { address: '192.0.2.43', proto: 'http', trusted: false, ...client }, host, received);
  return Object.fromEntries(headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1]]] : [])));
}

describe('forwarding fields', () => {
  it('tell the client, protocol and host, in both spellings', () => {
    expect(pushed({}, 'example.com')).toEqual({
      'x-forwarded-for': '192.0.2.43',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'example.com',
      forwarded: 'for=192.0.2.43;host="example.com";proto=http',
    });
  });

  it('quote an IPv6 address as RFC 7239 §6 shows', () => {
    expect(pushed({ address: '2001:db8:cafe::17', proto: 'https' }, undefined)).toEqual({
      'x-forwarded-for': '2001:db8:cafe::17',
      'x-forwarded-proto': 'https',
      forwarded: 'for="[2001:db8:cafe::17]";proto=https',
    });
  });

  const received = {
    for: '198.51.100.17',
    proto: 'https',
    host: 'shop.example',
    forwarded: 'for=198.51.100.17;proto=https',
    others: ['x-forwarded-port', '443'],
  };

  it('are appended to for a trusted proxy', () => {
    expect(pushed({ trusted: true }, 'inner', received)).toEqual({
      'x-forwarded-for': '198.51.100.17, 192.0.2.43',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'shop.example',
      'x-forwarded-port': '443',
      forwarded: 'for=198.51.100.17;proto=https, for=192.0.2.43;host="inner";proto=http',
    });
  });

  it('start anew for anybody else', () => {
    expect(pushed({}, 'inner', received)).toEqual(pushed({}, 'inner'));
  });
});

describe('addresses', () => {
  it('match single addresses and CIDR blocks, IPv4 and IPv6', () => {
    const matches = addressMatcher(['10.0.0.0/8', '192.0.2.1', 'fd00::/8']);
    expect(['10.255.0.1', '192.0.2.1', 'fd12::1'].map(matches)).toEqual([true, true, true]);
    expect(['11.0.0.1', '192.0.2.2', 'fe80::1', 'unknown', ''].map(matches)).toEqual(Array(5).fill(false));
  });

  it.each([
    ...['10.0.0.0/33', 'example.com', '10.0.0.0/x', '', '::1/129'],
    ...['10.0.0.0/', '10.0.0.0/ ', '::1/', '10.0.0.0/-0', '10.0.0.0/8/'],
  ])('refuse %j as a block', (block) => {
    expect(() => addressMatcher([block])).toThrow(/trustedProxies/);
  });

  it('show IPv4-mapped addresses as IPv4', () => {
    expect(plainAddress('::ffff:127.0.0.1')).toBe('127.0.0.1');
    expect(plainAddress('::1')).toBe('::1');
    expect(plainAddress(undefined)).toBe('unknown');
  });
});
