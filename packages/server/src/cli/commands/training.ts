import { GanglionError } from '@ganglion/core';
import type { TrainingStatus } from '@ganglion/sdk';
import type { Command } from 'commander';
import { type ClientFlags, clientCommand, type Session, session } from '../context.ts';
import { time } from '../format.ts';
import type { Io } from '../io.ts';
import { clean, type Style, table } from '../style.ts';

type RetrainFlags = ClientFlags & { readonly reason: string; readonly wait?: boolean };

/** `ganglion model schedule` and `ganglion model retrain`. */
export function trainingCommands(io: Io): readonly Command[] {
  return [
    clientCommand('schedule', 'when each model is trained anew, and what came of it').action(
      async (flags: ClientFlags) => {
        const { client, show, style } = session(io, flags);
        const models = await client.models.schedule();
        show(models, () => scheduleText(models, style));
      },
    ),
    clientCommand('retrain', 'train a model anew, in the first window that is free for it')
      .argument('<model>')
      .requiredOption('--reason <text>', 'why, for the log')
      .option('--wait', 'until it has ended; exits with 1 where it failed or was interrupted')
      .action(async (model: string, flags: RetrainFlags) => {
        const shown = session(io, flags);
        const before = await lastOf(shown, model);
        const asked = await shown.client.models.retrain(model, flags.reason);
        if (flags.wait !== true)
          return shown.show(asked, () =>
            asked.running
              ? `${model} is being trained\n`
              : `${model} will be trained at ${time(asked.startMs)}\n`,
          );
        const last = await ended(shown, model, before?.atMs);
        shown.show(last, () => `${outcomeText(last, shown.style)}\n`);
        if (last.outcome === 'failed' || last.outcome === 'interrupted')
          throw new GanglionError(
            'unsupported',
            `the training ${last.outcome === 'failed' ? 'failed' : 'was interrupted'}: ${last.why}`,
          );
      }),
  ];
}

type Last = NonNullable<TrainingStatus['last']>;

async function lastOf({ client }: Session, model: string): Promise<Last | null> {
  return (await client.models.schedule()).find((each) => each.model === model)?.last ?? null;
}

/** Polled: a run takes seconds to hours, and a second more does not matter. */
async function ended(shown: Session, model: string, before: number | undefined): Promise<Last> {
  // Asked for once: each time it is, it listens anew.
  const { interrupted } = shown.io;
  for (;;) {
    const last = await lastOf(shown, model);
    if (last !== null && last.atMs !== before) return last;
    if (interrupted.aborted) throw new GanglionError('closed', 'no longer waited for');
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

function scheduleText(models: readonly TrainingStatus[], style: Style): string {
  return table(
    [
      { head: 'MODEL' },
      { head: 'POINT' },
      { head: 'CADENCE' },
      { head: 'NEXT' },
      { head: 'SHARES' },
      { head: 'LAST' },
    ],
    models.map(({ model, point, cadence, state, next, shares, last }) => [
      style.bold(model),
      point,
      cadence,
      state === 'running' ? style.warn('running') : time(next.startMs),
      shares.map(clean).join(' '),
      last === null ? '' : outcomeText(last, style),
    ]),
    style,
  );
}

function outcomeText({ outcome, version, why }: Last, style: Style): string {
  const paint = ['failed', 'rejected', 'interrupted'].includes(outcome) ? style.bad : style.good;
  return `${paint(outcome)}${version === null ? '' : ` ${version}`}: ${clean(why)}`;
}
