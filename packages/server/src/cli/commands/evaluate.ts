import type { Command } from 'commander';
import { type Candidate, declaredCandidate } from '../../evaluation/candidate.ts';
import type { DecisionLog } from '../../evaluation/decision-log.ts';
import { evaluateLog } from '../../evaluation/evaluate-log.ts';
import { campaignOf } from '../../evaluation/open-log.ts';
import {
  publishedPrior,
  thompsonCandidate,
  uniformCandidate,
} from '../../evaluation/published-candidates.ts';
import { candidateText, logText } from '../../evaluation/report-text.ts';
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

/** `ganglion evaluate`: what would have happened under another policy? A refusal is an answer, and exits with 0. */
export function evaluateCommand(io: Io): Command {
  return commandOverLog(
    'evaluate',
    'what another policy would have brought, by a log of decisions; without --policy an Open Bandit log is asked about the policies published with it',
  ).action(async (path: string | undefined, flags: EvaluationFlags, command: Command) => {
    const options = optionsOf(io, flags);
    const published = flags.format === 'obd' && (path ?? flags.log) !== undefined;
    if (flags.policy === undefined && !published && placeOf(path, flags) !== '')
      command.error('error: give a candidate: --policy FILE');
    const log = await logOf(path, flags, command, options.say);
    const evaluations = (await candidates(io, log, placeOf(path, flags), flags)).map((candidate) =>
      evaluateLog(log, candidate, options),
    );
    endProgress(io);
    const [{ logged }] = evaluations;
    const { name, rows, arms, skipped } = log;
    if (flags.json === true)
      return io.out(
        `${JSON.stringify({ log: { name, rows, arms: arms.length, skipped, value: logged }, level: flags.level, seed: flags.seed, candidates: evaluations })}\n`,
      );
    const style = styleOf(io);
    io.out(logText(log, logged, style));
    for (const evaluation of evaluations) io.out(candidateText(evaluation, flags.level, style));
  });
}

async function candidates(
  io: Io,
  log: DecisionLog,
  at: string,
  flags: EvaluationFlags,
): Promise<Candidate[]> {
  if (flags.policy !== undefined)
    return [declaredCandidate(log, await declarationOf(io, flags.policy), flags.policy, flags)];
  const prior = publishedPrior(at, campaignOf(log), log.arms.length);
  return [uniformCandidate(log), ...(prior === undefined ? [] : [thompsonCandidate(log, prior, flags.seed)])];
}
