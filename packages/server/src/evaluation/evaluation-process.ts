import { rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { isGanglionError } from '@ganglion/core';
import { type EvaluationJob, runEvaluation } from './evaluation-job.ts';
import type { EvaluationReply } from './evaluator.ts';

/** A third of the processor's time of one that decides, where both want all of it. */
const NICE = 5;

/**
 * The process that evaluates: started for one job, ends with it. Not a thread: it opens copies of stores that its parent
 * has open, and closing a file in the process that holds its lock would drop the lock.
 */
process.once('message', (job: EvaluationJob) => {
  // Without a parent nobody wants the answer, and nobody else clears up.
  process.once('disconnect', () => {
    rmSync(job.folder, { recursive: true, force: true });
    process.exit(1);
  });
  try {
    setPriority(NICE);
  } catch {
    // It is a courtesy to those that decide; where it is refused, they share as they are.
  }
  runEvaluation(job).then(
    (answer) => reply({ answer }),
    (error: unknown) => reply({ error: told(error) }),
  );
});

function reply(message: EvaluationReply): void {
  process.send?.(message, () => process.exit(0));
}

function told(error: unknown): Extract<EvaluationReply, { error: unknown }>['error'] {
  if (!isGanglionError(error))
    return { code: null, message: error instanceof Error ? String(error.stack) : String(error) };
  const { code, message, field, value, mend } = error;
  return { code, message, field, value, mend };
}
