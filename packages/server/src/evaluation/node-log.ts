import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Column } from '@ganglion/adapters/parquet';
import { copySqlite, sqliteStorage } from '@ganglion/adapters/sqlite';
import { DEFAULT_LIMITS, GanglionError, type LoggedDecision, readLog } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import type { DecisionLog } from './decision-log.ts';

export interface NodeLogOptions {
  readonly point?: string | undefined;
  readonly sinceMs?: number | undefined;
  /** Only the newest so many of each node. */
  readonly most?: number | undefined;
  /** Only stores of these nodes; default: of all. */
  readonly nodes?: readonly string[] | undefined;
  /** Where the copies are made; default: a folder of its own, which goes when it has been read. */
  readonly folder?: string | undefined;
  readonly onDecisions?: ((count: number) => void) | undefined;
}

/** What one node has decided. */
export interface NodeDecisions {
  readonly node: string;
  readonly decisions: readonly LoggedDecision[];
  /** Chunks from before their declarations were kept in the log. */
  readonly unreadable: number;
  /** Older decisions that `most` left out. */
  readonly older: number;
}

/**
 * The decisions of every node that keeps its data in a folder, whether the nodes run or not: each store is copied first,
 * so that none is disturbed. A decision is in the store of the node that made it, and in no other.
 *
 * @throws GanglionError `invalid_input` where there is no store, and what a damaged store throws
 */
