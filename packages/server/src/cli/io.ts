/** Where a command reads and writes: the process's own streams, or a test's. Results go to `out`, all else to `err`. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Standard input, whole. */
  stdin(): Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether `out` is a terminal: only then is anything coloured or redrawn. */
  readonly isTerminal: boolean;
  /** Columns of the terminal; 80 where there is none. */
  readonly columns: number;
  /** Aborted by Ctrl-C: ends what watches. */
  readonly interrupted: AbortSignal;
}

/** The process's streams. Ctrl-C ends a watch with what it has shown, and any other command at once. */
export function processIo(): Io {
  const stopped = new AbortController();
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    async stdin() {
      let text = '';
      process.stdin.setEncoding('utf8');
      for await (const chunk of process.stdin) text += chunk;
      return text;
    },
    env: process.env,
    isTerminal: process.stdout.isTTY === true,
    columns: process.stdout.columns ?? 80,
    get interrupted() {
      // Only a command that watches asks; for the others Ctrl-C keeps its ordinary meaning.
      process.once('SIGINT', () => stopped.abort());
      return stopped.signal;
    },
  };
}
