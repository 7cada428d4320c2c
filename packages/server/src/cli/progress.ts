import type { Io } from './io.ts';

/** One line that is written over, on a terminal only. */
export function progressOf(io: Io): (what: string) => void {
  if (!io.isTerminal) return () => {};
  return (what) => io.err(`\r\u001b[K${what.slice(0, io.columns - 1)}`);
}

/** Takes the line of progress away. */
export function endProgress(io: Io): void {
  if (io.isTerminal) io.err('\r\u001b[K');
}
