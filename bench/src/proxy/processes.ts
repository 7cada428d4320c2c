import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A process under measurement. */
export interface Running {
  readonly url: string;
  /** CPU time used so far, all threads, ms; undefined where the system does not tell. */
  cpuMs(): number | undefined;
  stop(): Promise<void>;
}

/**
 * Pins a command to a core, where that can be done: the front has one core to itself, everything else (load and
 * backends) shares the other, so that the front is what is measured.
 */
export function pinned(core: number, command: string, args: readonly string[]): [string, string[]] {
  return canPin ? ['taskset', ['-c', String(core), command, ...args]] : [command, [...args]];
}

/** Whether a program is there. */
export function has(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

const canPin = process.platform === 'linux' && availableParallelism() >= 2 && has('taskset');
const ticksPerSecond = process.platform === 'linux' ? Number(execFileSync('getconf', ['CLK_TCK'])) : 100;

/** Says how the machine was divided. */
export const pinning = canPin ? 'front on core 0, load and backends on core 1' : 'not pinned';

/** CPU time that the machine has spent working, and in all, ms; undefined where the system does not tell. */
export function machineTime(): { busyMs: number; totalMs: number } | undefined {
  if (process.platform !== 'linux') return undefined;
  const [first] = readFileSync('/proc/stat', 'latin1').split('\n');
  const ticks = first.trim().split(/\s+/).slice(1, 9).map(Number);
  const totalMs = (ticks.reduce((a, b) => a + b) / ticksPerSecond) * 1000;
  // Fields 4 and 5 of the line are idle time and waiting for disks.
  return { busyMs: totalMs - ((ticks[3] + ticks[4]) / ticksPerSecond) * 1000, totalMs };
}

/** Starts a node program that prints `{"port"}` as its first line. */
export async function startProgram(core: number, file: string, args: readonly string[]): Promise<Running> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(...pinned(core, process.execPath, ['--conditions=source', path, ...args]), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [line] = await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error(`${file} ended before it listened`))),
  ]);
  return running(child, JSON.parse(line).port);
}

/** Starts HAProxy with a configuration that binds the given port. */
export async function startHaproxy(core: number, config: (port: number) => string): Promise<Running> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'ganglion-bench-'));
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, config(port));
  const child = spawn(...pinned(core, 'haproxy', ['-db', '-f', file]), {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr?.on('data', (chunk) => {
    complaint += chunk;
  });
  for (let tries = 0; !(await listens(port)); tries++) {
    if (child.exitCode !== null || tries > 500) throw new Error(`haproxy does not start: ${complaint}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  rmSync(folder, { recursive: true });
  return running(child, port);
}

function running(child: ChildProcess, port: number): Running {
  return {
    url: `http://127.0.0.1:${port}`,
    cpuMs() {
      if (process.platform !== 'linux') return undefined;
      // Fields 14 and 15 of proc(5), counted behind the name, which may hold spaces.
      const stat = readFileSync(`/proc/${child.pid}/stat`, 'latin1').split(') ')[1].split(' ');
      return ((Number(stat[11]) + Number(stat[12])) / ticksPerSecond) * 1000;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
