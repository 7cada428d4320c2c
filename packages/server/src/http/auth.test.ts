import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { testFolder } from '../testing/folder.ts';
import { type Access, type Caller, gate, loadTokens, tokenGrant } from './auth.ts';

const from = (changes: Partial<Caller> & { readonly headers?: Record<string, string> } = {}): Caller => ({
  method: 'POST',
  remoteAddress: '127.0.0.1',
  ...changes,
  headers: { host: 'localhost:7070', ...changes.headers },
});
const code = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'admitted';
};

describe('with tokens', () => {
  const door = gate({
    tokens: [
      tokenGrant('viewer-secret', 'viewer', 'wall'),
      tokenGrant('app-secret-1', 'app', 'shop'),
      tokenGrant('operator-secret', 'operator', 'alice'),
      tokenGrant('node-secret', 'node', 'fleet'),
      tokenGrant('phone-secret', 'node', 'phone', 'phone'),
    ],
  });
  const as = (token: string, access: Access) =>
    code(() =>
      door.admit(from({ remoteAddress: '10.0.0.9', headers: { authorization: `Bearer ${token}` } }), access),
    );

  it.each([
    ['viewer-secret', 'read', 'admitted'],
    ['viewer-secret', 'data', 'forbidden'],
    ['viewer-secret', 'control', 'forbidden'],
    ['app-secret-1', 'read', 'admitted'],
    ['app-secret-1', 'data', 'admitted'],
    ['app-secret-1', 'control', 'forbidden'],
    ['operator-secret', 'data', 'admitted'],
    ['operator-secret', 'control', 'admitted'],
    ['operator-secret', 'link', 'admitted'],
    ['node-secret', 'link', 'admitted'],
    ['phone-secret', 'link', 'admitted'],
    ['node-secret', 'read', 'forbidden'],
    ['node-secret', 'data', 'forbidden'],
    ['node-secret', 'control', 'forbidden'],
    ['app-secret-1', 'link', 'forbidden'],
    ['operator-secre', 'control', 'unauthorized'],
    ['operator-secret2', 'read', 'unauthorized'],
  ] as const)('%s asking to %s is %s', (token, access, verdict) => {
    expect(as(token, access)).toBe(verdict);
  });

  it.each([
    ['viewer-secret', 'data', 'A viewer may not do this'],
    ['app-secret-1', 'control', 'An app may not do this'],
  ] as const)('%s is told that %s is not for it', (token, access, message) => {
    const headers = { authorization: `Bearer ${token}` };
    expect(() => door.admit(from({ headers }), access)).toThrow(message);
  });

  it('nobody passes without one, nor with another scheme, even from this machine', () => {
    expect(code(() => door.admit(from(), 'read'))).toBe('unauthorized');
    expect(
      code(() => door.admit(from({ headers: { authorization: 'Basic operator-secret' } }), 'read')),
    ).toBe('unauthorized');
    expect(code(() => door.admit(from({ headers: { authorization: 'Bearer ' } }), 'read'))).toBe(
      'unauthorized',
    );
  });

  it('the actor is the token’s holder, whatever the request claims', () => {
    const caller = from({
      headers: { authorization: 'Bearer operator-secret', 'x-ganglion-actor': 'mallory' },
    });
    expect(door.admit(caller, 'control').name).toBe('alice');
  });

  it('health is open', () => {
    expect(code(() => door.admit(from({ method: 'GET' }), 'open'))).toBe('admitted');
  });
});

describe('without tokens', () => {
  const door = gate({ tokens: [], allowedHosts: ['ganglion.internal'] });
  const control = (changes: Parameters<typeof from>[0]) => code(() => door.admit(from(changes), 'control'));

  it('control actions are taken from this machine', () => {
    for (const remoteAddress of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])
      expect(control({ remoteAddress })).toBe('admitted');
  });

  it('and from no other', () => {
    for (const remoteAddress of ['10.0.0.9', '::ffff:10.0.0.9', '2001:db8::1', undefined])
      expect(control({ remoteAddress: remoteAddress as string })).toBe('forbidden');
  });

  it('nor from another by way of a proxy on this one', () => {
    expect(control({ headers: { 'x-forwarded-for': '10.0.0.9' } })).toBe('forbidden');
    expect(control({ headers: { forwarded: 'for=10.0.0.9' } })).toBe('forbidden');
  });

  it('deciding is open to other machines', () => {
    expect(
      code(() => door.admit(from({ remoteAddress: '10.0.0.9', headers: { host: 'ganglion:7070' } }), 'data')),
    ).toBe('admitted');
  });

  it('who acts is what the caller claims, marked as local', () => {
    expect(door.admit(from({ headers: { 'x-ganglion-actor': 'alice' } }), 'control').name).toBe(
      'local/alice',
    );
    expect(door.admit(from({ headers: { 'x-ganglion-actor': 'a\nb' } }), 'control').name).toBe('local');
  });

  it('a page of another site cannot act', () => {
    expect(control({ headers: { origin: 'https://evil.example' } })).toBe('forbidden');
    expect(control({ headers: { origin: 'null' } })).toBe('forbidden');
    expect(control({ headers: { 'sec-fetch-site': 'cross-site' } })).toBe('forbidden');
    expect(control({ headers: { origin: 'http://localhost:3000' } })).toBe('forbidden');
  });

  it('the daemon’s own page can', () => {
    expect(control({ headers: { origin: 'http://localhost:7070', 'sec-fetch-site': 'same-origin' } })).toBe(
      'admitted',
    );
    expect(control({ headers: { host: '127.0.0.1:7070', origin: 'http://127.0.0.1:7070' } })).toBe(
      'admitted',
    );
    expect(control({ headers: { host: '[::1]:7070', origin: 'http://[::1]:7070' } })).toBe('admitted');
  });

  it('a name rebound to this machine reaches nothing, not even to read', () => {
    const rebound = { headers: { host: 'evil.example:7070', origin: 'http://evil.example:7070' } };
    expect(control(rebound)).toBe('forbidden');
    expect(
      code(() => door.admit(from({ method: 'GET', headers: { host: 'evil.example:7070' } }), 'read')),
    ).toBe('forbidden');
  });

  it('a name that was allowed does', () => {
    expect(control({ headers: { host: 'ganglion.internal:7070' } })).toBe('admitted');
  });

  it('a request without a Host is refused', () => {
    expect(
      code(() => door.admit({ method: 'POST', remoteAddress: '127.0.0.1', headers: {} }, 'control')),
    ).toBe('forbidden');
  });
});

