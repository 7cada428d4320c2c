/** `npm run bench -- http`: decide and feedback over HTTP, beside a bare node:http server in the same run. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inputs } from '../lib/point.ts';
import { type Findings, figure, type Goal, ratio, type Table } from '../lib/report.ts';
import { median } from '../lib/sample.ts';
import { tell } from '../lib/story.ts';
import { pinned, pinning, type Running, startProgram } from '../proxy/processes.ts';
import type { Fed, FeedbackPlan } from './feedback-load.ts';
import type { LoadPlan, Loop } from './load.ts';

const SERVER_CORE = 0;
const LOAD_CORE = 1;
const PATH = '/v1/points/bench/decide';
const BULK = 1000;
const FEEDBACK: FeedbackPlan = { connections: 8, bulk: 2000, lists: 100 };

interface Figures {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
}

/** By what was asked, round by round. */
type Seen = Readonly<Record<'bare' | 'ours' | 'memory' | 'bareBulk' | 'bulk', readonly Figures[]>>;

/** How fast feedback is taken, and what an outcome costs. */
type FedFigures = Pick<Figures, 'perSecond' | 'cpuUs'>;

await tell({
  name: 'http',
  title: 'Decide and feedback over HTTP',
  help: 'A daemon with SQLite, beside a bare node:http server that parses and serialises equal JSON.',
  async measure({ quick, say }) {
    const folder = await mkdtemp(join(tmpdir(), 'ganglion-bench-'));
    const file = new URL('./servers.ts', import.meta.url).href;
    const bare = await startProgram(SERVER_CORE, file, ['bare']);
    const ours = await startProgram(SERVER_CORE, file, ['ganglion', folder]);
    const memory = await startProgram(SERVER_CORE, file, ['ganglion']);
    try {
      const seen = {
        bare: [] as Figures[],
        ours: [] as Figures[],
        memory: [] as Figures[],
        bareBulk: [] as Figures[],
        bulk: [] as Figures[],
      };
      const fed: FedFigures[] = [];
      const ms = quick ? 1000 : 3000;
      for (let round = 1; round <= (quick ? 1 : 5); round++) {
        say(`round ${round}`);
        seen.bare.push(await drive(bare, single(ms), 1));
        seen.ours.push(await drive(ours, single(ms), 1));
        seen.memory.push(await drive(memory, single(ms), 1));
        seen.bareBulk.push(await drive(bare, bulk(ms), BULK));
        seen.bulk.push(await drive(ours, bulk(ms), BULK));
        // A new one, for the decisions that came before would fill the bounded set of those that await outcomes.
        const fresh = await startProgram(SERVER_CORE, file, ['ganglion', join(folder, `feedback-${round}`)]);
        fed.push(await feed(fresh).finally(() => fresh.stop()));
      }
      return findings(seen, fed);
    } finally {
      await Promise.all([bare.stop(), ours.stop(), memory.stop()]);
      await rm(folder, { recursive: true, force: true });
    }
  },
});

function single(ms: number): LoadPlan {
  return {
    connections: 32,
    ms,
    warmUpMs: 500,
    path: PATH,
    bodies: inputs.slice(0, 256).map((input) => JSON.stringify(input)),
  };
}

function bulk(ms: number): LoadPlan {
  return {
    connections: 4,
    ms,
    warmUpMs: 500,
    path: PATH,
    bodies: [JSON.stringify(inputs.slice(0, BULK))],
  };
}

async function drive(server: Running, plan: LoadPlan, items: number): Promise<Figures> {
  const load = start('./load.ts', server, plan);
  const cpuBefore = server.cpuMs() ?? Number.NaN;
  const loop = await line<Loop>(load);
  // Over the warm-up too: calls of it are as many a second, near enough.
  const cpuMs = (server.cpuMs() ?? Number.NaN) - cpuBefore;
  const done = loop.calls * items;
  return {
    perSecond: (done / loop.ms) * 1000,
    cpuUs: ((cpuMs * 1000) / done) * (plan.ms / (plan.ms + plan.warmUpMs)),
    p50Ms: loop.p50Ms,
    p99Ms: loop.p99Ms,
    errors: loop.errors,
  };
}

async function feed(server: Running): Promise<FedFigures> {
  const load = start('./feedback-load.ts', server, FEEDBACK);
  await line(load);
  const cpuBefore = server.cpuMs() ?? Number.NaN;
  load.child.stdin?.write('go\n');
  const { outcomes, ms, errors } = await line<Fed>(load);
  if (errors > 0) throw new Error(`${errors} lists of feedback were not joined whole`);
  const cpuMs = (server.cpuMs() ?? Number.NaN) - cpuBefore;
  return { perSecond: (outcomes / ms) * 1000, cpuUs: (cpuMs * 1000) / outcomes };
}

