import { readFile } from 'node:fs/promises';
import { GanglionError, type Slate } from '@ganglion/core';
import type { Decision, FeedbackItem, IntakeAnswer } from '@ganglion/sdk';
import { type Command, InvalidArgumentError } from 'commander';
import {
  type ClientFlags,
  clientCommand,
  field,
  jsonObject,
  metric,
  milliseconds,
  session,
} from '../context.ts';
import { count, number, percent, UNKNOWN } from '../format.ts';
import type { Io } from '../io.ts';
import { clean, pairs, type Style, table } from '../style.ts';

interface DecideFlags extends ClientFlags {
  readonly context?: Record<string, unknown>;
  readonly field?: Record<string, unknown>;
  readonly unit?: string;
  readonly episode?: string;
  readonly deadline?: number;
  readonly k?: number;
}

/** `ganglion decide POINT` */
export function decideCommand(io: Io): Command {
  return clientCommand('decide', 'ask a point for a decision, and see why it chose so')
    .argument('<point>')
    .option('--context <json>', 'the context, as a JSON object', jsonObject)
    .option('--field <name=value>', 'one field of the context; may be repeated', field)
    .option('--unit <id>', 'who or what it is decided for')
    .option('--episode <id>', 'the episode it belongs to, for points that learn sequences; default: the unit')
    .option('--deadline <ms>', 'let it ask its parent, and wait no longer than this', milliseconds)
    .option('--k <number>', 'rank so many arms, for points with a slate', whole)
    .action(async (point: string, flags: DecideFlags) => {
      const { client, show, style } = session(io, flags);
      const input = {
        context: { ...flags.context, ...flags.field },
        ...(flags.unit === undefined ? {} : { unit: flags.unit }),
        ...(flags.episode === undefined ? {} : { episode: flags.episode }),
      };
      if (flags.k !== undefined) {
        const slate = await client.rank(point, flags.k, input);
        return show(slate, () => slateText(slate, style));
      }
      const decision = await client.decide(point, {
        ...input,
        ...(flags.deadline === undefined ? {} : { deadlineMs: flags.deadline }),
      });
      show(decision, () => decisionText(decision, style));
    });
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('Give a whole number of at least 1.');
  return value;
}

function slateText({ items, diversityCost }: Slate, style: Style): string {
  const rows = items.map(({ arm, propensity, reason, id }, j) => [
    String(j + 1),
    arm ?? UNKNOWN,
    propensity === null ? UNKNOWN : percent(propensity),
    reason,
    id,
  ]);
  const list = table(
    [
      { head: '', right: true },
      { head: 'ARM' },
      { head: 'PROPENSITY', right: true },
      { head: 'REASON' },
      { head: 'ID' },
    ],
    rows,
    style,
  );
  return diversityCost === null ? list : `${list}diversity costs ${number(diversityCost)} of reward\n`;
}

function decisionText(decision: Decision, style: Style): string {
  const { id, arm, proposed, propensity, confidence, reason, stratum, tier, versions, trail } = decision;
  const told = pairs(
    [
      ['arm', style.bold(arm ?? `${UNKNOWN} (nothing may be chosen)`)],
      ['id', id],
      ['reason', `${reason}${stratum === '' ? '' : ` (${clean(stratum)})`}`],
      ['propensity', propensity === null ? `${UNKNOWN} (unknowable)` : percent(propensity)],
      ['proposed', proposed ?? UNKNOWN],
      ['confidence', number(confidence)],
      ['decided by', `${tier}, spec ${versions.spec}, view ${versions.view}`],
    ],
    style,
  );
  if (trail.length === 0) return told;
  const rows = trail.map(({ guard, kind, why }) => [clean(guard), kind, clean(why)]);
  return `${told}\n${table([{ head: 'GUARD' }, { head: 'SAID' }, { head: 'WHY' }], rows, style)}`;
}