describe('a token file', () => {
  const file = (text: string, mode = 0o600): string => {
    const name = path.join(testFolder(), 'tokens');
    writeFileSync(name, text, { mode });
    return name;
  };

  it('names role, holder and token, one a line', () => {
    const grants = loadTokens(
      {},
      file('# who may what\nviewer wall 0123456789\n\noperator alice abcdefghij\r\n'),
    );
    expect(grants.map(({ role, name }) => `${role} ${name}`)).toEqual(['viewer wall', 'operator alice']);
  });

  it('says of a node’s token which name it is for', () => {
    const grants = loadTokens({}, file('node fleet 0123456789\nnode:phone-1 phone abcdefghij\n'));
    expect(grants.map(({ role, name, node }) => ({ role, name, node }))).toEqual([
      { role: 'node', name: 'fleet', node: undefined },
      { role: 'node', name: 'phone', node: 'phone-1' },
    ]);
  });

  it('may hold a single token, an operator’s, beside that of the environment', () => {
    expect(loadTokens({ GANGLION_TOKEN: 'from-the-environment' }, file('0123456789abcdef\n'))).toHaveLength(
      2,
    );
  });

  it.each([
    ['an unknown role', 'root alice 0123456789'],
    ['a short token', 'operator alice 1234'],
    ['a bad name', 'operator a/b 0123456789'],
    ['a node that is none', 'node:a/b phone 0123456789'],
    ['nothing', '# nothing\n'],
    ['JSON', '[{"role":"operator","name":"alice","token":"0123456789"}]'],
    ['an object', '{"token":"0123456789"}'],
    ['JSON over lines', '[\n  { "token": "0123456789" }\n]'],
    ['a token that is JSON', 'operator alice {"token":"0123456789"}'],
  ])('is refused for %s, without showing a token', (_what, text) => {
    expect(code(() => loadTokens({}, file(text)))).toBe('invalid_input');
    try {
      loadTokens({}, file(text));
    } catch (error) {
      expect(JSON.stringify([(error as Error).message, error])).not.toContain('0123456789');
    }
  });

  const refusal = (env: Record<string, string>, text: string): unknown => {
    try {
      return loadTokens(env, file(text));
    } catch (error) {
      return error;
    }
  };

  it.each([
    ['two roles', '# all\noperator alice 0123456789\n\nviewer alice 0123456789', 'Lines 2 and 4 of'],
    ['two names', 'app shop 0123456789\napp till 0123456789\n', 'Lines 1 and 2 of'],
    ['two nodes', 'node:a fleet 0123456789\nnode:b fleet 0123456789\n', 'Lines 1 and 2 of'],
    ['an operator without a name too', 'viewer wall 0123456789\n0123456789\n', 'Lines 1 and 2 of'],
  ])('that gives one token to %s is refused, naming both lines and not the token', (_what, text, lines) => {
    const error = refusal({}, text) as Error;
    expect(error).toMatchObject({
      code: 'invalid_input',
      field: expect.stringMatching(/^--token-file:\d$/),
      message: expect.stringContaining(lines),
      mend: expect.any(String),
    });
    expect(JSON.stringify([error.message, error])).not.toContain('0123456789');
  });

  it('that gives away the token of the environment is refused; one that says the same twice is not', () => {
    expect(refusal({ GANGLION_TOKEN: '0123456789' }, '# all\nviewer wall 0123456789')).toMatchObject({
      code: 'invalid_input',
      field: '--token-file:2',
      message: expect.stringContaining('GANGLION_TOKEN'),
    });
    expect(refusal({ GANGLION_TOKEN: '0123456789' }, '0123456789')).toHaveLength(2);
    expect(refusal({}, 'app shop 0123456789\napp shop 0123456789')).toHaveLength(2);
  });

  it('that is JSON is told what to write', () => {
    expect(() => loadTokens({}, file('{"token":"0123456789"}'))).toThrow(
      expect.objectContaining({
        message: 'A token may not begin with [ or {: this looks like JSON',
        mend: expect.stringContaining('ROLE NAME TOKEN'),
      }),
    );
  });

  it('is refused when others can read it', () => {
    expect(code(() => loadTokens({}, file('0123456789abcdef', 0o644)))).toBe('invalid_input');
  });
});
