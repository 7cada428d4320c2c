import { readFileSync, statSync } from 'node:fs';
import { GanglionError, options as read } from '@ganglion/core';
import type { TrainingStatus } from '@ganglion/sdk';
import { writeDurably } from '../host/durable-file.ts';

export type LastRun = NonNullable<TrainingStatus['last']>;

/** A run that somebody asked for and that has not begun. */
export interface AskedRun {
  readonly startMs: number;
  readonly why: string;
  /** Who asked. */
  readonly by: string;
}

/** A run that has begun. */
export interface BegunRun {
  readonly atMs: number;
  readonly why: string;
  readonly by: string;
}

/** What a trainer must know of a model after a restart, so that it repeats no window and forgets none. */
export interface ModelRecord {
  /** When the newest window ends that has had its run, or was left out; ms since the epoch. */
  readonly settledMs: number;
  readonly missed: number;
  readonly asked: AskedRun | null;
  /** Still there after a restart: the process ended in the midst of it. */
  readonly running: BegunRun | null;
  readonly last: LastRun | null;
}

/** Where a trainer keeps what it must know after a restart. */
export interface StateFile {
  /** By model; empty where nothing was ever kept. @throws GanglionError `storage_corrupt` */
  load(): ReadonlyMap<string, ModelRecord>;
  /** Resolves once it would survive a power cut. In the order of the calls. @throws GanglionError `storage_failed` */
  save(models: ReadonlyMap<string, ModelRecord>): Promise<void>;
}

/** A run as it is kept: what is longer, or no number, than a file of these may hold would make it unreadable. */
export function kept(run: LastRun): LastRun {
  const { verdict } = run;
  const finite = (value: number | null): number | null => (Number.isFinite(value) ? value : null);
  const apart = verdict?.difference ?? null;
  return {
    ...run,
    asked: clip(run.asked),
    by: clip(run.by),
    why: clip(run.why),
    verdict: verdict && {
      ...verdict,
      why: clip(verdict.why),
      candidate: finite(verdict.candidate),
      champion: finite(verdict.champion),
      difference: apart !== null && Object.values(apart).every(Number.isFinite) ? apart : null,
    },
  };
}

/** A text that is as long as any may be that is kept. */
export const clip = (text: string): string => text.slice(0, TEXT);

const VERSION = 1;
const FILE_BYTES = 16 << 20;
const MODELS = 1000;
const TEXT = 2000;
/** The last instant that a date can say, ms. */
const LAST_MS = 8.64e15;

/** What a trainer knows, as a file of JSON with its version in it: `DIR/NAME.training.json`. */
export function stateFile(file: string): StateFile {
  let writing: Promise<void> = Promise.resolve();
  return {
    load() {
      const found = statSync(file, { throwIfNoEntry: false });
      if (found === undefined) return new Map();
      try {
        if (found.size > FILE_BYTES) throw new Error(`it has ${found.size} bytes, too many`);
        return recordsOf(JSON.parse(readFileSync(file, 'utf8')));
      } catch (cause) {
        throw new GanglionError(
          'storage_corrupt',
          `${file} is not what this version keeps of training: ${(cause as Error).message}`,
          {
            field: '--training',
            value: file,
            mend: 'Restore it from a backup, or move it away: windows begin anew then, and who was trained last is in the audit alone.',
            cause,
          },
        );
      }
    },
    save(models) {
      const bytes = Buffer.from(JSON.stringify({ version: VERSION, models: Object.fromEntries(models) }));
      const write = async (): Promise<void> => {
        try {
          await writeDurably(file, bytes, `${file}.part`);
        } catch (cause) {
          const why = (cause as Error).message;
          throw new GanglionError('storage_failed', `the state of training did not reach the disk: ${why}`, {
            cause,
          });
        }
      };
      const mine = writing.then(write);
      // One that fails must not hold up the next.
      writing = mine.catch(() => {});
      return mine;
    },
  };
}

