import { expect, it } from 'vitest';
import { unreachable } from './refusal.ts';

/** As `fetch` has it: what failed is the cause of the cause. */
const failed = (code: string) =>
  unreachable(
    new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) }),
    'https://hq.example',
    undefined,
    1000,
  );

it.each([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /NODE_EXTRA_CA_CERTS/],
  ['SELF_SIGNED_CERT_IN_CHAIN', /NODE_EXTRA_CA_CERTS/],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /NODE_EXTRA_CA_CERTS/],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', /NODE_EXTRA_CA_CERTS/],
  ['CERT_HAS_EXPIRED', /Renew/],
  ['CERT_NOT_YET_VALID', /clock/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', /name/],
])('a certificate that is not taken (%s) is mended as one, and not tried again', (code, mend) => {
  const { error, arrived } = failed(code);
  expect(error).toMatchObject({ code: 'closed', message: expect.stringContaining(code) });
  expect(error.mend).toMatch(mend);
  expect(error.mend).toContain('certificate');
  expect(arrived).toBeUndefined();
});

it('a daemon that is not there is to be started, and may be asked again', () => {
  const { error, arrived } = failed('ECONNREFUSED');
  expect(error.mend).toContain('ganglion up');
  expect(arrived).toBe(false);
});
