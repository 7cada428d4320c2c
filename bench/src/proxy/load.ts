import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { has, pinned } from './processes.ts';

/** A fixed number of connections, each with one request at a time. */
export interface ClosedLoop {
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  /** Length of a POST body; 0: GET. */
  readonly postBytes: number;
}

/** What a closed loop saw. */
export interface ClosedFigures {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Requests without a 2xx answer. */
  readonly errors: number;
}

/** The core that load and backends share. */
export const LOAD_CORE = 1;

/** wrk (Debian package) costs a third of the CPU of autocannon, so that less of what is measured is the measuring. */
export const generator: 'wrk' | 'autocannon' = has('wrk') ? 'wrk' : 'autocannon';

/** Runs a closed loop from its own process. */
export function closedLoop(url: string, loop: ClosedLoop): Promise<ClosedFigures> {
  return generator === 'wrk' ? wrk(url, loop) : autocannon(url, loop);
}

async function wrk(url: string, loop: ClosedLoop): Promise<ClosedFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'ganglion-bench-'));
  const script = join(folder, 'post.lua');
  writeFileSync(script, `wrk.method = "POST"\nwrk.body = string.rep("x", ${loop.postBytes})\n`);
  const text = await output('wrk', [
    ...['-t', '1', '-c', String(loop.connections), '-d', `${loop.seconds}s`, '--latency'],
    ...(loop.postBytes > 0 ? ['-s', script] : []),
    url + loop.path,
  ]);
  rmSync(folder, { recursive: true });
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
  const requests = number(/(\d+) requests in/);
  const socketErrors = [...(/Socket errors: (.*)/.exec(text)?.[1] ?? '').matchAll(/\d+/g)];
  return {
    requests,
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: milliseconds(/50%\s+([\d.]+)(\w+)/.exec(text)),
    p99Ms: milliseconds(/99%\s+([\d.]+)(\w+)/.exec(text)),
    errors:
      number(/Non-2xx or 3xx responses: (\d+)/) +
      socketErrors.reduce((total, [count]) => total + Number(count), 0),
  };
}

const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

function milliseconds(match: RegExpExecArray | null): number {
  return match === null ? Number.NaN : Number(match[1]) * UNITS[match[2]];
}

async function autocannon(url: string, loop: ClosedLoop): Promise<ClosedFigures> {
  const program = fileURLToPath(import.meta.resolve('autocannon'));
  const text = await output(process.execPath, [
    program,
    ...['-j', '-c', String(loop.connections), '-d', String(loop.seconds)],
    ...(loop.postBytes > 0 ? ['-m', 'POST', '-b', 'x'.repeat(loop.postBytes)] : []),
    url + loop.path,
  ]);
  const result = JSON.parse(text);
  return {
    requests: result.requests.total,
    perSecond: result.requests.average,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    errors: result.errors + result.non2xx,
  };
}

/** What the open loop saw; latency counts from when a request was due. */
export interface OpenFigures {
  readonly sent: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** Poisson arrivals at a rate, from the demo's client. */
export async function openLoop(
  url: string,
  rate: number,
  seconds: number,
  seed: number,
): Promise<OpenFigures> {
  const program = fileURLToPath(
    new URL('../../../packages/server/src/proxy/demo-client.ts', import.meta.url),
  );
  const text = await output(process.execPath, [
    ...['--conditions=source', program, '--target', url, '--seed', String(seed)],
    ...['--rate', String(rate), '--for-ms', String(seconds * 1000), '--report-ms', '1000000'],
  ]);
  const summary = JSON.parse(text.trim().split('\n').at(-1) ?? '');
  return {
    sent: summary.sent,
    failed: summary.sent - summary.ok,
    p50Ms: summary.latencyMs.p50,
    p99Ms: summary.latencyMs.p99,
    p999Ms: summary.latencyMs.p999,
  };
}

async function output(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(...pinned(LOAD_CORE, command, args), { stdio: ['pipe', 'pipe', 'pipe'] });
  let text = '';
  let complaint = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${complaint}`);
  return text;
}
