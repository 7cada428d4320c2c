const UNTRUSTED =
  'Its certificate is not trusted here: start this with NODE_EXTRA_CA_CERTS=FILE, the certificate of its issuer (PEM).';

/** What somebody answers with whose certificate is not taken; in Node's words for OpenSSL's. It would be the same again. */
const CERTIFICATE_MENDS: ReadonlyMap<string, string> = new Map([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', UNTRUSTED],
  ['SELF_SIGNED_CERT_IN_CHAIN', UNTRUSTED],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', UNTRUSTED],
  ['UNABLE_TO_GET_ISSUER_CERT', UNTRUSTED],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNTRUSTED],
  ['CERT_UNTRUSTED', UNTRUSTED],
  ['CERT_HAS_EXPIRED', 'Renew its certificate, or set the clock of this machine right.'],
  ['CERT_NOT_YET_VALID', 'Set the clock of this machine right: its certificate is not valid yet.'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'Give the URL with a name that its certificate is for.'],
]);

/**
 * What to do about a connection that failed for the other side's certificate.
 *
 * @param error - as a socket, `fetch` or a WebSocket of Node gave it; it may be the cause of another
 * @returns undefined: it failed for something else
 */
export function certificateMend(error: unknown): string | undefined {
  const code = systemCode(error);
  return code === undefined ? undefined : CERTIFICATE_MENDS.get(code);
}

/** The code of the system or of TLS, such as `ECONNREFUSED`; undefined where nothing below the error has one. */
export function systemCode(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; typeof at === 'object' && at !== null && depth < 4; depth++) {
    const { code, cause, errors } = at as { code?: unknown; cause?: unknown; errors?: unknown[] };
    if (typeof code === 'string') return code;
    at = cause ?? errors?.[0];
  }
  return undefined;
}