export async function readNodeLogs(data: string, options: NodeLogOptions = {}): Promise<NodeDecisions[]> {
  const stores = storesIn(data).filter((file) => options.nodes?.includes(nodeOf(data, file)) ?? true);
  const folder = options.folder ?? mkdtempSync(path.join(tmpdir(), 'ganglion-log-'));
  try {
    const logs: NodeDecisions[] = [];
    for (const file of stores) {
      const storage = await sqliteStorage({ file: await copySqlite(file, folder) });
      try {
        const read = await readLog(storage, standard, DEFAULT_LIMITS, options);
        logs.push({ node: nodeOf(data, file), ...read });
      } finally {
        await storage.close();
      }
    }
    return logs;
  } finally {
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** What a store's node is called: its file below the folder, for two folders may each have a node of one name. */
export function nodeOf(data: string, file: string): string {
  return path.relative(data, file).replace(/\.db$/, '').replaceAll(path.sep, '-');
}

/** The stores in a folder and below it. @throws GanglionError `invalid_input` */
export function storesIn(data: string): string[] {
  const files =
    existsSync(data) && statSync(data).isDirectory()
      ? readdirSync(data, { recursive: true, encoding: 'utf8' })
          .filter((name) => name.endsWith('.db'))
          .sort()
          .map((name) => path.join(data, name))
      : [];
  if (files.length === 0)
    throw new GanglionError('invalid_input', `${data} holds no node’s data`, {
      field: '--data',
      value: data,
      mend: 'Give, with --data, the folder that up or node was started with; npm start and ganglion up keep theirs in ~/.ganglion/up.',
    });
  return files;
}

/** Below 1 by more than the rounding of a sum of shares, which older logs have. */
const isDrawn = ({ propensity }: LoggedDecision): boolean => propensity !== null && propensity < 1 - 1e-6;

/** So many decisions, all of them sure, are no accident of the contexts that came. */
const FEWEST_SURE = 20;

/**
 * Which decisions their stratum gave one arm (a variant that pins one, the holdout on a fixed baseline): given the stratum
 * their propensity is 1, so there was no chance of an arm that another policy would have chosen. Strata are hashes of
 * units, so what is left without them is a fair sample of the rest; but only if a stratum goes or stays as a whole. A
 * policy that learns is sure in some contexts, and without these its log would tell of the others alone.
 *
 * A stratum may mean something else under another declaration: each is judged by itself, or with the others where it has
 * decided too little to tell.
 */
function pinnedBy(decisions: readonly LoggedDecision[]): (decision: LoggedDecision) => boolean {
  const declared = ({ stratum, specVersion }: LoggedDecision): string => `${specVersion}\n${stratum}`;
  const mixed = new Set<string>();
  const counts = new Map<string, number>();
  for (const decision of decisions) {
    const key = declared(decision);
    counts.set(key, (counts.get(key) ?? 0) + 1);
    if (isDrawn(decision)) mixed.add(key).add(decision.stratum);
  }
  return (decision) => {
    const key = declared(decision);
    const few = (counts.get(key) ?? 0) < FEWEST_SURE;
    return decision.stratum !== '' && !mixed.has(few ? decision.stratum : key);
  };
}

/**
 * One order of the same decisions, wherever they were read from: folds and resamples go by the row. By the millisecond, for
 * exported files keep no less.
 */
export function byTimeAndId(a: LoggedDecision, b: LoggedDecision): number {
  return Math.floor(a.atMs) - Math.floor(b.atMs) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/**
 * A point's decisions as a log to evaluate on. Left out, and counted: those without an outcome, those that no chance
 * decided (kills, overrides, repeats of a sticky unit), and those of strata that leave one arm (a variant of an
 * experiment that pins one, the holdout on a fixed baseline).
 *
 * @throws GanglionError `unknown_point`; `invalid_input` where several points are there and none is named
 */
export function pointLog(
  decisions: readonly LoggedDecision[],
  point: string | undefined,
  name: string,
): DecisionLog {
  const points = [...new Set(decisions.map((decision) => decision.point))].sort();
  if (point === undefined && points.length > 1)
    throw new GanglionError('invalid_input', 'The log holds several points', {
      field: '--point',
      value: points,
      mend: 'Name one with --point.',
    });
  const mine = decisions
    .filter((decision) => point === undefined || decision.point === point)
    .sort(byTimeAndId);
  if (mine.length === 0)
    throw new GanglionError('unknown_point', `${name} holds no decision of ${point ?? 'any point'}`, {
      field: '--point',
      value: point,
      mend: points.length === 0 ? 'Give another log.' : `There are: ${points.join(', ')}.`,
    });
  const trained = mine.filter(({ trains, arm }) => trains && arm !== null);
  const isPinned = pinnedBy(trained);
  const drawn = trained.filter((decision) => !isPinned(decision));
  const settled = drawn.filter(({ reward }) => reward !== null);
  const arms = [...new Set(mine.toReversed().flatMap((decision) => decision.arms))];
  const index = new Map(arms.map((arm, i) => [arm, i]));
  return {
    name: `${name}, ${mine[0].point}`,
    rows: settled.length,
    arms,
    arm: Int32Array.from(settled, ({ arm }) => index.get(arm as string) as number),
    propensity: Float64Array.from(settled, ({ propensity }) => propensity ?? Number.NaN),
    reward: Float64Array.from(settled, ({ reward }) => reward as number),
    // A range that was declared otherwise meanwhile must not refuse what was right before.
    range: mine.reduce(
      ([low, high], { range }) => [Math.min(low, range[0]), Math.max(high, range[1])],
      mine[0].range,
    ),
    atMs: Float64Array.from(settled, ({ atMs }) => atMs),
    context: contextColumns(settled),
    available: undefined,
    skipped: counted({
      'not drawn by chance': mine.length - trained.length,
      'pinned by their stratum': trained.length - drawn.length,
      'no outcome': drawn.length - settled.length,
    }),
  };
}

function counted(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0));
}

function contextColumns(decisions: readonly LoggedDecision[]): Map<string, Column> {
  const names = new Set(decisions.flatMap(({ context }) => Object.keys(context)));
  return new Map(
    [...names].map((name): [string, Column] => {
      const values = decisions.map(({ context }) => context[name]);
      return values.some((value) => typeof value === 'string')
        ? [name, values.map((value) => (value === undefined ? null : String(value)))]
        : [name, Float64Array.from(values, (value) => (value === undefined ? Number.NaN : Number(value)))];
    }),
  );
}
