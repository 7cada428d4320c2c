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

/** Waits until a stop is asked for, then stops cleanly. */
export async function untilStopped(stop: Promise<void>, close: () => Promise<void>): Promise<void> {
  await stop;
  if (process.stderr.isTTY) process.stderr.write('\nstopping …\n');
  await close();
}
