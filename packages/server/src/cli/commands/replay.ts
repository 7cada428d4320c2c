import { basename } from 'node:path';
import type { Command } from 'commander';
import type { DecisionLog } from '../../evaluation/decision-log.ts';
import { campaignOf } from '../../evaluation/open-log.ts';
import { type PublishedPrior, publishedPrior } from '../../evaluation/published-candidates.ts';
import { replayLog } from '../../evaluation/replay-log.ts';
import { logText, replayText } from '../../evaluation/report-text.ts';
import type { Io } from '../io.ts';
import { styleOf } from '../style.ts';
import {
  commandOverLog,
  declarationOf,
  type EvaluationFlags,
  endProgress,
  logOf,
  optionsOf,
  placeOf,
} from './evaluation-options.ts';

interface ReplayFlags extends EvaluationFlags {
  readonly bound?: string;
  readonly every: string;
}

/** `ganglion replay`: runs a log through a point that learns as it goes; the same log and seed give the same bits. */
export function replayCommand(io: Io): Command {
  return commandOverLog(
    'replay',
    'run a log through a policy that learns as it goes; without --policy Thompson sampling, from the published prior where an Open Bandit log has one',
  )
    .optionsGroup('The replay:')
    .option(
      '--bound <weight>',
      'largest weight a decision is kept by (default: the number of arms, right for a uniform log)',
    )
    .option('--every <n>', 'make a new view after this many decisions learned from', '20')
    .action(async (path: string | undefined, flags: ReplayFlags, command: Command) => {
      const options = optionsOf(io, flags);
      const bound = flags.bound === undefined ? undefined : Number(flags.bound);
      const everyRows = Number(flags.every);
      if (bound !== undefined && !(bound > 0)) command.error('error: --bound is a number above 0');
      if (!(Number.isInteger(everyRows) && everyRows > 0))
        command.error('error: --every is a whole number above 0');
      const log = await logOf(path, flags, command, options.say);
      const published =
        flags.policy === undefined
          ? publishedPrior(placeOf(path, flags), campaignOf(log), log.arms.length)
          : undefined;
      const declaration =
        flags.policy === undefined ? usual(log, published) : await declarationOf(io, flags.policy);
      const prior = published === undefined ? undefined : basename(published.file);
      const replayed = replayLog(log, declaration, { ...options, bound, everyRows });
      endProgress(io);
      const { name, rows, arms, skipped } = log;
      const { logged } = replayed.evaluation;
      if (flags.json === true)
        return io.out(
          `${JSON.stringify({ log: { name, rows, arms: arms.length, skipped, value: logged }, level: flags.level, seed: flags.seed, prior, ...replayed })}\n`,
        );
      const style = styleOf(io);
      io.out(logText(log, logged, style));
      io.out(replayText(replayed, flags.level, style, prior));
    });
}

/** Thompson sampling; a published Beta prior is a warm start less the Beta(1, 1) that the policy brings itself. */
function usual(log: DecisionLog, published: PublishedPrior | undefined): unknown {
  if (published === undefined) return { policy: { kind: 'thompson' } };
  const prior = Object.fromEntries(
    log.arms.map((arm, i) => {
      const [wins, losses] = [Math.max(0, published.alpha[i] - 1), Math.max(0, published.beta[i] - 1)];
      const n = wins + losses;
      return [arm, { mean: n === 0 ? 0 : wins / n, n: Math.max(n, 1e-6) }];
    }),
  );
  return { policy: { kind: 'thompson', prior } };
}
