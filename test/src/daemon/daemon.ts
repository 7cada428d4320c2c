import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The `ganglion` command as its own process, as a user runs it. */
export const MAIN = fileURLToPath(new URL('../../../packages/server/src/main.ts', import.meta.url));

export interface RunningDaemon {
  readonly child: ChildProcess;
  readonly url: string;
  /** What it printed first, with `--json`. */
  readonly listening: Readonly<Record<string, unknown>>;
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>;
  /** Ends it as Ctrl-C does; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** kill -9. */
  kill(): Promise<void>;
}

/** Starts `ganglion ARGS --json --port 0` and waits until it listens. */
export async function startDaemon(args: readonly string[], timeoutMs = 20_000): Promise<RunningDaemon> {
  const child = spawn(process.execPath, ['--conditions=source', MAIN, ...args, '--json', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, GANGLION_TOKEN: '', NO_COLOR: '1' },
  });
  let errors = '';
  child.stderr?.on('data', (data: Buffer) => {
    errors = (errors + data.toString()).slice(-4000);
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const listening = await new Promise<Record<string, unknown>>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`did not listen in time: ${errors}`)), timeoutMs);
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).once('line', (line) => {
      clearTimeout(timer);
      resolve(JSON.parse(line) as Record<string, unknown>);
    });
    void ended.then((code) => reject(new Error(`ended with code ${code}: ${errors}`)));
  });
  const url = String(listening.url);
  return {
    child,
    url,
    listening,
    async call(method, path, body) {
      const response = await fetch(`${url}${path}`, {
        method,
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
    },
    async stop() {
      child.kill('SIGINT');
      return ended;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
