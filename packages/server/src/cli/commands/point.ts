import { readFile } from 'node:fs/promises';
import { declaredArms, GanglionError, modelOf, type PointSpec } from '@ganglion/core';
import type { ApplyAnswer, PointEntry } from '@ganglion/sdk';
import { Command, InvalidArgumentError } from 'commander';
import { parseAllDocuments, stringify } from 'yaml';
import { type ClientFlags, clientCommand, session } from '../context.ts';
import { whyUnread } from '../format.ts';
import type { Io } from '../io.ts';
import { clean, type Style, table } from '../style.ts';

/** `ganglion point …`: declare, list, show, delete, reset decision points. */
export function pointCommand(io: Io): Command {
  const point = new Command('point').description(
    'declare, list, show, weigh, delete, reset and thaw decision points',
  );
  const commands = [
    applyCommand,
    listCommand,
    getCommand,
    deleteCommand,
    resetCommand,
    thawCommand,
    weighCommand,
  ];
  for (const command of commands) point.addCommand(command(io));
  return point;
}

function applyCommand(io: Io): Command {
  return clientCommand('apply', 'declare or replace points, from YAML or JSON')
    .argument(
      '<file...>',
      'files with declarations; a YAML file may hold several, apart by ---; - is standard input',
    )
    .action((files: string[], flags: ClientFlags) => apply(io, files, flags));
}

function listCommand(io: Io): Command {
  return clientCommand('list', 'all points').action(async (flags: ClientFlags) => {
    const { client, show, style } = session(io, flags);
    const entries = await client.points.list();
    show(entries, () => pointTable(entries, style));
  });
}

function getCommand(io: Io): Command {
  return clientCommand('get', 'a point’s declaration')
    .argument('<point>')
    .action(async (name: string, flags: ClientFlags) => {
      const { client, show } = session(io, flags);
      const entry = await client.points.get(name);
      show(entry, () => `# version ${entry.version}\n${stringify(entry.spec)}`);
    });
}

function deleteCommand(io: Io): Command {
  return clientCommand('delete', 'delete a point and what it learned')
    .argument('<point>')
    .option('--reason <text>', 'why, for the audit')
    .action(async (name: string, flags: ClientFlags & { reason?: string }) => {
      const { client, show } = session(io, flags);
      await client.points.remove(name, flags.reason);
      show({ point: name, deleted: true }, () => `${name} is deleted\n`);
    });
}

function resetCommand(io: Io): Command {
  return clientCommand('reset', 'forget what a point has learned, everywhere')
    .argument('<point>')
    .requiredOption('--reason <text>', 'why, for the audit')
    .action(async (name: string, flags: ClientFlags & { reason: string }) => {
      const { client, show } = session(io, flags);
      await client.reset(name, flags.reason);
      show({ point: name, reset: true }, () => `${name} has forgotten what it learned\n`);
    });
}

function thawCommand(io: Io): Command {
  return clientCommand('thaw', 'let frozen learners of a point learn again')
    .argument('<point>')
    .requiredOption('--reason <text>', 'why, for the audit')
    .action(async (name: string, flags: ClientFlags & { reason: string }) => {
      const { client, show } = session(io, flags);
      await client.thaw(name, flags.reason);
      show({ point: name, thawed: true }, () => `${name} learns again\n`);
    });
}

function weighCommand(io: Io): Command {
  return clientCommand('weigh', 'set weights of a point’s objective; the others stay')
    .argument('<point>')
    .argument('<metric=weight...>', 'such as click=1 complaint=-5')
    .requiredOption('--reason <text>', 'why, for the audit')
    .action(async (name: string, given: string[], flags: ClientFlags & { reason: string }) => {
      const { client, show } = session(io, flags);
      const answer = await client.reweigh(name, weightsOf(given), flags.reason);
      show(
        answer,
        () => `${name} is version ${answer.version}${answer.forgets ? ', and learns anew' : ''}\n`,
      );
    });
}

function weightsOf(given: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    given.map((each) => {
      const match = /^([^=]+)=(-?[\d.]+(?:e-?\d+)?)$/.exec(each);
      if (match === null || !Number.isFinite(Number(match[2])))
        throw new InvalidArgumentError(`${each} is not metric=weight, such as click=1.`);
      return [match[1], Number(match[2])];
    }),
  );
}

/** All files are read before anything is declared: a typing error in the last leaves the first undeclared too. */
async function apply(io: Io, files: readonly string[], flags: ClientFlags): Promise<void> {
  const { client, show, style } = session(io, flags);
  const specs: PointSpec[] = [];
  for (const file of files) specs.push(...declarations(file, await textOf(io, file)));
  const applied: ApplyAnswer[] = [];
  for (const spec of specs) applied.push(await client.points.apply(spec));
  show(applied, () =>
    table(
      [{ head: 'POINT' }, { head: 'VERSION', right: true }, { head: '' }],
      applied.map(({ point, version, changed }) => [
        point,
        String(version),
        changed ? style.good('declared') : style.dim('as it was'),
      ]),
      style,
    ),
  );
}

async function textOf(io: Io, file: string): Promise<string> {
  if (file === '-') return io.stdin();
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new GanglionError('invalid_input', `${file} cannot be read${whyUnread(cause)}`, {
      field: 'file',
      value: file,
      mend: 'Give the path of a readable file, or - for standard input.',
      cause,
    });
  }
}

/** YAML is a superset of JSON: one reader for both. @throws GanglionError `invalid_input`, naming file and line */
function declarations(file: string, text: string): PointSpec[] {
  const refuse = (message: string): never => {
    throw new GanglionError('invalid_input', `${file}: ${message}`, {
      field: 'file',
      value: file,
      mend: 'Write declarations in YAML or JSON, each with the name of its point.',
    });
  };
  const documents = parseAllDocuments(text, { stringKeys: true });
  if (!Array.isArray(documents) || documents.length === 0) return refuse('there is no declaration in it');
  return documents.flatMap((document) => {
    const error = document.errors[0];
    if (error !== undefined) return refuse(error.message.split('\n')[0]);
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    if (value === null) return [];
    if (typeof value !== 'object' || typeof (value as { point?: unknown }).point !== 'string')
      return refuse('a declaration needs "point: NAME"');
    return [value as PointSpec];
  });
}

function armsText(spec: PointSpec): string {
  const model = modelOf(spec);
  if (model !== undefined) return `versions of ${model}`;
  return declaredArms(spec)
    .map((arm) => (typeof arm === 'string' ? arm : arm.id))
    .join(' ');
}

function pointTable(entries: readonly PointEntry[], style: Style): string {
  if (entries.length === 0) return 'no points; declare one with: ganglion point apply FILE\n';
  const rows = entries.map(({ spec, version }) => [
    spec.point,
    String(version),
    spec.policy.kind,
    clean(armsText(spec)),
    clean((spec.guards ?? []).map((guard) => guard.kind).join(' ')),
  ]);
  return table(
    [
      { head: 'POINT' },
      { head: 'VERSION', right: true },
      { head: 'POLICY' },
      { head: 'ARMS' },
      { head: 'GUARDS' },
    ],
    rows,
    style,
  );
}
