import { withTables } from '@ganglion/adapters/parquet';
import { compilePoint, DEFAULT_LIMITS, type EntityView, GanglionError } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type Joined, joinAsOf } from '../../features/as-of.ts';
import { loadDecisions } from '../../features/decisions.ts';
import { loadEvents, readNodeEvents, writeEvents } from '../../features/event-file.ts';
import { recompute } from '../../features/recompute.ts';
import { refuseFrozenLeaks, writeTraining } from '../../features/training.ts';
import { type ClientFlags, clientCommand, session } from '../context.ts';
import { count, duration, number, parseDuration, percent, UNKNOWN } from '../format.ts';
import type { Io } from '../io.ts';
import { clean, pairs, type Style, styleOf, table } from '../style.ts';
import { declarationOf, endProgress, progressOf } from './evaluation-options.ts';

/** `ganglion features …`: look at them, export their events, make training sets of them. */
export function featuresCommand(io: Io): Command {
  const features = new Command('features').description(
    'features of entities: look at them, export their events, join them to decisions',
  );
  features.addCommand(
    clientCommand('get', 'what a node knows of an entity now')
      .argument('<entity>', 'KIND:KEY, such as user:ann')
      .option('--domain <name>', 'whose features', 'default')
      .action(async (entity: string, flags: ClientFlags & { readonly domain: string }) => {
        const { client, show, style } = session(io, flags);
        const view = await client.features(flags.domain, entity);
        show(view, () => viewText(view, style));
      }),
  );
  features.addCommand(
    new Command('export')
      .description(
        'write the events of the nodes that keep their data in a folder to a file, with both times',
      )
      .requiredOption('--data <dir>', 'where the nodes keep their data; they may run')
      .requiredOption('--out <file>', 'a .parquet, .csv or .ndjson file')
      .option('--since <age>', 'what was ingested since, such as 7d', age)
      .option('--json', 'print the result as JSON')
      .action((flags: ExportFlags) => exportEvents(io, flags)),
  );
  features.addCommand(joinCommand(io));
  return features;
}

function joinCommand(io: Io): Command {
  return new Command('join')
    .description(
      'a training set: decisions with features as of their time; refuses a value that was not known yet',
    )
    .requiredOption(
      '--decisions <path>',
      'a folder that log export wrote, or a .parquet, .csv or .ndjson file',
    )
    .option('--values <file>', 'features of anybody’s: entity, feature, value, event_at, known_at')
    .option(
      '--events <path>',
      'events that features export wrote, or the nodes’ data: computed anew, with --point',
    )
    .option('--point <file>', 'the declaration whose features to compute of events, YAML or JSON')
    .requiredOption('--out <file>', 'a .parquet, .csv or .ndjson file')
    .option('--key <column>', 'whom a decision is about: a column, or context.NAME', 'unit')
    .option('--at <column>', 'when it was decided', 'at')
    .option('--event-at <column>', 'when a value’s events had happened', 'event_at')
    .option('--known-at <column>', 'when a value was there to be used', 'known_at')
    .addOption(
      new Option('--late <how>', 'a value stamped before a decision and known after it')
        .choices(['refuse', 'drop'])
        .default('refuse'),
    )
    .option('--json', 'print the result as JSON')
    .action(async (flags: JoinFlags, command: Command) => {
      if ((flags.values === undefined) === (flags.events === undefined))
        command.error('error: give --values, or --events');
      if ((flags.events === undefined) !== (flags.point === undefined))
        command.error('error: --events and --point go together');
      await join(io, flags);
    });
}

interface ExportFlags {
  readonly data: string;
  readonly out: string;
  readonly since?: number;
  readonly json?: boolean;
}

interface JoinFlags {
  readonly decisions: string;
  readonly values?: string;
  readonly events?: string;
  readonly point?: string;
  readonly out: string;
  readonly key: string;
  readonly at: string;
  readonly eventAt: string;
  readonly knownAt: string;
  readonly late: 'refuse' | 'drop';
  readonly json?: boolean;
}

