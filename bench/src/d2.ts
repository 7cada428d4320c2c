import { hostNode } from '@ganglion/server';
import { BENCH, inputs, POINT, teach } from './lib/point.ts';

const spec = process.env.SIMPLE ? { ...POINT, guards: POINT.guards!.slice(2) } : POINT;
const node = await hostNode({ name: 'bench', tier: 'cloud', root: true });
await node.apply(spec, BENCH);
await teach(node);
console.log(JSON.stringify(node.decide('bench', inputs[0])));
let sink = 0;
const batches: number[] = [];
const t0 = performance.now();
const c0 = process.cpuUsage();
let n = 0;
while (performance.now() - t0 < 1000 * Number(process.env.SECS ?? 3)) {
  const a = performance.now();
  for (let i = 0; i < 100; i++) {
    const d = node.decide('bench', inputs[(n + i) & 1023]);
    sink += d.atMs;
  }
  batches.push((performance.now() - a) * 1e4);
  n += 100;
  if (n % 4000 === 0) await new Promise((r) => setImmediate(r));
}
const c = process.cpuUsage(c0);
batches.sort((a, b) => a - b);
console.log(
  'min',
  batches[0].toFixed(0),
  'p10',
  batches[Math.floor(batches.length * 0.1)].toFixed(0),
  'median',
  batches[batches.length >> 1].toFixed(0),
  'p90',
  batches[Math.floor(batches.length * 0.9)].toFixed(0),
  'cpu/call',
  (((c.user + c.system) * 1000) / n).toFixed(0),
  n,
  sink > 0,
);
await node.close();
