import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(ROOT, 'packages/server/src/main.ts');
const NODE = [process.execPath, '--conditions=source'] as const;

/** What a page runs in: a folder, a daemon, a shell in which `ganglion` is the command and ports are free ones. */
export interface Sandbox {
  readonly url: string;
  readonly folder: string;
  bash(text: string): Promise<Ran>;
  /** Runs a module. Its relative imports are those of `docs/src`. */
  module(text: string): Promise<Ran>;
  close(): Promise<void>;
}

export interface Ran {
  readonly ok: boolean;
  /** Standard output and errors, as they came. */
  readonly printed: string;
}

/** Ports as the pages name them; each is another, free one while a page runs. */
const PORTS = /\b(7070|7071|7072|8080|900[1-3])\b/g;

export async function openSandbox(folder: string): Promise<Sandbox> {
  mkdirSync(folder, { recursive: true });
  const daemon = spawn(NODE[0], [NODE[1], MAIN, 'up', '--json', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: environment({ HOME: folder }),
  });
  const ended = new Promise<void>((resolve) => daemon.once('exit', () => resolve()));
  const { url } = JSON.parse(await firstLine(daemon)) as { url: string };
  await wholeTree(url);
  const ports = new Map([['7070', new URL(url).port]]);
  for (const port of ['7071', '7072', '8080', '9001', '9002', '9003']) ports.set(port, await freePort());
  const env = environment({
    GANGLION_URL: url,
    HOME: folder,
    PATH: `${join(ROOT, 'bin')}:${process.env.PATH}`,
  });
  const shell = openShell(folder, env);
  const ported = (text: string): string => text.replace(PORTS, (port) => ports.get(port) ?? port);
  return {
    url,
    folder,
    bash: (text) => shell.run(ported(text)),
    module: (text) => runModule(ported(text), env),
    async close() {
      await shell.close();
      daemon.kill('SIGINT');
      await ended;
    },
  };
}

function environment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const { GANGLION_TOKEN: _t, GANGLION_PARENT_TOKEN: _p, GANGLION_URL: _u, ...rest } = process.env;
  return { ...rest, NO_COLOR: '1', ...more };
}

interface Shell {
  run(text: string): Promise<Ran>;
  close(): Promise<void>;
}

const MARK = '\u001e';

/** One shell for a whole page: what one block sets, the next one has. A process group of its own, so that all of it ends. */
function openShell(folder: string, env: NodeJS.ProcessEnv): Shell {
  const child = spawn('bash', ['--noprofile', '--norc'], {
    cwd: folder,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  let printed = '';
  let heard = (): void => {};
  const ended = new Promise<void>((resolve) =>
    child.once('exit', () => {
      resolve();
      heard();
    }),
  );
  child.stdout.on('data', (data: Buffer) => {
    printed += data.toString();
    heard();
  });
  child.stdin.on('error', () => {});
  child.stdin.write('exec 2>&1\nset -eo pipefail\n');
  let blocks = 0;
  return {
    async run(text) {
      const file = join(folder, `block-${++blocks}.sh`);
      writeFileSync(file, text);
      printed = '';
      child.stdin.write(`. '${file}'\necho; printf '${MARK}'\n`);
      await new Promise<void>((resolve) => {
        heard = () => {
          if (printed.includes(MARK) || child.exitCode !== null) resolve();
        };
        heard();
      });
      const ok = printed.includes(MARK);
      return { ok, printed: printed.replace(MARK, '') };
    },
    async close() {
      try {
        process.kill(-child.pid!, 'SIGTERM');
      } catch {
        // It has ended already, with all that it started.
      }
      await ended;
    },
  };
}

async function runModule(text: string, env: NodeJS.ProcessEnv): Promise<Ran> {
  const child = spawn(NODE[0], [NODE[1], '--input-type=module-typescript', '-'], {
    cwd: join(ROOT, 'docs/src'),
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      printed += data.toString();
    });
  child.stdin.end(text);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { ok: code === 0, printed };
}

/** Waits until the root has heard of all four nodes: a reader's daemon has been up for longer than a second. */
async function wholeTree(url: string): Promise<void> {
  for (let i = 0; i < 300; i++) {
    const nodes = (await (await fetch(`${url}/v1/nodes`)).json()) as { health: string }[];
    if (nodes.length === 4 && nodes.every(({ health }) => health === 'healthy')) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the tree did not come up within 30 s');
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the daemon ended with code ${code}`)));
  });
}

async function freePort(): Promise<string> {
  const probe = createServer();
  return new Promise((resolve) =>
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(String(port)));
    }),
  );
}
