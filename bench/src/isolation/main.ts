/** `npm run bench -- isolation`: whether sync, the disk or recomputation hold up a decision. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostedNode } from '@ganglion/core';
import { hostNode } from '@ganglion/server';
import { memoryNode, turn } from '../lib/network.ts';
import { BENCH, INPUTS, inputs, POINT, teach } from '../lib/point.ts';
import { figure, ratio } from '../lib/report.ts';
import { clockCost, median, quantile } from '../lib/sample.ts';
import { tell } from '../lib/story.ts';
import { recordScript, type Script, speak, type Uplink, uplink } from '../lib/uplinks.ts';

/** Decisions are due at this pace, whatever else goes on, ms. */
const DUE_EVERY_MS = 0.5;
const CHILDREN = 100;
const OUTCOMES_A_BATCH = 500;
const BATCH_EVERY_MS = 50;

interface Load {
  readonly name: string;
  readonly sync: boolean;
  readonly feedback: boolean;
}

interface Seen {
  readonly call: readonly number[];
  readonly due: readonly number[];
}

const LOADS: readonly Load[] = [
  { name: 'idle', sync: false, feedback: false },
  {
    name: `${(OUTCOMES_A_BATCH * 1000) / BATCH_EVERY_MS} outcomes/s: fsync and recomputation`,
    sync: false,
    feedback: true,
  },
  { name: `${CHILDREN} children in sync, each every second`, sync: true, feedback: false },
  { name: 'both', sync: true, feedback: true },
];

await tell({
  name: 'isolation',
  title: 'A decision while the node works',
  help: 'Decisions due every half millisecond in a node with SQLite, idle and under sync, fsync and recomputation.',
  async measure({ quick, say }) {
    const folder = await mkdtemp(join(tmpdir(), 'ganglion-bench-'));
    const node = await hostNode({ name: 'region', tier: 'cloud', root: true, dataDir: folder });
    try {
      await node.apply(POINT, BENCH);
      await teach(node);
      const seconds = quick ? 2 : 8;
      const script = await scriptFor(64);
      const links = Array.from({ length: CHILDREN }, (_, i) => uplink(`child-${i}`));
      const seen = LOADS.map((): Seen[] => []);
      for (let round = 1; round <= (quick ? 1 : 3); round++)
        for (const [i, load] of LOADS.entries()) {
          say(`round ${round}: ${load.name}`);
          seen[i].push(await under(node, load, links, script, seconds * 1000));
        }
      return findings(seen, emptyLoop(1_000_000));
    } finally {
      await node.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
});

async function scriptFor(stages: number): Promise<Script> {
  const parent = await memoryNode('region', 'cloud', true);
  await parent.apply(POINT, BENCH);
  const script = await recordScript(parent, stages);
  await parent.close();
  return script;
}

async function under(
  node: HostedNode,
  load: Load,
  links: readonly Uplink[],
  script: Script,
  ms: number,
): Promise<Seen> {
  const clockNs = clockCost();
  const call: number[] = [];
  const due: number[] = [];
  let ids: string[] = [];
  const startedMs = performance.now();
  let dueMs = startedMs;
  let batchMs = startedMs;
  let spoken = 0;
  while (performance.now() - startedMs < ms) {
    const nowMs = performance.now();
    if (nowMs >= dueMs) {
      const { id } = node.decide(POINT.point, inputs[call.length & (INPUTS - 1)]);
      const doneMs = performance.now();
      call.push((doneMs - nowMs) * 1e6 - clockNs);
      due.push((doneMs - dueMs) * 1e3);
      ids.push(id);
      dueMs += DUE_EVERY_MS;
    } else await turn();
    if (load.feedback && nowMs >= batchMs) {
      batchMs += BATCH_EVERY_MS;
      while (ids.length < OUTCOMES_A_BATCH) ids.push(node.decide(POINT.point, inputs[ids.length]).id);
      const items = ids.splice(0, OUTCOMES_A_BATCH).map((id, i) => ({ id, reward: i % 3 === 0 ? 1 : 0 }));
      void node.feedback(items);
    }
    // Children speak evenly over the second, as they would.
    if (load.sync && spoken < ((nowMs - startedMs) / 1000) * CHILDREN) {
      const link = links[spoken++ % CHILDREN];
      speak(link, script[Math.min(link.seq, script.length - 1)], node, true);
    }
    if (!load.feedback) ids = [];
  }
  return { call, due };
}

/** The same timing around nothing, and the same pace without a node: what is the machine's and the story's own. */
function emptyLoop(count: number): number {
  const ns: number[] = [];
  const clockNs = clockCost();
  for (let i = 0; i < count; i++) {
    const startedMs = performance.now();
    ns.push(Math.max(0, (performance.now() - startedMs) * 1e6 - clockNs));
  }
  return quantile(ns, 0.999);
}

function findings(seen: readonly (readonly Seen[])[], limitNs: number) {
  const at = (runs: readonly Seen[], pick: (s: Seen) => readonly number[], q: number): number =>
    median(runs.map((run) => quantile(pick(run), q)));
  const p999 = seen.map((runs) => at(runs, (s) => s.call, 0.999));
  const rows = LOADS.map(({ name }, i) => [
    name,
    figure(at(seen[i], (s) => s.call, 0.5)),
    figure(p999[i]),
    ratio(p999[i], p999[0]),
    figure(at(seen[i], (s) => s.due, 0.5)),
    figure(at(seen[i], (s) => s.due, 0.99)),
    figure(at(seen[i], (s) => s.due, 0.999)),
  ]);
  return {
    tables: [
      {
        title: '',
        head: ['', 'call p50 ns', 'call p99.9 ns', 'of idle', 'from due p50 µs', 'p99 µs', 'p99.9 µs'],
        rows: [...rows, ['limit: reading the clock twice', '', figure(limitNs), ratio(limitNs, p999[0])]],
      },
    ],
    goals: [
      {
        goal: 'a decide is never delayed: p99.9 of the call under all of it, beside idle',
        figure: `${figure(p999[3])} beside ${figure(p999[0])} ns`,
        met: p999[3] <= 2 * p999[0],
      },
    ],
    notes: [
      'The call is what the application waits for once it asks. From due counts the event loop as well: messages of children and views are worked on between decisions, on the same thread, and a caller that comes meanwhile waits for the piece under way.',
      'A decision every half millisecond finds cold caches: the call is slower than in a tight loop (npm run bench -- decide).',
    ],
  };
}
