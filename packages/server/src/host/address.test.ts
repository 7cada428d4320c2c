import { describe, expect, it } from 'vitest';
import { bareHost, isLoopback, splitAddress, urlHost } from './address.ts';
import { busyPort } from './daemon.ts';

describe('an address as people write it', () => {
  it.each([
    ['[::1]:43135', { host: '::1', port: '43135' }],
    ['[fe80::1%eth0]:80', { host: 'fe80::1%eth0', port: '80' }],
    ['127.0.0.1:80', { host: '127.0.0.1', port: '80' }],
    ['localhost:0', { host: 'localhost', port: '0' }],
    [':8080', { host: undefined, port: '8080' }],
    ['8080', { host: undefined, port: '8080' }],
  ])('%s is split', (text, parts) => {
    expect(splitAddress(text)).toEqual(parts);
  });

  it.each(['::1', '::1:8080', '[::1]', '[::1]8080', '[localhost]:80', '[]:80', 'a:b:1', '[::1:80'])(
    '%s is not guessed at',
    (text) => {
      expect(splitAddress(text)).toBeUndefined();
    },
  );

  it('has brackets in a URL only', () => {
    expect(['[::1]', '::1', '127.0.0.1', '[x]'].map(bareHost)).toEqual(['::1', '::1', '127.0.0.1', '[x]']);
    expect(['::1', '127.0.0.1', 'localhost', 'fe80::1%eth0'].map(urlHost)).toEqual([
      '[::1]',
      '127.0.0.1',
      'localhost',
      '[fe80::1%25eth0]',
    ]);
  });

  it('is of this machine alone, or is not', () => {
    const inside = [
      '127.0.0.1',
      '127.8.9.1',
      '::1',
      '0:0:0:0:0:0:0:1',
      '::ffff:127.0.0.1',
      'localhost',
      'LocalHost',
    ];
    const outside = [
      '0.0.0.0',
      '::',
      '10.0.0.1',
      '128.0.0.1',
      'fe80::1',
      '::ffff:10.0.0.1',
      'example.org',
      '',
      '[::1]',
    ];
    expect(inside.filter((host) => !isLoopback(host))).toEqual([]);
    expect(outside.filter((host) => isLoopback(host))).toEqual([]);
  });

  it('whose port is taken is told by which option to choose another', () => {
    const taken = Object.assign(new Error('listen'), { code: 'EADDRINUSE' });
    expect(busyPort(taken, 8080, '::1', '--listen [::1]:0')).toMatchObject({
      message: 'port 8080 on ::1 is in use',
      mend: 'Stop what listens there, or use --listen [::1]:0 for any free port.',
    });
  });

  it.each(['ENOTFOUND', 'EAI_AGAIN'])('whose name leads nowhere is answered with what to do: %s', (code) => {
    const error = busyPort(Object.assign(new Error('getaddrinfo'), { code }), 80, 'nowhere.invalid');
    expect(error).toMatchObject({
      code: 'invalid_input',
      message: 'no address is known for the host nowhere.invalid',
      field: 'host',
    });
  });
});