/** @throws GanglionError `invalid_spec` naming what is wrong */
function recordsOf(value: unknown): Map<string, ModelRecord> {
  const top = read.object(value, 'state');
  read.onlyKeys(top, ['version', 'models'], '');
  if (top.version !== VERSION)
    read.refuse(
      '',
      'version',
      top.version,
      `must be ${VERSION}`,
      'Use the version of Ganglion that wrote it.',
    );
  const models = Object.entries(read.object(top.models, 'models'));
  if (models.length > MODELS)
    read.refuse('', 'models', models.length, `must be at most ${MODELS}`, 'Leave some out.');
  return new Map(models.map(([name, record]) => [name, recordOf(record, `models.${name.slice(0, 128)}`)]));
}

function recordOf(value: unknown, at: string): ModelRecord {
  const record = read.object(value, at);
  read.onlyKeys(record, ['settledMs', 'missed', 'asked', 'running', 'last'], at);
  return {
    settledMs: time(record, 'settledMs', at),
    missed: read.number(record, 'missed', { min: 0, max: 1e12, integer: true }, at),
    asked: orNull(record.asked, `${at}.asked`, (asked, path) => {
      read.onlyKeys(asked, ['startMs', 'why', 'by'], path);
      return { startMs: time(asked, 'startMs', path), ...whose(asked, path) };
    }),
    running: orNull(record.running, `${at}.running`, (running, path) => {
      read.onlyKeys(running, ['atMs', 'why', 'by'], path);
      return { atMs: time(running, 'atMs', path), ...whose(running, path) };
    }),
    last: orNull(record.last, `${at}.last`, lastOf),
  };
}

const OUTCOMES = ['promoted', 'rejected', 'first', 'unchanged', 'failed', 'interrupted'] as const;

function lastOf(last: read.Options, at: string): LastRun {
  read.onlyKeys(last, ['atMs', 'endedMs', 'asked', 'by', 'outcome', 'version', 'why', 'verdict'], at);
  return {
    atMs: time(last, 'atMs', at),
    endedMs: time(last, 'endedMs', at),
    asked: line(last, 'asked', at),
    by: line(last, 'by', at),
    outcome: read.choice(last, 'outcome', OUTCOMES, undefined, at),
    version: last.version === null ? null : line(last, 'version', at),
    why: line(last, 'why', at),
    verdict: orNull(last.verdict, `${at}.verdict`, verdictOf),
  };
}

function verdictOf(verdict: read.Options, at: string): NonNullable<LastRun['verdict']> {
  read.onlyKeys(verdict, ['passed', 'why', 'decisions', 'candidate', 'champion', 'difference'], at);
  const value = (key: string): number | null =>
    verdict[key] === null ? null : read.number(verdict, key, {}, at);
  return {
    passed: read.flag(verdict, 'passed', false, at),
    why: line(verdict, 'why', at),
    decisions: read.number(verdict, 'decisions', { min: 0, integer: true }, at),
    candidate: value('candidate'),
    champion: value('champion'),
    difference: orNull(verdict.difference, `${at}.difference`, (difference, path) => {
      read.onlyKeys(difference, ['value', 'low', 'high'], path);
      const of = (key: string): number => read.number(difference, key, {}, path);
      return { value: of('value'), low: of('low'), high: of('high') };
    }),
  };
}

const whose = (record: read.Options, at: string): { readonly why: string; readonly by: string } => ({
  why: line(record, 'why', at),
  by: line(record, 'by', at),
});

const time = (record: read.Options, key: string, at: string): number =>
  read.number(record, key, { min: 0, max: LAST_MS }, at);

function line(record: read.Options, key: string, at: string): string {
  const value = record[key];
  if (typeof value !== 'string' || value.length > TEXT)
    read.refuse(at, key, value, 'must be a text', `Give at most ${TEXT} characters.`);
  return value as string;
}

function orNull<T>(value: unknown, at: string, of: (record: read.Options, at: string) => T): T | null {
  return value === null ? null : of(read.object(value, at), at);
}
