import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { GanglionError } from '@ganglion/core';
import type { ArmReport, ModelAnswer, ModelStatus } from '@ganglion/sdk';
import { Command, InvalidArgumentError } from 'commander';
import { type ClientFlags, clientCommand, metric, session } from '../context.ts';
import { count, estimate, number, percent, time, UNKNOWN, whyUnread } from '../format.ts';
import type { Io } from '../io.ts';
import { clean, pairs, type Style, table } from '../style.ts';
import { boundText } from './controls.ts';
import { trainingCommands } from './training.ts';

type Reasoned = ClientFlags & { readonly reason: string };

interface RegisterFlags extends ClientFlags {
  readonly digest?: string;
  readonly parent?: readonly string[];
  readonly metric?: Readonly<Record<string, number>>;
  readonly from?: number;
  readonly to?: number;
  readonly traffic?: number;
  readonly reason?: string;
  /** `--no-upload` */
  readonly upload: boolean;
}

/** `ganglion model …`: versions of models, and which of them serve. */
export function modelCommand(io: Io): Command {
  const model = new Command('model').description(
    'register, list, show, promote, roll back, retire and retrain versions of models',
  );
  model.addCommand(registerCommand(io));
  model.addCommand(
    clientCommand('list', 'all models').action(async (flags: ClientFlags) => {
      const { client, show, style } = session(io, flags);
      const models = await client.models.list();
      show(models, () => modelTable(models, style));
    }),
  );
  model.addCommand(
    clientCommand('show', 'a model’s versions, and how they do')
      .argument('<model>')
      .action(async (name: string, flags: ClientFlags) => {
        const { client, show, style } = session(io, flags);
        const answer = await client.models.get(name);
        show(answer, () => modelText(answer, style));
      }),
  );
  for (const command of [...changeCommands(io), ...trainingCommands(io)]) model.addCommand(command);
  return model;
}

function registerCommand(io: Io): Command {
  return clientCommand(
    'register',
    'register a version: the first of a model is its champion, others challengers',
  )
    .argument('<model>')
    .argument('<version>')
    .argument('[file]', 'the artifact: its digest is taken, and the daemon keeps it')
    .option('--digest <hex>', 'SHA-256 of the artifact, in place of a file')
    .option('--no-upload', 'register the digest of the file, and send nothing else of it')
    .option('--parent <version...>', 'versions it was made from: VERSION, or MODEL@VERSION')
    .option('--metric <name=number>', 'as measured at its validation; may be repeated', metric)
    .option('--from <time>', 'start of the data it was trained on', moment)
    .option('--to <time>', 'end of it', moment)
    .option('--traffic <share>', 'share of the traffic at once, such as 10%', share)
    .option('--reason <text>', 'why, for the audit')
    .action(
      async (model: string, version: string, file: string | undefined, flags: RegisterFlags, command) => {
        if ((file === undefined) === (flags.digest === undefined))
          command.error('error: give the artifact once: a file, or --digest');
        if ((flags.from === undefined) !== (flags.to === undefined))
          command.error('error: give --from and --to, or neither');
        await register(io, model, version, file, flags);
      },
    );
}

async function register(
  io: Io,
  model: string,
  version: string,
  file: string | undefined,
  flags: RegisterFlags,
): Promise<void> {
  const { client, show, style } = session(io, flags);
  const bytes = file === undefined ? undefined : await bytesOf(file);
  const digest = bytes === undefined ? (flags.digest as string) : sha256(bytes);
  // First: a version whose artifact is nowhere would be worse than an artifact that nobody names.
  if (bytes !== undefined && flags.upload) await client.models.putArtifact(digest, bytes);
  const { from, to, parent: parents, metric: metrics, traffic, reason } = flags;
  const given = {
    ...(parents === undefined ? {} : { parents }),
    ...(metrics === undefined ? {} : { metrics }),
    ...(traffic === undefined ? {} : { traffic }),
    ...(reason === undefined ? {} : { reason }),
    ...(from === undefined || to === undefined ? {} : { window: { fromMs: from, toMs: to } }),
  };
  const made = await client.models.register(model, { version, digest, ...given });
  show({ model, version, digest, ...made }, () =>
    pairs(
      [
        [made.changed ? 'registered' : 'as it was', style.bold(`${model}@${version}`)],
        ['digest', digest],
      ],
      style,
    ),
  );
}

