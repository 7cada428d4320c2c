import { rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { isGanglionError } from '@ganglion/core';
import { type Job, type JobReply, work } from './job.ts';

/** A third of the processor's time of one that decides, where both want all of it. */
const NICE = 5;

/**
 * The process of one job, which ends with it. Not a thread: it opens copies of stores that its parent has open, and closing
 * a file in the process that holds its lock would drop the lock.
 */
process.once('message', (job: Job) => {
  const stop = new AbortController();
  // Without a parent nobody wants the answer, and nobody else clears up.
  process.once('disconnect', () => {
    stop.abort();
    rmSync(job.folder, { recursive: true, force: true });
    process.exit(1);
  });
  try {
    setPriority(NICE);
  } catch {
    // It is a courtesy to those that decide; where it is refused, they share as they are.
  }
  work(job, stop.signal).then(
    (done) => reply({ done }),
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
  process.send?.(message, () => process.exit(0));
}
