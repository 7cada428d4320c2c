import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The `ganglion` command as its own process, as a user runs it. */
export const MAIN = fileURLToPath(new URL('../../../packages/server/src/main.ts', import.meta.url));

export interface RunningDaemon {
  readonly child: ChildProcess;
  /** What it has printed on standard error so far, its last 4,000 characters. */
  readonly errors: () => string;
  readonly url: string;
  /** What it printed first, with `--json`. */
  readonly listening: Readonly<Record<string, unknown>>;
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>;
  /** Ends it as Ctrl-C does; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** kill -9. */
  kill(): Promise<void>;
}

export interface StartOptions {
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** In a process group of its own, as a shell starts it: Ctrl-C is then a signal to the group. */
  readonly group?: boolean;
  /** Default: node, on the sources. */
  readonly command?: readonly [program: string, ...args: string[]];
}

const SOURCES = [process.execPath, '--conditions=source', MAIN] as const;

/** Tests decide for themselves which tokens there are; whoever runs them may have some of his own. */
function cleanEnvironment(env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return {
    ...process.env,
    GANGLION_TOKEN: '',
    GANGLION_PARENT_TOKEN: '',
    GANGLION_URL: '',
    NO_COLOR: '1',
    ...env,
  };
}

/** Starts `ganglion ARGS --json`, at any free port unless `--port` says which, and waits until it listens. */
export async function startDaemon(
  args: readonly string[],
  { timeoutMs = 60_000, env, group = false, command = SOURCES }: StartOptions = {},
): Promise<RunningDaemon> {
  const port = args.includes('--port') ? [] : ['--port', '0'];
  const [program, ...before] = command;
  const child = spawn(program, [...before, ...args, '--json', ...port], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: cleanEnvironment(env),
    detached: group,
  });
  let errors = '';
  child.stderr?.on('data', (data: Buffer) => {
    errors = (errors + data.toString()).slice(-4000);
  });
  // A test that fails in between stops nothing: what it started ends with it.
  const orphaned = (): void => void child.kill('SIGKILL');
  process.once('exit', orphaned);
  child.once('exit', () => process.removeListener('exit', orphaned));
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const listening = await new Promise<Record<string, unknown>>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`did not listen in time: ${errors}`)), timeoutMs);
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      if (!line.startsWith('{')) return; // npm says what it runs
      clearTimeout(timer);
      resolve(JSON.parse(line) as Record<string, unknown>);
    });
    void ended.then((code) => reject(new Error(`ended with code ${code}: ${errors}`)));
  });
  const url = String(listening.url);
  return {
    child,
    errors: () => errors,
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
      if (group) process.kill(-child.pid!, 'SIGINT');
      else child.kill('SIGINT');
      return ended;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `ganglion ARGS` to its end, as a script would. */
export async function ganglion(
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {},
): Promise<Ran> {
  const [program, ...before] = SOURCES;
  const child = spawn(program, [...before, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: cleanEnvironment(options.env),
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (data: Buffer) => {
    out += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    err += data.toString();
  });
  child.stdin.end(options.input ?? '');
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, err };
}
