import type { Command } from 'commander';
import { type Candidate, declaredCandidate, refuseUnknownKind } from '../../evaluation/candidate.ts';
import type { DecisionLog } from '../../evaluation/decision-log.ts';
import { evaluateLog } from '../../evaluation/evaluate-log.ts';
import { campaignOf } from '../../evaluation/open-log.ts';
import {
  publishedPrior,
  thompsonCandidate,
  uniformCandidate,
} from '../../evaluation/published-candidates.ts';
import { answerText, candidateText, logText } from '../../evaluation/report-text.ts';
import { type ClientFlags, clientOf, milliseconds } from '../context.ts';
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
  progressOf,
  whole,
} from './evaluation-options.ts';

/** `ganglion evaluate`: what would have happened under another policy? A refusal is an answer, and exits with 0. */
export function evaluateCommand(io: Io): Command {
  return commandOverLog(
    'evaluate',
    'what another policy would have brought, by a log of decisions; without --policy an Open Bandit log is asked about the policies published with it',
  )
    .optionsGroup('A daemon:')
    .option('--url <url>', 'ask the daemon there, on the log of its own nodes; with --point and --policy')
    .option('--token <token>', 'bearer token; better kept in GANGLION_TOKEN, where other users cannot see it')
    .option('--node <name>', 'the log of this node of the daemon’s process alone (default: of all)')
    .option('--rows <n>', 'of the newest so many decisions', whole(100, 1_000_000), 50_000)
    .option('--timeout <ms>', 'longest wait for an answer', milliseconds, 150_000)
    .action((path: string | undefined, flags: EvaluateFlags, command: Command) =>
      flags.url === undefined ? onFiles(io, path, flags, command) : onDaemon(io, path, flags, command),
    );
}

interface EvaluateFlags extends EvaluationFlags, ClientFlags {
  readonly json?: boolean;
  readonly rows: number;
}

async function onFiles(
  io: Io,
  path: string | undefined,
  flags: EvaluateFlags,
  command: Command,
): Promise<void> {
  const options = optionsOf(io, flags);
  const published = flags.format === 'obd' && (path ?? flags.log) !== undefined;
  if (flags.policy === undefined && !published && placeOf(path, flags) !== '')
    command.error('error: give a candidate: --policy FILE');
  // A slip in the candidate shows before a log is read, which may take long.
  const declared = flags.policy === undefined ? undefined : await declarationOf(io, flags.policy);
  if (declared !== undefined) refuseUnknownKind(declared);
  const log = await logOf(path, flags, command, options.say);
  const evaluations = candidates(log, declared, placeOf(path, flags), flags).map((candidate) =>
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
}

/** The daemon evaluates on what its nodes have kept; it is asked, and shown as if it were here. */
async function onDaemon(
  io: Io,
  path: string | undefined,
  flags: EvaluateFlags,
  command: Command,
): Promise<void> {
  if (path !== undefined || flags.log !== undefined || flags.data !== undefined)
    command.error('error: with --url the log is the daemon’s own: give neither a path nor --log or --data');
  if (flags.point === undefined || flags.policy === undefined)
    command.error('error: with --url give --point NAME and --policy FILE');
  const { estimators, level, interval, resamples, seed, folds, clip, minEffective, range, rows } = flags;
  const candidate = (await declarationOf(io, flags.policy)) as object;
  const say = progressOf(io);
  say(`asking ${flags.url}`);
  const asked = { estimators, level, interval, seed, folds, clip, minEffective, range, rows };
  const answer = await clientOf(io, flags).evaluate(flags.point, {
    ...asked,
    candidate,
    name: flags.policy.slice(-128),
    resamples: Math.min(10_000, resamples),
  });
  endProgress(io);
  if (flags.json === true) return io.out(`${JSON.stringify(answer)}\n`);
  const style = styleOf(io);
  io.out(answerText(answer, style));
  for (const each of answer.candidates) io.out(candidateText(each, answer.level, style));
}

function candidates(log: DecisionLog, declared: unknown, at: string, flags: EvaluationFlags): Candidate[] {
  if (flags.policy !== undefined) return [declaredCandidate(log, declared, flags.policy, flags)];
  const prior = publishedPrior(at, campaignOf(log), log.arms.length);
  return [uniformCandidate(log), ...(prior === undefined ? [] : [thompsonCandidate(log, prior, flags.seed)])];
}
