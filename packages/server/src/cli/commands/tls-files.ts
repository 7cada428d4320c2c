import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { GanglionError } from '@ganglion/core';

/** Where a certificate is read from. */
export interface TlsFlags {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** A certificate (with its chain) and its key, PEM. */
export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** The pair of `--tls-cert` and `--tls-key`, tried; undefined where neither is given. @throws GanglionError `invalid_input` */
export function tlsOf({ tlsCert, tlsKey }: TlsFlags): TlsPair | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    const [given, missing] =
      tlsCert === undefined ? ['--tls-key', '--tls-cert'] : ['--tls-cert', '--tls-key'];
    throw new GanglionError('invalid_input', `${given} is given without ${missing}`, {
      field: missing,
      mend: `Give ${missing} FILE too, in PEM.`,
    });
  }
  const pair = { cert: read(tlsCert, '--tls-cert'), key: read(tlsKey, '--tls-key') };
  try {
    createSecureContext(pair);
  } catch (cause) {
    throw new GanglionError(
      'invalid_input',
      `this certificate and key cannot be used: ${(cause as Error).message}`,
      {
        field: '--tls-cert',
        value: tlsCert,
        mend: 'Give a PEM certificate, its chain after it, and the PEM key that it was made for, without a passphrase.',
        cause,
      },
    );
  }
  return pair;
}

function read(file: string, field: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new GanglionError('invalid_input', `the file of ${field} cannot be read`, {
      field,
      value: file,
      mend: 'Give the path of a readable file.',
      cause,
    });
  }
}
