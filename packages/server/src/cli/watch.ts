import type { Session } from './context.ts';

const EVERY_MS = 1_000;
const CLEAR = '\u001b[H\u001b[J';

/**
 * Shows something once, or with `--watch` again each second until Ctrl-C or until `done` says so: redrawn on a terminal,
 * one after the other elsewhere.
 */
export async function watch<T>(
  session: Session,
  again: boolean,
  read: () => Promise<T>,
  people: (value: T) => string,
  done: (value: T) => boolean = () => false,
): Promise<T> {
  const { io, json } = session;
  if (!again) {
    const value = await read();
    session.show(value, () => people(value));
    return value;
  }
  const interrupted = io.interrupted;
  const isOver = (): boolean => interrupted.aborted;
  for (;;) {
    const value = await read();
    if (io.isTerminal && !json) io.out(CLEAR);
    session.show(value, () => people(value));
    if (done(value) || isOver()) return value;
    await pause(EVERY_MS, interrupted);
    if (isOver()) return value;
    if (!io.isTerminal && !json) io.out('\n');
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