async function exportEvents(io: Io, flags: ExportFlags): Promise<void> {
  const say = progressOf(io);
  say('reading');
  const nodes = await readNodeEvents(
    flags.data,
    flags.since === undefined ? Number.NEGATIVE_INFINITY : Date.now() - flags.since,
  );
  say('writing');
  await withTables((tables) => writeEvents(tables, flags.out, nodes));
  endProgress(io);
  const written = nodes.map(({ node, events }) => ({ node, events: events.length }));
  show(io, flags, written, () =>
    table(
      [{ head: 'NODE' }, { head: 'EVENTS', right: true }],
      written.map(({ node, events }) => [node, count(events)]),
      styleOf(io),
    ),
  );
}

async function join(io: Io, flags: JoinFlags): Promise<void> {
  const say = progressOf(io);
  const done = await withTables(async (tables): Promise<JoinResult> => {
    say('reading decisions');
    const point = flags.point === undefined ? undefined : await pointOf(io, flags.point);
    await loadDecisions(tables, flags.decisions, { key: flags.key, at: flags.at, point: point?.name });
    const checked = await refuseFrozenLeaks(tables);
    say('joining');
    const joined =
      point === undefined
        ? await joinAsOf(
            tables,
            flags.values as string,
            { eventAt: flags.eventAt, knownAt: flags.knownAt },
            flags.late,
          )
        : await recompute(tables, point, await loadEvents(tables, flags.events as string));
    say('writing');
    await writeTraining(
      tables,
      joined.features.map(({ feature }) => feature),
      flags.out,
    );
    return { ...joined, checked };
  });
  endProgress(io);
  show(io, flags, done, () => joinText(done, styleOf(io)));
}

interface JoinResult extends Joined {
  /** Frozen features whose times were looked at. */
  readonly checked: number;
  readonly frozen?: number;
  readonly agreed?: number;
}

async function pointOf(io: Io, file: string) {
  const point = compilePoint(await declarationOf(io, file), standard, DEFAULT_LIMITS);
  if (point.fields.every(({ feature }) => feature === undefined))
    throw new GanglionError('invalid_input', `no field of ${point.name} shows a feature`, {
      field: '--point',
      value: file,
      mend: 'Give the declaration of a point whose context has fields with `feature`.',
    });
  return point;
}

function joinText({ decisions, features, checked, frozen, agreed }: JoinResult, style: Style): string {
  const rows = features.map(({ feature, found, missing, late }) => [
    feature,
    count(found),
    count(missing),
    count(late),
  ]);
  const head = [
    { head: 'FEATURE' },
    { head: 'FOUND', right: true },
    { head: 'MISSING', right: true },
    { head: 'LATE', right: true },
  ];
  const said: [string, string][] = [['decisions', count(decisions)]];
  if (checked > 0) said.push(['frozen features, all known before their decision', count(checked)]);
  if (frozen !== undefined) said.push(['of these, what the events give as well', count(agreed ?? 0)]);
  return `${pairs(said, style)}\n${table(head, rows, style)}`;
}

function viewText({ node, known, atMs, features }: EntityView, style: Style): string {
  const ago = (ms: number | null): string => (ms === null ? UNKNOWN : `${duration(atMs - ms)} ago`);
  const rows = features.map(({ feature, value, eventAtMs, knownAtMs, error }) => [
    feature,
    value === null
      ? UNKNOWN
      : typeof value === 'string'
        ? clean(value)
        : `${number(value)}${error === undefined || error === 0 ? '' : ` ± ${percent(error)}`}`,
    ago(eventAtMs),
    ago(knownAtMs),
  ]);
  const head = [
    { head: 'FEATURE' },
    { head: 'VALUE', right: true },
    { head: 'LAST EVENT' },
    { head: 'KNOWN' },
  ];
  return `${known ? '' : `${style.warn(`${node} knows nothing of this one`)}: decisions show defaults\n`}${table(head, rows, style)}`;
}

function show(io: Io, flags: { readonly json?: boolean }, value: unknown, people: () => string): void {
  io.out(flags.json === true ? `${JSON.stringify(value)}\n` : people());
}

function age(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('Give a duration, such as 7d.');
  return ms;
}