function changeCommands(io: Io): readonly Command[] {
  return [
    clientCommand('promote', 'make a version the champion; with --traffic, a challenger with that share')
      .argument('<model>')
      .argument('<version>')
      .option('--traffic <share>', 'such as 10%; 0 for none', share)
      .requiredOption('--reason <text>', 'why, for the audit')
      .action(async (model: string, version: string, flags: Reasoned & { traffic?: number }) => {
        const { client, show } = session(io, flags);
        const { traffic, reason } = flags;
        const made = await client.models.promote(model, version, reason, traffic);
        const what = traffic === undefined ? 'the champion' : `a challenger with ${percent(traffic)}`;
        show({ model, version, ...made }, () => `${model}@${version} is ${what}\n`);
      }),
    clientCommand('rollback', 'the champion before this one again, and a kill of this one: one call')
      .argument('<model>')
      .requiredOption('--reason <text>', 'why, for the audit')
      .action(async (model: string, flags: Reasoned) => {
        const { client, show, style } = session(io, flags);
        const back = await client.models.rollback(model, flags.reason);
        show({ model, ...back }, () =>
          pairs(
            [
              ['champion', style.good(`${model}@${back.to}`)],
              ['killed', style.bad(`artifact:${model}@${back.from}`)],
              ['tag', back.tag],
              ['stopped by', boundText(back)],
            ],
            style,
          ),
        );
      }),
    clientCommand('retire', 'take a challenger out of the traffic')
      .argument('<model>')
      .argument('<version>')
      .requiredOption('--reason <text>', 'why, for the audit')
      .action(async (model: string, version: string, flags: Reasoned) => {
        const { client, show } = session(io, flags);
        const made = await client.models.retire(model, version, flags.reason);
        show({ model, version, ...made }, () => `${model}@${version} is retired\n`);
      }),
  ];
}

async function bytesOf(file: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await readFile(file));
  } catch (cause) {
    throw new GanglionError('invalid_input', `${file} cannot be read${whyUnread(cause)}`, {
      field: 'file',
      value: file,
      mend: 'Give the path of a readable file, or --digest.',
      cause,
    });
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function share(text: string): number {
  const match = /^(\d{1,3}(?:\.\d{1,6})?)(%?)$/.exec(text);
  const value = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError('Give a share, such as 10% or 0.1.');
  return value;
}

function moment(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (!(ms >= 0))
    throw new InvalidArgumentError('Give a time such as 2026-03-01T00:00Z, or ms since the epoch.');
  return ms;
}

function modelTable(models: readonly ModelStatus[], style: Style): string {
  if (models.length === 0)
    return 'no models; register one with: ganglion model register MODEL VERSION FILE\n';
  return table(
    [
      { head: 'MODEL' },
      { head: 'CHAMPION' },
      { head: 'CHALLENGERS' },
      { head: 'VERSIONS', right: true },
      { head: 'POINTS' },
    ],
    models.map(({ model, champion, versions, points }) => [
      style.bold(model),
      champion,
      versions
        .filter(({ stage }) => stage === 'challenger')
        .map(({ version, traffic }) => `${version} ${percent(traffic)}`)
        .join(', '),
      String(versions.length),
      points.length === 0 ? UNKNOWN : points.join(' '),
    ]),
    style,
  );
}

function modelText(answer: ModelAnswer, style: Style): string {
  const versions = table(
    [
      { head: 'VERSION' },
      { head: 'STAGE' },
      { head: 'TRAFFIC', right: true },
      { head: 'DIGEST' },
      { head: 'PARENTS' },
      { head: 'METRICS' },
      { head: 'REGISTERED' },
      { head: 'WHY' },
    ],
    answer.versions.map((each) => [
      each.version,
      each.stopped ? style.bad(`${each.stage}, killed`) : stageText(each.stage, style),
      each.stage === 'challenger' ? percent(each.traffic) : '',
      each.digest.slice(0, 12),
      each.parents.map(clean).join(' '),
      Object.entries(each.metrics)
        .map(([name, value]) => `${clean(name)}=${number(value)}`)
        .join(' '),
      `${time(each.atMs)} by ${clean(each.by)}`,
      clean(each.reason),
    ]),
    style,
  );
  const reports = answer.reports.map(
    ({ point, arms }) => `${style.bold(point)}\n${versionTable(arms, style)}`,
  );
  return [versions, ...reports].join('\n');
}

const stageText = (stage: string, style: Style): string =>
  stage === 'champion' ? style.good(stage) : stage === 'retired' ? style.dim(stage) : stage;

/** Arms that are artifacts: decisions, reward and latency by version; nothing of the others. */
export function versionTable(arms: readonly ArmReport[], style: Style): string {
  return table(
    [
      { head: 'VERSION' },
      { head: 'SHARE', right: true },
      { head: 'DECISIONS', right: true },
      { head: 'REWARD (95 %)' },
      { head: 'LATENCY' },
      { head: 'P50', right: true },
      { head: 'P95', right: true },
      { head: 'P99', right: true },
    ],
    arms.flatMap(({ artifact, share, decisions, reward, latency }) => {
      if (artifact === undefined) return [];
      const { p50, p95, p99 } = latency?.quantiles ?? { p50: null, p95: null, p99: null };
      return [
        [
          `${artifact.model}@${artifact.version}${artifact.stopped ? style.bad(' (killed)') : ''}`,
          percent(share),
          count(decisions),
          estimate(reward),
          latency === undefined ? UNKNOWN : clean(latency.metric),
          number(p50),
          number(p95),
          number(p99),
        ],
      ];
    }),
    style,
  );
}
