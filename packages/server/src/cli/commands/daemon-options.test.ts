import { expect, test } from 'vitest';
import { tokenGrant } from '../../http/auth.ts';
import { whoMayCall } from './daemon-options.ts';

test('a daemon says at its start who may call, of one token as of several', () => {
  const [one, two] = ['a', 'b'].map((name) => tokenGrant(`${name}-secret-token`, 'operator', name));
  expect(whoMayCall({ tokens: [] })).toBe('anybody on this machine, no token is asked for');
  expect(whoMayCall({ tokens: [one] })).toBe('with the token');
  expect(whoMayCall({ tokens: [one, two] })).toBe('with one of 2 tokens');
});
