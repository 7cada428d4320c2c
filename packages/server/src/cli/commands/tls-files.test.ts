import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { certificate } from '../../testing/certificate.ts';
import { testFolder } from '../../testing/folder.ts';
import { tlsOf } from './tls-files.ts';

/** The path of a file with this text. */
function file(text: string): string {
  const path = join(testFolder(), 'file.pem');
  writeFileSync(path, text);
  return path;
}

describe('the certificate of a command', () => {
  it('is none where none is given', () => {
    expect(tlsOf({})).toBeUndefined();
  });

  it.each([
    [{ tlsCert: 'c.pem' }, '--tls-key', 'Give --tls-key FILE too, in PEM.'],
    [{ tlsKey: 'k.pem' }, '--tls-cert', 'Give --tls-cert FILE too, in PEM.'],
    [{ tlsCert: '/nowhere/c.pem', tlsKey: 'k.pem' }, '--tls-cert', 'Give the path of a readable file.'],
  ])('is refused with field and mend: %j', (flags, field, mend) => {
    expect(() => tlsOf(flags)).toThrow(expect.objectContaining({ code: 'invalid_input', field, mend }));
  });

  it('is refused where it is none', () => {
    expect(() => tlsOf({ tlsCert: file('no'), tlsKey: file('no') })).toThrow('cannot be used');
  });

  it.skipIf(spawnSync('openssl', ['version']).status !== 0)('is a pair that belongs together', () => {
    const [one, other] = [certificate(), certificate()];
    const tlsCert = file(one.cert);
    expect(tlsOf({ tlsCert, tlsKey: file(one.key) })?.cert.toString()).toBe(one.cert);
    expect(() => tlsOf({ tlsCert, tlsKey: file(other.key) })).toThrow('cannot be used');
  });
});
