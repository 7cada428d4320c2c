import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HOP_BY_HOP } from './hop-by-hop.ts';
import type { ProxyProblem } from './problem.ts';
import { type RequestHead, readRequestHead } from './request-head.ts';

const LIMITS = { maxHeaderCount: 100, via: 'ganglion' };

interface Over {
  readonly method?: string;
  readonly url?: string;
  readonly major?: number;
  readonly minor?: number;
}

/** Reads a head; a Host field is put in where none is given, except for other versions. */
function read(fields: string[], over: Over = {}) {
  const { method = 'GET', url = '/', major = 1, minor = 1 } = over;
  const hosted = minor !== 1 || fields.some((name, i) => i % 2 === 0 && /^host$/i.test(name));
  const rawHeaders = hosted ? fields : ['Host', 'h', ...fields];
  return readRequestHead(
    { method, url, httpVersionMajor: major, httpVersionMinor: minor, rawHeaders },
    LIMITS,
  );
}

function accepted(fields: string[], over: Over = {}): RequestHead {
  const head = read(fields, over);
  if ('code' in head) throw new Error(`refused: ${head.code} ${head.detail}`);
  return head;
}

function refused(fields: string[], over: Over = {}): Pick<ProxyProblem, 'status' | 'code'> {
  const head = read(fields, over);
  if (!('code' in head)) throw new Error('accepted');
  return { status: head.status, code: head.code };
}

const malformed = { status: 400, code: 'malformed_request' };

