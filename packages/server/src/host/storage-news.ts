import { isGanglionError, type Storage } from '@ganglion/core';
import type { Logger } from '../log.ts';
import { rarely } from './rarely.ts';

/** Whose storage it is, and where it lies. */
interface Place {
  readonly node: string;
  readonly file: string;
}

/** A disk that is nearly full may fail and take again by turns: each such turn is said at most so often, ms. */
const EVERY_MS = 60_000;

/**
 * The same storage, which says in the log when it begins to fail, and when it takes writes again. A node tries again
 * some times a second and callers hear of it each by themselves: neither is a line.
 *
 * @param nowMs - a clock that never goes back, ms
 */
export function withStorageNews(
  storage: Storage,
  place: Place,
  logger: Logger,
  nowMs?: () => number,
): Storage {
  const begins = rarely(EVERY_MS, nowMs);
  let told = false;
  return {
    ...storage,
    async commit(writes) {
      try {
        await storage.commit(writes);
      } catch (error) {
        if (!told && begins(place.node) !== undefined) {
          told = true;
          logger.error(
            { ...place, ...faultOf(error) },
            'storage fails: decisions go on, feedback is refused until it takes writes again',
          );
        }
        throw error;
      }
      if (told) logger.warn(place, 'storage takes writes again');
      told = false;
    },
  };
}

function faultOf(error: unknown): Readonly<Record<string, unknown>> {
  return isGanglionError(error)
    ? { code: error.code, detail: error.message, mend: error.mend }
    : { code: 'storage_failed', err: error };
}