interface FeedbackFlags extends ClientFlags {
  readonly metric?: Record<string, number>;
  readonly reward?: number;
  readonly truth?: string | number | boolean;
  readonly done?: boolean;
  readonly revision?: number;
  readonly file?: string;
}

/** `ganglion feedback ID` */
export function feedbackCommand(io: Io): Command {
  return clientCommand('feedback', 'tell what came back for a decision')
    .argument('[id]', 'the decision’s id')
    .option('--metric <name=number>', 'a metric; may be repeated', metric)
    .option('--reward <number>', 'the reward, for points without an objective', finite)
    .option(
      '--truth <value>',
      'what turned out to be right',
      (text: string) => Object.values(field(`truth=${text}`))[0],
    )
    .option('--done', 'the episode ended with this decision')
    .option('--revision <number>', 'a higher one replaces what was told before', finite)
    .option(
      '--file <file>',
      'a JSON file with one item or a list, instead; - is standard input. Exits with 1 if any item is refused',
    )
    .action(async (id: string | undefined, flags: FeedbackFlags, command: Command) => {
      const { client, show, style } = session(io, flags);
      const items = flags.file === undefined ? itemOf(id, flags, command) : await itemsOf(io, flags.file);
      const taken = await client.feedback(items);
      show(taken, () => intakeText(taken, style));
      const [first] = taken.rejected;
      if (first !== undefined)
        throw new GanglionError(
          'invalid_input',
          `${taken.rejected.length} of ${Array.isArray(items) ? items.length : 1} items were refused`,
          {
            field: flags.file === undefined ? 'id' : '--file',
            mend: 'Mend these and send the file again: what was taken is known already.',
          },
        );
    });
}

function finite(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Give a number.');
  return value;
}

function itemOf(id: string | undefined, flags: FeedbackFlags, command: Command): FeedbackItem {
  const { metric: metrics, reward, truth, done, revision } = flags;
  if (id === undefined) command.error("error: missing required argument 'id' (or --file)");
  if (metrics === undefined && reward === undefined && truth === undefined && done === undefined)
    command.error('error: nothing is told; give --metric, --reward, --truth or --done');
  return {
    id,
    ...(metrics === undefined ? {} : { metrics }),
    ...(reward === undefined ? {} : { reward }),
    ...(truth === undefined ? {} : { truth }),
    ...(done === undefined ? {} : { done }),
    ...(revision === undefined ? {} : { revision }),
  };
}

async function itemsOf(io: Io, file: string): Promise<FeedbackItem | readonly FeedbackItem[]> {
  try {
    const text = file === '-' ? await io.stdin() : await readFile(file, 'utf8');
    return JSON.parse(text) as FeedbackItem | readonly FeedbackItem[];
  } catch (cause) {
    throw new GanglionError(
      'invalid_input',
      `${file} is not a readable JSON file: ${(cause as Error).message}`,
      {
        field: '--file',
        value: file,
        mend: 'Give a file with {"id": …, "metrics": {…}} or a list of these.',
        cause,
      },
    );
  }
}

function intakeText(taken: IntakeAnswer, style: Style): string {
  const parts = [
    [taken.joined, 'joined'] as const,
    [taken.routed, 'on their way to their node'] as const,
    [taken.duplicates, 'known already'] as const,
    [taken.unjoined, 'for decisions that were not kept'] as const,
  ].filter(([n]) => n !== 0);
  const told = parts.length === 0 ? 'nothing' : parts.map(([n, what]) => `${count(n)} ${what}`).join(', ');
  const rows = taken.rejected.map(({ index, id, code, message }) => [
    String(index),
    clean(id),
    code,
    clean(message),
  ]);
  const refused =
    rows.length === 0
      ? ''
      : `\n${style.warn(`${count(rows.length)} refused`)}\n${table([{ head: '#', right: true }, { head: 'ID' }, { head: 'CODE' }, { head: 'WHY' }], rows, style)}`;
  return `taken: ${told}\n${refused}`;
}
