import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DIGEST_PATTERN, GanglionError } from '@ganglion/core';
import { writeDurably } from './durable-file.ts';

/** Artifacts of a daemon, in files that are named by what is in them. */
export interface ArtifactStore {
  /** Resolves once it would survive a power cut. @throws GanglionError `invalid_input` where the bytes have another digest */
  put(digest: string, bytes: Uint8Array): Promise<void>;
  has(digest: string): Promise<boolean>;
  /** @throws GanglionError `unknown_version`; `storage_corrupt` where the file is not what its name says */
  get(digest: string): Promise<Buffer>;
  /** Where it is; for programs that read it themselves. */
  path(digest: string): string;
}

/** SHA-256, as artifacts are named. */
export const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** @param dir - made when first needed */
export function artifactStore(dir: string): ArtifactStore {
  const path = (digest: string): string => {
    if (!DIGEST_PATTERN.test(digest))
      throw new GanglionError('invalid_input', 'digest is not one', {
        field: 'digest',
        value: digest,
        mend: 'Give the SHA-256: 64 hexadecimal digits, in lower case.',
      });
    return join(dir, digest);
  };
  const has = (digest: string): Promise<boolean> =>
    stat(path(digest)).then(
      () => true,
      () => false,
    );
  return {
    path,
    has,
    async put(digest, bytes) {
      const at = path(digest);
      const found = digestOf(bytes);
      if (found !== digest)
        throw new GanglionError('invalid_input', `the artifact has another digest: ${found}`, {
          field: 'digest',
          value: digest,
          mend: 'Send the bytes that the digest was taken of.',
        });
      if (await has(digest)) return;
      try {
        await mkdir(dir, { recursive: true });
        await writeDurably(at, bytes, `${at}.${randomUUID()}.part`);
      } catch (cause) {
        throw new GanglionError('storage_failed', 'the artifact did not reach the disk', { cause });
      }
    },
    async get(digest) {
      const at = path(digest);
      let bytes: Buffer;
      try {
        bytes = await readFile(at);
      } catch (cause) {
        throw new GanglionError('unknown_version', 'the artifact is not kept here', {
          field: 'digest',
          value: digest,
          mend: 'Send it with PUT /v1/artifacts/{digest}.',
          cause,
        });
      }
      if (digestOf(bytes) === digest) return bytes;
      throw new GanglionError('storage_corrupt', 'the artifact on the disk is not what its name says', {
        field: 'digest',
        value: digest,
        mend: `Delete ${at}, and send it again.`,
      });
    },
  };
}
