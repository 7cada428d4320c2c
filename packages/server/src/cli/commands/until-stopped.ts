/**
 * From now on Ctrl-C and SIGTERM ask for a clean stop instead of ending the process; a second one ends it at once.
 * Call it before anything is printed: whoever reads that it is up may stop it in the same breath.
 */
export function stopRequested(): Promise<void> {
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

/** What a daemon that is being stopped says of it, for people: a clean stop may take seconds. */
interface Saying {
  readonly json?: boolean | undefined;
  /** The folder of its state; undefined: it has none. */
  readonly dataDir: string | undefined;
}

/** Waits until a stop is asked for, says so on standard error (not under --json), and stops cleanly. */
export async function untilStopped(
  stop: Promise<void>,
  { json, dataDir }: Saying,
  close: () => Promise<void>,
): Promise<void> {
  await stop;
  if (json !== true) {
    const state =
      dataDir === undefined ? 'what was in memory goes with it' : `the state is kept in ${dataDir}`;
    // A terminal has shown ^C on this line.
    process.stderr.write(
      `${process.stderr.isTTY ? '\n' : ''}stopping: what is under way is finished first; ${state}. Once more ends it at once.\n`,
    );
  }
  await close();
}