interface Load {
  readonly child: ChildProcess;
  readonly lines: Interface;
}

function start(file: string, server: Running, plan: unknown): Load {
  const args = [
    '--conditions=source',
    fileURLToPath(new URL(file, import.meta.url)),
    new URL(server.url).port,
    JSON.stringify(plan),
  ];
  const child = spawn(...pinned(LOAD_CORE, process.execPath, args), { stdio: ['pipe', 'pipe', 'inherit'] });
  return { child, lines: createInterface({ input: child.stdout as NodeJS.ReadableStream }) };
}

async function line<T>(load: Load): Promise<T> {
  const [text] = await Promise.race([
    once(load.lines, 'line'),
    once(load.child, 'exit').then(() => Promise.reject(new Error('the load ended without a word'))),
  ]);
  return JSON.parse(text) as T;
}

function findings(seen: Seen, fed: readonly FedFigures[]): Findings {
  const feedback = {
    perSecond: median(fed.map((f) => f.perSecond)),
    cpuUs: median(fed.map((f) => f.cpuUs)),
  };
  return {
    tables: [itemsTable(seen, feedback)],
    goals: goals(seen, feedback),
    notes: [
      `Closed loops of 32 connections (4 for lists of decisions, ${FEEDBACK.connections} for feedback) from another process; ${pinning.replace('front', 'server').replace('load and backends', 'load')}.`,
      'The daemon journals every decision in SQLite while it answers; the bare server keeps nothing. CPU is that of the server process with all its threads.',
      'Feedback is counted when answered 202, after the flush of the log; its decisions were asked for before, untimed.',
    ],
  };
}

/** Medians over the rounds; errors of all. */
function overRounds(rows: readonly Figures[]): Figures {
  return {
    perSecond: median(rows.map((r) => r.perSecond)),
    cpuUs: median(rows.map((r) => r.cpuUs)),
    p50Ms: median(rows.map((r) => r.p50Ms)),
    p99Ms: median(rows.map((r) => r.p99Ms)),
    errors: rows.reduce((sum, r) => sum + r.errors, 0),
  };
}

function itemsTable(seen: Seen, { perSecond, cpuUs }: FedFigures): Table {
  const [bare, ours, memory] = [seen.bare, seen.ours, seen.memory].map(overRounds);
  const [bareBulk, bulked] = [seen.bareBulk, seen.bulk].map(overRounds);
  return {
    title: 'Items, one a call and in lists',
    head: ['', 'items/s', 'of bare', 'CPU µs/item', 'a second of CPU', 'p50 ms a call', 'p99 ms', 'errors'],
    rows: [
      row('Ganglion: decide', ours, bare),
      row('Ganglion: decide, state in memory only', memory, bare),
      row('limit: bare node:http, equal JSON', bare, bare),
      row(`Ganglion: decide, lists of ${BULK}`, bulked, bareBulk),
      row(`limit: bare node:http, lists of ${BULK}`, bareBulk, bareBulk),
      [
        `Ganglion: feedback, lists of ${FEEDBACK.bulk}, durable`,
        figure(perSecond),
        '',
        figure(cpuUs),
        figure(1e6 / cpuUs),
      ],
    ],
  };
}

/** A row of the table, beside its peer. */
function row(name: string, f: Figures, peer: Figures): string[] {
  return [
    name,
    figure(f.perSecond),
    ratio(f.perSecond, peer.perSecond),
    figure(f.cpuUs),
    figure(1e6 / f.cpuUs),
    figure(f.p50Ms),
    figure(f.p99Ms),
    String(f.errors),
  ];
}

function goals(seen: Seen, { perSecond }: FedFigures): Goal[] {
  // Rounds are compared with themselves: what else the machine did met both.
  const share = median(seen.ours.map((r, i) => r.perSecond / seen.bare[i].perSecond));
  const cpuShare = median(seen.ours.map((r, i) => seen.bare[i].cpuUs / r.cpuUs));
  const bulkPerSecond = overRounds(seen.bulk).perSecond;
  return [
    {
      goal: 'decide ≥ 70 % of the bare server’s throughput',
      figure: `${figure(share * 100)} % (by CPU a call: ${figure(cpuShare * 100)} %)`,
      met: share >= 0.7,
    },
    {
      goal: 'bulk decide ≥ 500k decisions a second',
      figure: figure(bulkPerSecond),
      met: bulkPerSecond >= 500_000,
    },
    {
      goal: 'bulk feedback ≥ 100k durable outcomes a second',
      figure: figure(perSecond),
      met: perSecond >= 100_000,
    },
  ];
}
