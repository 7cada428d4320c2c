import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { GanglionError } from '@ganglion/core';
import { ESTIMATORS, type EstimatorName, REFUSAL_RULE } from '@ganglion/core/ope';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parse } from 'yaml';
import { type DecisionLog, withRange } from '../../evaluation/decision-log.ts';
import type { EvaluateLogOptions } from '../../evaluation/evaluate-log.ts';
import { pointLog, readNodeLogs } from '../../evaluation/node-log.ts';
import { LOG_FORMATS, type LogFormat, openLog } from '../../evaluation/open-log.ts';
import { counted } from '../format.ts';
import type { Io } from '../io.ts';
import { endProgress, progressOf } from '../progress.ts';

export { endProgress, progressOf };

/** What `evaluate` and `replay` have in common. */
export interface EvaluationFlags {
  readonly point?: string;
  readonly policy?: string;
  readonly log?: string;
  readonly data?: string;
  readonly format: LogFormat;
  readonly range?: readonly [number, number];
  readonly map?: Readonly<Record<string, string>>;
  readonly estimators?: readonly EstimatorName[];
  readonly level: number;
  readonly interval: 'bca' | 'percentile' | 'normal' | 'empirical-bernstein';
  readonly resamples: number;
  readonly seed: number;
  readonly folds: number;
  readonly clip?: number;
  readonly minEffective: number;
  readonly json?: boolean;
}

/** A command over a log. */
export function commandOverLog(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument('[path]', 'the log: a file, or a folder of the Open Bandit Dataset')
    .optionsGroup('The log:')
    .option('--log <path>', 'the same, as an option')
    .option(
      '--data <dir>',
      'the log of the nodes that keep their data there, whether they run or not (with --point alone: ~/.ganglion)',
    )
    .option('--point <name>', 'with --data or --format ganglion: whose decisions')
    .addOption(new Option('--format <format>', 'what the log is').choices(LOG_FORMATS).default('csv'))
    .option(
      '--map <name=column>',
      'csv: which column is arm, reward, propensity, at, outcomeAt or context',
      mapped,
    )
    .option(
      '--range <low,high>',
      'range of a reward; one outside is refused (default: as far as they go, at least 0,1)',
      range,
    )
    .optionsGroup('The candidate:')
    .option('--policy <file>', 'the candidate, in YAML or JSON: "policy: { kind: … }", or a whole point')
    .option('--folds <n>', 'folds of the reward model, and of a policy that learns', whole(2, 20), 5)
    .option('--seed <n>', 'the same seed, the same answer', whole(0, 2 ** 31 - 1), 1)
    .optionsGroup('The estimates:')
    .option('--estimators <names>', `of ${Object.keys(ESTIMATORS).join(', ')} (default: all)`, estimators)
    .option('--level <share>', 'share of intervals that hold the truth', between(0.5, 0.9999), 0.95)
    .addOption(
      new Option('--interval <kind>', 'how intervals are made')
        .choices(['bca', 'percentile', 'normal', 'empirical-bernstein'])
        .default('bca'),
    )
    .option('--resamples <n>', 'resamples of the bootstrap', whole(100, 100_000), 1000)
    .option('--clip <weight>', 'count larger weights as this; the mass it takes is shown', between(0, 1e12))
    .option(
      '--min-effective <n>',
      'refuse below this many effective decisions',
      between(1, 1e12),
      REFUSAL_RULE.minEffective,
    )
    .optionsGroup('Output:')
    .option('--json', 'print the result as JSON');
}

/** The log that is asked for. */
export async function logOf(
  path: string | undefined,
  flags: EvaluationFlags,
  command: Command,
  say: (what: string) => void,
): Promise<DecisionLog> {
  const log = await opened(path, flags, command, say);
  return flags.range === undefined ? log : withRange(log, flags.range);
}

async function opened(
  path: string | undefined,
  flags: EvaluationFlags,
  command: Command,
  say: (what: string) => void,
): Promise<DecisionLog> {
  const data = dataOf(path, flags);
  const given = [path, flags.log, data].filter((each) => each !== undefined);
  if (given.length > 1) command.error('error: give the log once: a path, --log or --data');
  if (given.length === 0) command.error('error: give a log: a path, --log or --data');
  const told = (rows: number): void => say(`${counted(rows, 'decision')} read`);
  if (data === undefined)
    return await openLog(
      { path: given[0], format: flags.format, map: flags.map ?? {}, point: flags.point },
      told,
    );
  const logs = await readNodeLogs(data, { point: flags.point, onDecisions: told });
  const decisions = logs.flatMap((log) => log.decisions);
  return pointLog(decisions, flags.point, given[0]);
}

/** Where nodes keep their data, where their log is what is asked for. */
function dataOf(path: string | undefined, flags: EvaluationFlags): string | undefined {
  const usual = path === undefined && flags.log === undefined && flags.point !== undefined;
  return flags.data ?? (usual ? join(homedir(), '.ganglion') : undefined);
}

/** Where the log stands, for what is published beside it. */
export function placeOf(path: string | undefined, flags: EvaluationFlags): string {
  return path ?? flags.log ?? dataOf(path, flags) ?? '';
}

export function optionsOf(
  io: Io,
  flags: EvaluationFlags,
): EvaluateLogOptions & { readonly say: (what: string) => void } {
  return {
    estimators: flags.estimators,
    level: flags.level,
    interval: flags.interval,
    resamples: flags.resamples,
    seed: flags.seed,
    folds: flags.folds,
    clip: flags.clip,
    rule: { minEffective: flags.minEffective },
    say: progressOf(io),
  };
}

/** A declaration from a file, YAML or JSON. @throws GanglionError `invalid_input` */
export async function declarationOf(io: Io, file: string): Promise<unknown> {
  try {
    return parse(file === '-' ? await io.stdin() : await readFile(file, 'utf8'), { maxAliasCount: 100 });
  } catch (cause) {
    throw new GanglionError('invalid_input', `${file}: ${(cause as Error).message.split('\n')[0]}`, {
      field: '--policy',
      value: file,
      mend: 'Give a readable file in YAML or JSON, or - for standard input.',
      cause,
    });
  }
}

function mapped(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1 || equals === text.length - 1) throw new InvalidArgumentError('Give it as NAME=COLUMN.');
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}

function estimators(text: string): EstimatorName[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !Object.hasOwn(ESTIMATORS, name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`There are: ${Object.keys(ESTIMATORS).join(', ')}.`);
  return names as EstimatorName[];
}

function range(text: string): [number, number] {
  const [low, high, more] = text.split(',').map(Number);
  if (!(low < high) || more !== undefined)
    throw new InvalidArgumentError('Give it as LOW,HIGH, such as -1,1.');
  return [low, high];
}

export function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(Number.isInteger(value) && value >= min && value <= max))
      throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
    return value;
  };
}

function between(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= min && value <= max))
      throw new InvalidArgumentError(`Give a number from ${min} to ${max}.`);
    return value;
  };
}
