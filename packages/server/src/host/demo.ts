import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { GanglionError, type HostedNode, type PointSpec } from '@ganglion/core';
import type { Logger } from '../log.ts';
import { pointChooser } from '../proxy/point-chooser.ts';
import { createProxy } from '../proxy/proxy.ts';
import type { ObservedProxy } from '../proxy/proxy-metrics.ts';
import { urlHost } from './address.ts';

/** The demo's decision point: which backend serves this request? */
export const DEMO_POINT: PointSpec = {
  point: 'backend',
  description: 'Which backend serves this request? Learned from latency and success of real requests.',
  arms: ['a', 'b', 'c'],
  fallback: 'a',
  baseline: { kind: 'round-robin' },
  policy: { kind: 'balancer', halfLife: '10s', deadline: '1s' },
  objective: { latencyMs: -0.001, range: [-1, 0] },
  guards: [
    { kind: 'holdout', share: '10%' },
    { kind: 'breaker', failureRate: 0.5, minCalls: 20, window: '10s', openFor: '5s', probes: 8 },
    { kind: 'exploration', floor: '0.5%' },
  ],
  oversight: { lease: '30s', onExpiry: 'fallback' },
  attribution: { window: '10s', default: { latencyMs: 1000, success: 0 } },
  domain: 'web',
};

/** How much slower a failure is counted, ms: the whole range of the objective. */
const DEADLINE_MS = 1000;

export interface DemoOptions {
  readonly cloud: HostedNode;
  readonly devices: readonly HostedNode[];
  /** Requests a second to each device's proxy. */
  readonly rate: number;
  readonly host: string;
  readonly logger: Logger;
}

export interface Demo {
  /** Where each device's proxy listens. */
  readonly proxies: readonly { readonly device: string; readonly url: string }[];
  readonly backends: Readonly<Record<string, string>>;
  readonly observed: readonly ObservedProxy[];
  close(): Promise<void>;
}

/**
 * Real HTTP traffic through the tree: three backends and an open-loop client, each a process of its own, and before the
 * backends a proxy on each device whose choice is the decision point `backend`. Backend b slows down and backend c
 * fails now and then.
 */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { cloud, devices, logger, host } = options;
  const children: ChildProcess[] = [];
  const stops: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const child of [...children].reverse()) child.kill('SIGTERM');
    await Promise.all(children.map((child) => gone(child)));
    await Promise.all(stops.map((stop) => stop()));
  };
  try {
    const backends: Record<string, string> = {};
    const started = await Promise.all(
      ['a', 'b', 'c'].map((name, i) =>
        startProcess(
          '../proxy/demo-backend',
          ['--name', name, '--profile', PROFILES[name], '--seed', String(7 + i)],
          children,
        ),
      ),
    );
    started.forEach((port, i) => {
      backends['abc'[i]] = `http://127.0.0.1:${port}`;
    });
    if (cloud.point(DEMO_POINT.point) === undefined)
      await cloud.apply(DEMO_POINT, { name: 'demo', authority: cloud.name });
    const proxies = [];
    const observed: ObservedProxy[] = [];
    for (const device of devices) {
      await heard(device, DEMO_POINT.point);
      const chooser = pointChooser({
        node: device,
        point: DEMO_POINT.point,
        backends,
        deadlineMs: DEADLINE_MS,
        onError: (error) => logger.error({ err: error }, 'outcomes of the proxy'),
      });
      const proxy = createProxy({
        chooser,
        unit: { header: 'x-unit' },
        headTimeoutMs: DEADLINE_MS,
        onError: (error) => logger.error({ err: error }, 'proxy'),
      });
      const { port } = await proxy.listen({ port: 0, host });
      stops.push(async () => {
        await proxy.close(500);
        await chooser.flush();
      });
      observed.push({ name: device.name, stats: proxy.stats, outcomes: chooser.outcomes });
      proxies.push({ device: device.name, url: `http://${urlHost(host)}:${port}` });
    }
    for (const [i, { url }] of proxies.entries()) startClient(url, options.rate, i + 1, children);
    return { proxies, backends, observed, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const PROFILES: Readonly<Record<string, string>> = { a: 'steady', b: 'slows', c: 'fails' };

/** Starts one of the demo's processes: it speaks JSON lines on its standard output, and ends when its input does. */
function spawnModule(
  module: string,
  args: readonly string[],
  children: ChildProcess[],
): { child: ChildProcess; lines: Interface } {
  const file = fileURLToPath(
    new URL(`${module}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
  );
  const child = spawn(process.execPath, [...process.execArgv, file, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  return { child, lines: createInterface({ input: child.stdout as NodeJS.ReadableStream }) };
}

/** A backend; resolves with its port. */
async function startProcess(
  module: string,
  args: readonly string[],
  children: ChildProcess[],
): Promise<number> {
  const { child, lines } = spawnModule(module, args, children);
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new GanglionError('closed', `a process of the demo ${why}`, { field: module }));
    child.once('error', (error) => fail(`did not start: ${error.message}`));
    child.once('exit', (code) => fail(`ended at once with code ${code}`));
    lines.on('line', (line) => {
      const message = JSON.parse(line) as { event?: string; port?: number };
      if (message.event === 'listening' && message.port !== undefined) resolve(message.port);
    });
  });
}

function startClient(target: string, rate: number, seed: number, children: ChildProcess[]): void {
  const { lines } = spawnModule(
    '../proxy/demo-client',
    ['--target', target, '--rate', String(rate), '--seed', String(seed), '--units', '5000'],
    children,
  );
  lines.on('line', () => {}); // read, so that the pipe never fills
}

function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const hard = setTimeout(() => child.kill('SIGKILL'), 2000);
    child.once('exit', () => {
      clearTimeout(hard);
      resolve();
    });
  });
}

/** Waits until a point has come down to a node and may be decided there. */
async function heard(node: HostedNode, point: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (node.point(point) !== undefined && node.nodes()[0].lease.state === 'held') return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new GanglionError('deadline_exceeded', `${node.name} did not hear of ${point} within 5 s`, {
    field: 'node',
    value: node.name,
  });
}
