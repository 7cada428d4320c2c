import { rmSync } from 'node:fs';
import { withTables } from '@ganglion/adapters/parquet';
import { sqliteStorage } from '@ganglion/adapters/sqlite';
import { Command, InvalidArgumentError } from 'commander';
import { nodeOf, readNodeLogs, storesIn } from '../../evaluation/node-log.ts';
import { compactPartition, partitionsOf, writeParquet } from '../../evaluation/parquet-log.ts';
import { count, counted, parseDuration } from '../format.ts';
import type { Io } from '../io.ts';
import { styleOf, table } from '../style.ts';
import { endProgress, progressOf } from './evaluation-options.ts';

interface JsonFlag {
  readonly json?: boolean;
}

/** `ganglion log …`: the decision log as Parquet files, and for how long it is kept. */
export function logCommand(io: Io): Command {
  const log = new Command('log').description(
    'the decision log: export it to Parquet, compact it, forget old days',
  );
  const json = (command: Command): Command => command.option('--json', 'print the result as JSON');
  log.addCommand(
    json(new Command('export'))
      .description(
        'write the decisions of the nodes that keep their data in a folder to Parquet, by point and day',
      )
      .requiredOption('--data <dir>', 'where the nodes keep their data; they may run')
      .requiredOption('--out <folder>', 'where to: point=…/day=…/NODE-0.parquet')
      .option('--point <name>', 'this point only')
      .option('--since <age>', 'what is not older, such as 7d', age)
      .action(async (flags: ExportFlags) => exportLog(io, flags)),
  );
  log.addCommand(
    json(new Command('compact'))
      .description('make one file of each day’s many')
      .argument('<folder>', 'what export wrote')
      .action(async (folder: string, flags: JsonFlag) => compact(io, folder, flags)),
  );
  log.addCommand(
    json(new Command('trim'))
      .description('forget days: of an export, or of the stores of stopped nodes')
      .argument('[folder]', 'what export wrote')
      .option('--data <dir>', 'where stopped nodes keep their data')
      .requiredOption('--keep <age>', 'how much to keep, such as 90d', age)
      .action(async (folder: string | undefined, flags: TrimFlags, command: Command) => {
        if ((folder === undefined) === (flags.data === undefined))
          command.error('error: give a folder that export wrote, or --data');
        await trim(io, folder, flags);
      }),
  );
  return log;
}

interface ExportFlags extends JsonFlag {
  readonly data: string;
  readonly out: string;
  readonly point?: string;
  readonly since?: number;
}

const ONE_THREAD = { threads: 1 };

async function exportLog(io: Io, flags: ExportFlags): Promise<void> {
  const say = progressOf(io);
  const nowMs = Date.now();
  // Whole days: a day's file is written again as a whole.
  const sinceMs = flags.since === undefined ? undefined : dayOf(nowMs - flags.since);
  const logs = await readNodeLogs(flags.data, {
    point: flags.point,
    sinceMs,
    onDecisions: (n) => say(`${counted(n, 'decision')} read`),
  });
  const written = await withTables(async (tables) => {
    const out: { node: string; decisions: number; unreadable: number }[] = [];
    for (const { node, decisions, unreadable } of logs) {
      say(`writing ${counted(decisions.length, 'decision')} of ${node}`);
      const whole = decisions.filter(({ atMs }) => sinceMs === undefined || atMs >= sinceMs);
      out.push({ node, decisions: await writeParquet(tables, flags.out, node, whole, nowMs), unreadable });
    }
    return out;
  }, ONE_THREAD);
  endProgress(io);
  show(io, flags, written, () =>
    table(
      [{ head: 'NODE' }, { head: 'DECISIONS', right: true }, { head: 'UNREADABLE CHUNKS', right: true }],
      written.map(({ node, decisions, unreadable }) => [node, count(decisions), count(unreadable)]),
      styleOf(io),
    ),
  );
}

async function compact(io: Io, folder: string, flags: JsonFlag): Promise<void> {
  const say = progressOf(io);
  const compacted = await withTables(async (tables) => {
    let days = 0;
    for (const partition of partitionsOf(folder)) {
      say(`${partition.point} ${partition.day}`);
      if (await compactPartition(tables, partition)) days++;
    }
    return days;
  }, ONE_THREAD);
  endProgress(io);
  show(io, flags, { compacted }, () =>
    compacted === 0
      ? 'nothing to compact: no day has more than one file\n'
      : `${counted(compacted, 'day is one file', 'days are one file each')} now\n`,
  );
}

interface TrimFlags extends JsonFlag {
  readonly data?: string;
  readonly keep: number;
}

async function trim(io: Io, folder: string | undefined, flags: TrimFlags): Promise<void> {
  const beforeMs = dayOf(Date.now() - flags.keep);
  if (folder !== undefined) {
    const first = new Date(beforeMs).toISOString().slice(0, 10);
    const old = partitionsOf(folder).filter(({ day }) => day < first);
    for (const partition of old) rmSync(partition.folder, { recursive: true });
    return show(
      io,
      flags,
      { days: old.length },
      () => `${counted(old.length, 'day', 'days')} before ${first} ${old.length === 1 ? 'is' : 'are'} gone\n`,
    );
  }
  const stores = storesIn(flags.data as string);
  for (const file of stores) {
    const storage = await sqliteStorage({ file });
    try {
      for (const journal of ['decisions', 'outcomes', 'events']) await storage.trim(journal, beforeMs);
    } finally {
      await storage.close();
    }
  }
  show(io, flags, { nodes: stores.map((file) => nodeOf(flags.data as string, file)), beforeMs }, () => {
    return `the stores of ${counted(stores.length, 'node')} begin with ${new Date(beforeMs).toISOString().slice(0, 10)} now\n`;
  });
}

function show(io: Io, flags: JsonFlag, value: unknown, people: () => string): void {
  io.out(flags.json === true ? `${JSON.stringify(value)}\n` : people());
}

/** Midnight before, UTC. */
function dayOf(atMs: number): number {
  return Math.floor(atMs / 86_400_000) * 86_400_000;
}

function age(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('Give a duration, such as 90d.');
  return ms;
}
