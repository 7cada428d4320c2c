import { open } from 'node:fs/promises';
import { GanglionError, type IngestEvent } from '@ganglion/core';
import { type Client, type IngestAnswer, type RejectedItem, RemoteRefusal } from '@ganglion/sdk';
import type { Command } from 'commander';
import { type ClientFlags, clientCommand, session } from '../context.ts';
import { count } from '../format.ts';
import type { Io } from '../io.ts';
import { endProgress, progressOf } from '../progress.ts';
import { clean, table } from '../style.ts';

/** Events of one call. */
const AT_ONCE = 1000;
/** Refusals that are shown; all are counted. */
const SHOWN = 20;

/** `ganglion ingest FILE` */
export function ingestCommand(io: Io): Command {
  return clientCommand('ingest', 'send events for features, one JSON object a line')
    .argument('[file]', 'events, ours or CloudEvents; - is standard input', '-')
    .action(async (file: string, flags: ClientFlags) => {
      const { client, show, style } = session(io, flags);
      const say = progressOf(io);
      const sum = { accepted: 0, taken: 0, duplicates: 0, unused: 0, rejected: [] as RejectedItem[] };
      let refused = 0;
      const send = async (lines: Lines): Promise<void> => {
        const answer = await sendAll(client, lines.events);
        for (const key of ['accepted', 'taken', 'duplicates', 'unused'] as const) sum[key] += answer[key];
        refused += answer.rejected.length;
        const room = SHOWN - sum.rejected.length;
        const placed = answer.rejected.map((each) => ({ ...each, index: lines.numbers[each.index] }));
        sum.rejected.push(...placed.slice(0, room));
        say(`${sum.accepted + refused} events sent`);
      };
      let lines: Lines = { events: [], numbers: [] };
      let number = 0;
      for await (const line of linesOf(io, file)) {
        number++;
        if (line.trim() === '') continue;
        lines.events.push(parsed(line, number, file));
        lines.numbers.push(number);
        if (lines.events.length < AT_ONCE) continue;
        await send(lines);
        lines = { events: [], numbers: [] };
      }
      if (lines.events.length > 0) await send(lines);
      endProgress(io);
      show({ ...sum, refused }, () => {
        const told = `${count(sum.taken)} taken, ${count(sum.duplicates)} known already, ${count(sum.unused)} that no feature reads, ${count(refused)} refused\n`;
        if (refused === 0) return told;
        const rows = sum.rejected.map(({ index, id, field, message }) => [
          String(index),
          clean(id),
          field,
          clean(message),
        ]);
        return `${told}${table([{ head: 'LINE', right: true }, { head: 'ID' }, { head: 'FIELD' }, { head: 'WHY' }], rows, style)}`;
      });
      if (sum.accepted === 0 && refused > 0)
        throw new GanglionError('invalid_input', 'no event was taken', {
          field: file,
          mend: sum.rejected[0].mend,
        });
    });
}

interface Lines {
  readonly events: IngestEvent[];
  /** Where each stands in the file, from 1. */
  readonly numbers: number[];
}

/** A list of which all is refused is no failure of the command: others may be taken. */
async function sendAll(client: Client, events: readonly IngestEvent[]): Promise<IngestAnswer> {
  try {
    return await client.ingest(events);
  } catch (error) {
    const rejected = error instanceof RemoteRefusal ? error.problem.rejected : undefined;
    if (rejected === undefined) throw error;
    // The document names the first hundred.
    const all = events.map((_, i) => rejected[i] ?? { ...rejected[rejected.length - 1], index: i, id: '' });
    return { accepted: 0, taken: 0, duplicates: 0, unused: 0, rejected: all };
  }
}

async function* linesOf(io: Io, file: string): AsyncGenerator<string> {
  if (file === '-') return yield* (await io.stdin()).split('\n');
  const opened = await open(file).catch((cause: Error) => {
    throw new GanglionError('invalid_input', `${file}: ${cause.message}`, {
      field: 'file',
      value: file,
      mend: 'Give a readable file with one event a line.',
      cause,
    });
  });
  yield* opened.readLines();
}

function parsed(line: string, number: number, file: string): IngestEvent {
  try {
    return JSON.parse(line) as IngestEvent;
  } catch (cause) {
    throw new GanglionError(
      'invalid_input',
      `line ${number} of ${file} is not JSON: ${(cause as Error).message}`,
      {
        field: `line ${number}`,
        value: line,
        mend: 'Write one event a line; what stands before it has been sent, and counts once when it is sent again.',
        cause,
      },
    );
  }
}
