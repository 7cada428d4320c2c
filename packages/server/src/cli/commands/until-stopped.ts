import { isGanglionError } from '@ganglion/core';
import type { Logger } from '../../log.ts';

/** A daemon has ended with a failure that its log has told: there is nothing more to say. */
export class ToldInLog extends Error {}

/**
 * Runs a daemon. A failure to start is an answer to whoever starts it. Once it is up, what it ends with is a line of its
 * log like all else on standard error, unless a terminal or a script with --json reads there.
 *
 * @param work - calls `stopRequested` once it is up
 * @throws ToldInLog; else what `work` throws
 */
export async function runDaemon(
  { json, logger }: { readonly json: boolean | undefined; readonly logger: Logger },
  work: (up: typeof stopRequested) => Promise<void>,
): Promise<void> {
  let isUp = false;
  try {
    await work(() => {
      isUp = true;
      return stopRequested();
    });
  } catch (error) {
    if (!isUp || json === true || process.stderr.isTTY) throw error;
    const { message } = error as Error;
    if (isGanglionError(error)) {
      const { code, field, value, mend } = error;
      logger.error({ code, field, value, mend }, message);
    } else logger.error({ code: 'internal', err: error }, message);
    throw new ToldInLog(message, { cause: error });
  }
}

/**
 * From now on Ctrl-C and SIGTERM ask for a clean stop instead of ending the process; a second one ends it at once.
 * Call it before anything is printed: whoever reads that it is up may stop it in the same breath.
 */
function stopRequested(): Promise<void> {
  return new Promise<void>((resolve) => {
    const stop = (): void => {
      process.removeListener('SIGINT', stop);
      process.removeListener('SIGTERM', stop);
      process.once('SIGINT', () => process.exit(130));
      process.once('SIGTERM', () => process.exit(143));
      resolve();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}

/** What a daemon that is being stopped says of it: a clean stop may take seconds. */
interface Saying {
  readonly json?: boolean | undefined;
  /** The folder of its state; undefined: it has none. */
  readonly dataDir: string | undefined;
  readonly logger: Logger;
}

/**
 * Waits until a stop is asked for, says so on standard error (not under --json), and stops cleanly. A terminal is told
 * in words; anything else reads the log.
 */
export async function untilStopped(
  stop: Promise<void>,
  { json, dataDir, logger }: Saying,
  close: () => Promise<void>,
): Promise<void> {
  await stop;
  if (json !== true) {
    const state =
      dataDir === undefined ? 'what was in memory goes with it' : `the state is kept in ${dataDir}`;
    const line = `stopping: what is under way is finished first; ${state}. Once more ends it at once.`;
    // A terminal has shown ^C on this line.
    if (process.stderr.isTTY) process.stderr.write(`\n${line}\n`);
    else logger.warn({ data: dataDir ?? null }, line);
  }
  await close();
}
