/** `npm run bench -- ope`: a candidate judged on millions of decisions, beside the same sums in plain SQL; the log's own pace. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTables, sqlText, type Tables } from '@ganglion/adapters/parquet';
import { evaluate, sampleOf } from '@ganglion/core/ope';
import { hostNode } from '@ganglion/server';
import { BENCH, INPUTS, inputs, POINT, teach } from '../lib/point.ts';
import { figure, type Goal, ratio, type Table } from '../lib/report.ts';
import { tell } from '../lib/story.ts';

const APPEND_GOAL = 300_000;

await tell({
  name: 'ope',
  title: 'Off-policy evaluation and the decision log',
  help: 'Rewards, propensities, candidate and model of each decision in one Parquet file; read, weighed, resampled.',
  async measure({ quick, say }) {
    const folder = await mkdtemp(join(tmpdir(), 'ganglion-bench-'));
    try {
      const rows = quick ? 1_000_000 : 10_000_000;
      const tables = await openTables();
      const file = join(folder, 'log.parquet');
      say(`writing ${figure(rows)} decisions`);
      const wroteMs = await timed(() => tables.run(written(rows, file)));
      const evaluated = await evaluations(tables, file, rows, wroteMs, say);
      tables.close();
      say('appending decisions');
      const appended = await appending(folder, quick ? 300_000 : 2_000_000);
      return {
        tables: [evaluated, appended.table],
        goals: [appended.goal],
        notes: [
          'The SQL row has the sums of ips and snips and their variance: no bootstrap, no overlap, no refusal. It is the time the engine takes to read the file.',
          'Ours reads the columns into typed arrays first; ips and snips need three, all seven estimators five. Each estimate has a BCa interval of 1,000 resamples over 5,000 blocks, and its difference from the log another.',
          'Resident memory is that of the whole process at its highest so far, the engine’s buffers included.',
          'Appended decisions pass the whole pipeline and are durable at the end: journaled, flushed, acknowledged by the disk.',
        ],
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

/** Ten arms alike, a candidate that prefers some by context; rewards yes or no. The engine's own seeded hash is the chance. */
function written(rows: number, file: string): string {
  const unit = (salt: number): string => `(hash(i, ${salt}) % 1000000) / 1000000.0`;
  return `COPY (
    SELECT (${unit(1)} < 0.1 + 0.4 * candidate)::DOUBLE AS reward, 0.1::DOUBLE AS propensity, candidate,
      0.1 + 0.4 * candidate AS taken, 0.16::DOUBLE AS expected
    FROM (SELECT i, 0.2 * ${unit(2)} AS candidate FROM range(${rows}) t(i))
  ) TO ${sqlText(file)} (FORMAT parquet)`;
}

async function evaluations(
  tables: Tables,
  file: string,
  rows: number,
  wroteMs: number,
  say: (what: string) => void,
): Promise<Table> {
  const from = `read_parquet(${sqlText(file)})`;
  const lines: string[][] = [];
  const told = (what: string, ms: number, of: number): void => {
    lines.push([what, figure(ms / 1000), figure((rows / ms) * 1000), figure(peakMiB()), ratio(ms, of)]);
  };
  say('plain SQL');
  const sqlMs = await timed(() =>
    tables.columns(`SELECT avg(w * reward) AS ips, sum(w * reward) / sum(w) AS snips, var_samp(w * reward) AS spread
      FROM (SELECT reward, candidate / propensity AS w FROM ${from})`),
  );
  const sqlMiB = peakMiB();
  say('ips and snips');
  told('Ganglion: ips, snips', await timed(() => judged(tables, from, false)), sqlMs);
  say('all estimators');
  told('Ganglion: all seven', await timed(() => judged(tables, from, true)), sqlMs);
  lines.push([
    'DuckDB writes the file',
    figure(wroteMs / 1000),
    figure((rows / wroteMs) * 1000),
    '',
    ratio(wroteMs, sqlMs),
  ]);
  lines.push([
    'limit: DuckDB SQL, sums alone',
    figure(sqlMs / 1000),
    figure((rows / sqlMs) * 1000),
    figure(sqlMiB),
    '1×',
  ]);
  return {
    title: `${figure(rows)} decisions in Parquet`,
    head: ['', 'seconds', 'decisions/s', 'peak MiB', 'of the limit'],
    rows: lines,
  };
}

async function judged(tables: Tables, from: string, modelled: boolean): Promise<void> {
  const names = ['reward', 'propensity', 'candidate', ...(modelled ? ['taken', 'expected'] : [])];
  const columns = (await tables.columns(`SELECT ${names.join(', ')} FROM ${from}`)) as Record<
    string,
    Float64Array
  >;
  const { reward, propensity, candidate, taken, expected } = columns;
  const sample = sampleOf(
    { reward, propensity, candidate, model: modelled ? { taken, expected } : undefined },
    { range: [0, 1] },
  );
  const { estimates, refused } = evaluate(sample, { range: [0, 1] });
  if (estimates.length !== (modelled ? 7 : 2)) throw new Error(`refused: ${JSON.stringify(refused)}`);
}

async function appending(folder: string, decisions: number): Promise<{ table: Table; goal: Goal }> {
  const node = await hostNode({ name: 'log', tier: 'cloud', root: true, dataDir: folder });
  try {
    await node.apply(POINT, BENCH);
    await teach(node);
    const cpu = process.cpuUsage();
    const ms = await timed(async () => {
      let last = '';
      for (let i = 0; i < decisions; i++) {
        last = node.decide(POINT.point, inputs[i % INPUTS]).id;
        // Lets the node's own clock flush, as between requests.
        if (i % 10_000 === 9_999) await new Promise((resolve) => setImmediate(resolve));
      }
      // Answered once it is durable, and with it all that came before.
      await node.feedback([{ id: last, reward: 1 }]);
    });
    const perSecond = (decisions / ms) * 1000;
    const { user, system } = process.cpuUsage(cpu);
    const cpuPerSecond = (decisions / (user + system)) * 1e6;
    return {
      table: {
        title: 'Decisions made and journaled',
        head: ['', 'decisions', 'seconds', 'decisions/s', 'a second of CPU'],
        rows: [
          [
            'Ganglion: decided, journaled, durable',
            figure(decisions),
            figure(ms / 1000),
            figure(perSecond),
            figure(cpuPerSecond),
          ],
        ],
      },
      goal: {
        goal: `log append ≥ ${figure(APPEND_GOAL)} decisions a second`,
        figure: figure(perSecond),
        met: perSecond >= APPEND_GOAL,
      },
    };
  } finally {
    await node.close();
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

/** Highest resident memory of this process so far. */
function peakMiB(): number {
  return process.resourceUsage().maxRSS / 1024;
}
