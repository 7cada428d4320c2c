/**
 * A closed loop over raw sockets, as a process of its own, so that the server has its core to itself:
 * `node load.ts PORT JSON`. Each connection sends the next request when its answer is complete. Prints `Loop` as JSON.
 */
import { connection, post } from './connection.ts';

export interface LoadPlan {
  readonly connections: number;
  readonly ms: number;
  readonly warmUpMs: number;
  readonly path: string;
  /** Bodies, sent in turn. */
  readonly bodies: readonly string[];
}

export interface Loop {
  readonly calls: number;
  readonly ms: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
}

const port = Number(process.argv[2]);
const plan = JSON.parse(process.argv[3]) as LoadPlan;
const requests = plan.bodies.map((body) => post(plan.path, body));
const latencies: number[] = [];
let errors = 0;
let next = 0;
const startMs = performance.now() + plan.warmUpMs;
const endMs = startMs + plan.ms;

await Promise.all(Array.from({ length: plan.connections }, () => drive()));
latencies.sort((a, b) => a - b);
const at = (q: number): number => latencies[Math.min(latencies.length - 1, Math.floor(q * latencies.length))];
const loop: Loop = { calls: latencies.length, ms: plan.ms, p50Ms: at(0.5), p99Ms: at(0.99), errors };
process.stdout.write(`${JSON.stringify(loop)}\n`);
process.exit(0);

async function drive(): Promise<void> {
  const link = await connection(port);
  for (;;) {
    const sentMs = performance.now();
    if (sentMs >= endMs) break;
    const { status } = await link.call(requests[next++ % requests.length]);
    const nowMs = performance.now();
    if (sentMs < startMs || nowMs > endMs) continue;
    if (status < 200 || status > 299) errors++;
    latencies.push(nowMs - sentMs);
  }
  link.close();
}
