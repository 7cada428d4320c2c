import { createInterface } from 'node:readline';

/**
 * The tie between a demo process and the one that started it, over IPC where there is a channel, over standard input
 * otherwise: each message (a line of JSON) goes to `onMessage`; when the parent goes away, or on SIGINT or SIGTERM,
 * `onEnd` is called, once. So no process of the demo outlives it, whatever way it dies.
 */
export function followParent(onMessage: (message: unknown) => void, onEnd: () => void): void {
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    onEnd();
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  // A parent that was killed reads no more; writing to it must not be the end of an orderly end.
  process.stdout.on('error', end);
  if (process.send !== undefined) {
    process.on('message', onMessage);
    process.on('disconnect', end);
    return;
  }
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    if (line.trim() !== '') onMessage(parse(line));
  });
  lines.on('close', end);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** One line of JSON on standard output, and the same over IPC where there is a channel. */
export function tellParent(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
  if (process.connected) process.send?.(message);
}

/** Ends the process over bad arguments, as every command here does: the reason on standard error, exit code 2. */
export function exitOverUsage(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(2);
}
