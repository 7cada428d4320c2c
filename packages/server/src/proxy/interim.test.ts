import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually, inOrder, Scope } from './testing.ts';

const scope = new Scope();
afterEach(() => scope.close());

interface Got {
  readonly status: number | undefined;
  readonly text: string;
  readonly interim: { readonly status: number; readonly fields: NodeJS.Dict<string | string[]> }[];
}

function send(url: string, method = 'GET', body?: string, headers = {}): Promise<Got> {
  const interim: Got['interim'] = [];
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent: false, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, text, interim }));
    });
    outgoing.on('information', ({ statusCode, headers: fields }) =>
      interim.push({ status: statusCode, fields }),
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('an interim answer', () => {
  // Node writes them all from 24.18 on.
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  it.skipIf(major === 24 && minor < 18).each([
    ['102 Processing', '', {}],
    [
      '103 Early Hints',
      'Link: </a.css>; rel=preload\r\nX-Shard: 7\r\n',
      { link: '</a.css>; rel=preload', 'x-shard': '7' },
    ],
    ['103 Early Hints', 'X-Shard: 7\r\nConnection: x-hop\r\nX-Hop: 1\r\n', { 'x-shard': '7' }],
    [
      '104 Upload Resumption Supported',
      'Upload-Draft-Interop-Version: 8\r\n',
      { 'upload-draft-interop-version': '8' },
    ],
  ])('is passed on with its end-to-end fields: %s %j', async (line, fields, expected) => {
    const origin = await scope.canned(`HTTP/1.1 ${line}\r\n${fields}\r\n${OK}`);
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const { url } = await scope.proxy({ chooser: inOrder({ a: origin }) });
      const got = await send(url, 'POST', 'x', headers);
      expect(got).toMatchObject({ status: 200, text: 'ok' });
      expect(got.interim).toEqual([{ status: Number(line.slice(0, 3)), fields: expected }]);
    }
  });
});

describe('a 100 (Continue) that nobody asked for', () => {
  const saying = (heads: string[] = []) =>
    scope.tcp((socket) => {
      socket.on('data', (chunk) => {
        const text = chunk.toString('latin1');
        if (!/^[A-Z]+ \//.test(text)) return;
        heads.push(text.split('\r\n\r\n')[0] as string);
        const answer = text.startsWith('HEAD') ? OK.slice(0, -2) : OK;
        socket.write(`HTTP/1.1 100 Continue\r\n\r\n${answer}`);
      });
    });

  it.each(['GET', 'HEAD', 'PUT', 'DELETE'])(
    'is met once, not charged, and got around: %s',
    async (method) => {
      const chooser = inOrder({ a: await saying() });
      const { url } = await scope.proxy({ chooser });
      for (let i = 0; i < 3; i++)
        expect(await send(url, method)).toMatchObject({ status: 200, text: method === 'HEAD' ? '' : 'ok' });
      await eventually(() => chooser.outcomes.length === 4);
      expect(chooser.outcomes.map(({ outcome }) => [outcome.fault, outcome.status])).toEqual([
        ['proxy', undefined],
        ['none', 200],
        ['none', 200],
        ['none', 200],
      ]);
    },
  );

  it('costs a first request that cannot be repeated a 502, and none after it', async () => {
    const heads: string[] = [];
    const chooser = inOrder({ a: await saying(heads) });
    const { url } = await scope.proxy({ chooser });
    expect(await send(url, 'POST', 'x')).toMatchObject({ status: 502 });
    expect(await send(url, 'POST', 'x')).toMatchObject({ status: 200, text: 'ok' });
    expect(await send(url, 'POST')).toMatchObject({ status: 200, text: 'ok' });
    expect(chooser.outcomes.map(({ outcome }) => outcome.fault)).toEqual(['proxy', 'none', 'none']);
    expect(heads[1]).toMatch(/content-length: 1/i);
    expect(heads[2]).not.toMatch(/transfer-encoding/i);
  });
});