describe('request head', () => {
  it('forwards end-to-end fields as they came: names, values, order and repetitions', () => {
    const raw = ['X-B', '2', 'x-a', '1', 'X-B', '3', 'Cookie', 'a=b'];
    expect(accepted(['Host', 'h', ...raw]).headers).toEqual(raw);
  });

  it.each([...HOP_BY_HOP].filter((name) => name !== 'transfer-encoding'))('drops %s', (name) => {
    expect(accepted([name, 'x', 'Accept', '*/*']).headers).toEqual(['Accept', '*/*']);
  });

  it('drops what Connection names, wherever it stands, but never Host and Content-Length', () => {
    const head = accepted([
      'X-Secret-Hop',
      '1',
      'Host',
      'h:80',
      'Connection',
      'close, X-Secret-Hop, host',
      'Content-Length',
      '5',
      'connection',
      'content-length, x-other',
      'X-Other',
      '2',
      'X-Kept',
      '3',
    ]);
    expect(head.headers).toEqual(['X-Kept', '3']);
    expect(head.host).toBe('h:80');
    expect(head.contentLength).toBe('5');
  });

  it('never lets a client drop a field that the proxy adds', () => {
    // Named fields go before ours are added; what stays is only what the client itself had sent.
    expect(accepted(['Connection', 'x-forwarded-for, via', 'X-Forwarded-For', '1.2.3.4']).headers).toEqual(
      [],
    );
  });

  it('refuses two readings of where a body ends', () => {
    expect(refused(['Content-Length', '5', 'Transfer-Encoding', 'chunked'])).toEqual(malformed);
    expect(refused(['Content-Length', '5', 'Content-Length', '5'])).toEqual(malformed);
    expect(refused(['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'])).toEqual(malformed);
    expect(refused(['Transfer-Encoding', 'chunked'], { minor: 0 })).toEqual(malformed);
    for (const coding of ['gzip, chunked', 'identity', 'chunked, identity', 'xchunked', 'chunked;q=1'])
      expect(refused(['Transfer-Encoding', coding])).toEqual({
        status: 501,
        code: 'unsupported_transfer_coding',
      });
  });

  it('refuses other versions, and HTTP/1.1 without a Host', () => {
    for (const [major, minor] of [
      [0, 9],
      [2, 0],
      [3, 0],
    ])
      expect(refused([], { major, minor })).toEqual({ status: 505, code: 'unsupported_version' });
    expect(
      readRequestHead(
        { method: 'GET', url: '/', httpVersionMajor: 1, httpVersionMinor: 1, rawHeaders: [] },
        LIMITS,
      ),
    ).toMatchObject(malformed);
    expect(accepted([], { minor: 0 }).host).toBeUndefined();
  });

  it('drops spellings with _ that gateways take for framing or forwarding fields', () => {
    const raw = ['Content_Length', '5', 'transfer_encoding', 'chunked', 'X_Forwarded_For', '1.1.1.1'];
    expect(accepted([...raw, 'My_Field', 'kept']).headers).toEqual(['My_Field', 'kept']);
  });

  it('refuses more than one Host, and a Host that is none', () => {
    expect(refused(['Host', 'a', 'host', 'a'])).toEqual(malformed);
    for (const host of ['a b', 'a/b', 'user@a', 'a"', 'a:x', 'a,b c', '[::1'])
      expect(refused(['Host', host])).toEqual(malformed);
    for (const host of ['', 'a', 'a.b:8080', '[::1]:80', '127.0.0.1', 'xn--bcher-kva.example'])
      expect(accepted(['Host', host]).host).toBe(host);
  });

  it('turns an absolute target into origin form, and believes its authority (RFC 9112 §3.2.2)', () => {
    const head = accepted(['Host', 'lie'], {
      url: 'http://real:81/a//b/../c?d=%20#frag'.replace('#frag', ''),
    });
    expect(head).toMatchObject({ target: '/a//b/../c?d=%20', host: 'real:81' });
    expect(accepted(['Host', 'x'], { url: 'http://real' }).target).toBe('/');
    expect(accepted(['Host', 'x'], { url: 'http://real?q' }).target).toBe('/?q');
    for (const url of ['ftp://x/', 'real:80', 'http://u@h/', 'http://a b/', '*', 'http://h"/'])
      expect(refused(['Host', 'x'], { url })).toEqual(malformed);
  });

  it('answers OPTIONS * and OPTIONS with no forwards left itself, and counts Max-Forwards down', () => {
    expect(accepted([], { method: 'OPTIONS', url: '*' }).answerHere).toBe(true);
    expect(accepted(['Max-Forwards', '0'], { method: 'OPTIONS' }).answerHere).toBe(true);
    expect(accepted(['Max-Forwards', '3'], { method: 'OPTIONS' }).headers).toEqual(['max-forwards', '2']);
    expect(accepted(['Max-Forwards', '0']).answerHere).toBe(false);
  });

  it('refuses TRACE, too many fields, and a request that goes in circles', () => {
    expect(refused([], { method: 'TRACE' })).toEqual({ status: 405, code: 'method_not_allowed' });
    const many = Array.from({ length: 101 }, (_, i) => [`x-${i}`, '']).flat();
    expect(refused(many)).toEqual({ status: 431, code: 'headers_too_large' });
    expect(accepted(many.slice(4)).headers).toHaveLength(198);
    const via = Array.from({ length: 8 }, () => '1.1 ganglion').join(', ');
    expect(refused(['Via', via])).toEqual({ status: 508, code: 'loop_detected' });
    expect(accepted(['Via', '1.1 other, 1.1 ganglion']).headers).toEqual(['Via', '1.1 other, 1.1 ganglion']);
  });

  it('keeps forwarding fields apart, joined, for whoever decides on trust', () => {
    const head = accepted([
      'X-Forwarded-For',
      '1.1.1.1',
      'x-forwarded-for',
      '2.2.2.2',
      'Forwarded',
      'for=1.1.1.1',
      'X-Forwarded-Port',
      '81',
      'X-Real-IP',
      '3.3.3.3',
    ]);
    expect(head.headers).toEqual([]);
    expect(head.forwarded).toEqual({
      for: '1.1.1.1, 2.2.2.2',
      forwarded: 'for=1.1.1.1',
      others: ['x-forwarded-port', '81', 'x-real-ip', '3.3.3.3'],
    });
  });

  it('law: whatever comes, nothing hop-by-hop, named or about framing is among the forwarded fields', () => {
    const name = fc.oneof(
      fc.constantFrom(...HOP_BY_HOP, 'Host', 'Content-Length', 'Via', 'X-Forwarded-For', 'X_Forwarded_Proto'),
      fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,12}$/),
    );
    const value = fc.oneof(
      name,
      fc.constantFrom('chunked', '5', 'close', 'a, b'),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), (fields) => {
        const head = read(fields.flat());
        if ('code' in head) return;
        const names = head.headers.filter((_, i) => i % 2 === 0).map((one) => one.toLowerCase());
        const named = fields
          .filter(([key]) => key.toLowerCase() === 'connection')
          .flatMap(([, list]) => list.toLowerCase().split(','))
          .map((one) => one.trim());
        for (const one of names) {
          expect(HOP_BY_HOP.has(one.replaceAll('_', '-'))).toBe(false);
          expect(['host', 'content-length', 'expect']).not.toContain(one.replaceAll('_', '-'));
          expect(one.replaceAll('_', '-')).not.toMatch(/^x-forwarded-|^forwarded$/);
          expect(named).not.toContain(one);
        }
      }),
    );
  });
});
