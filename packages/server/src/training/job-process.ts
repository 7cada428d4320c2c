import { rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { isGanglionError } from '@ganglion/core';
import { type Job, type JobReply, work } from './job.ts';

/** A third of the processor's time of one that decides, where both want all of it. */
const NICE = 5;

/** What commands have to end once they are told to, ms; less than the parent waits for all of it. */
const STOP_MS = 1000;

// Ctrl-C is meant for the parent, which says so in its own way; ended by it at once, this one would leave its commands.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

/**
 * The process of one job, which ends with it. Not a thread: it opens copies of stores that its parent has open, and closing
 * a file in the process that holds its lock would drop the lock.
 */
process.once('message', (job: Job) => {
  const stop = new AbortController();
  const stopping = new AbortController();
  const end = (): void => {
    stop.abort();
    rmSync(job.folder, { recursive: true, force: true });
    process.exit(1);
  };
  // Without a parent nobody wants the answer, and nobody else clears up.
  process.once('disconnect', () => {
    if (job.kind !== 'judge') return end();
    stopping.abort();
    setTimeout(end, STOP_MS);
    done.finally(end);
  });
  try {
    setPriority(NICE);
  } catch {
    // It is a courtesy to those that decide; where it is refused, they share as they are.
  }
  const done = work(job, stop.signal, { signal: stopping.signal, graceMs: STOP_MS }).then(
    (answer) => reply({ done: answer }),
    (error: unknown) =>
      reply({
        failed: {
          code: isGanglionError(error) ? error.code : 'unsupported',
          message: error instanceof Error ? error.message : String(error),
        },
      }),
  );
});

/** From here on the parent clears up: it may hang up before this process is gone, and still need the files. */
function reply(message: JobReply): void {
  process.removeAllListeners('disconnect');
  if (!process.connected) return;
  process.send?.(message, () => process.exit(0));
}
