import { homedir } from 'node:os';
import { join } from 'node:path';
import { GanglionError, type HostedNode } from '@ganglion/core';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { bareHost, isLoopback } from '../../host/address.ts';
import { type ArtifactStore, artifactStore } from '../../host/artifact-store.ts';
import { type AuthOptions, loadTokens } from '../../http/auth.ts';
import { pageOrigins } from '../../http/pages.ts';
import { LOG_LEVELS, type Logger, type LogLevel } from '../../log.ts';
import type { Trainer } from '../../training/trainer.ts';
import { parseDuration } from '../format.ts';

/** Options of every command that runs nodes. */
export interface DaemonFlags {
  readonly port: number;
  readonly host: string;
  readonly data?: string;
  readonly memory?: boolean;
  /** ms */
  readonly keepLog: number;
  readonly tokenFile?: string;
  readonly allowHost?: readonly string[];
  readonly allowOrigin?: readonly string[];
  readonly logLevel: LogLevel;
  readonly json?: boolean;
}

export function daemonOptions(command: Command): Command {
  return command
    .option('--port <port>', 'port of the API and the console (0: any)', portNumber, 7070)
    .option('--host <host>', 'address to listen on', bareHost, '127.0.0.1')
    .option('--data <dir>', 'where state is kept (default: ~/.ganglion)')
    .option('--memory', 'keep no state over a restart')
    .addOption(
      new Option(
        '--keep-log <duration>',
        'how long decisions and outcomes are kept for evaluation; never less than their windows',
      )
        .argParser(positiveDuration)
        .default(7 * 86_400_000, '7d'),
    )
    .option(
      '--token-file <file>',
      'file with the bearer tokens that calls must carry: lines of ROLE NAME TOKEN',
    )
    .option('--allow-host <name...>', 'further host names under which this daemon is reached')
    .option(
      '--allow-origin <origin...>',
      'origins, such as https://shop.example, whose pages may decide, send feedback and link',
    )
    .addOption(
      new Option('--log-level <level>', 'what is logged on standard error')
        .choices(LOG_LEVELS)
        .default('warn'),
    )
    .option('--json', 'print where everything listens as one line of JSON');
}

export function portNumber(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535 || text.trim() === '')
    throw new InvalidArgumentError('Give a whole number from 0 (any free port) to 65535.');
  return port;
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('Give a number above 0.');
  return value;
}

function positiveDuration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || !(ms > 0)) throw new InvalidArgumentError('Give a duration, such as 12h or 30d.');
  return ms;
}

/** Tokens from `GANGLION_TOKEN` and `--token-file`, and whose hosts and pages are ours. @throws GanglionError `invalid_input` */
export function authOf(flags: DaemonFlags): AuthOptions {
  const tokens = loadTokens(process.env, flags.tokenFile);
  if (tokens.length === 0 && !isLoopback(flags.host))
    throw new GanglionError(
      'forbidden',
      `listening on ${flags.host} without a token would let the network decide and teach`,
      {
        field: '--host',
        value: flags.host,
        mend: 'Set GANGLION_TOKEN or --token-file, or listen on 127.0.0.1 or [::1].',
      },
    );
  const pages = pageOrigins(flags.allowOrigin ?? [], '--allow-origin');
  return { tokens, allowedHosts: flags.allowHost, allowedOrigins: [...pages] };
}

/** Who is let in, for the line a daemon starts with: one without tokens takes a wrong one as well as none. */
export function whoMayCall({ tokens }: AuthOptions): string {
  if (tokens.length === 0) return 'anybody on this machine, no token is asked for';
  return tokens.length === 1 ? 'with the token' : `with one of ${tokens.length} tokens`;
}

/** Beside that state: artifacts by digest. */
export const artifactsIn = (dataDir: string | undefined): ArtifactStore | undefined =>
  dataDir === undefined ? undefined : artifactStore(join(dataDir, 'artifacts'));

/** Of commands that may run the root of a tree. */
export interface TrainingFlags extends DaemonFlags {
  readonly training?: string;
}

export const trainingOption = (command: Command): Command =>
  command.option(
    '--training <file>',
    'plan by which models are trained anew; at the root, with state that is kept',
  );

/** The trainer of a plan, if one is given. @throws GanglionError */
export async function trainerOf(
  flags: TrainingFlags,
  nodes: readonly HostedNode[],
  dataDir: string | undefined,
  logger: Logger,
): Promise<Trainer | undefined> {
  if (flags.training === undefined) return undefined;
  const artifacts = artifactsIn(dataDir);
  if (artifacts === undefined || dataDir === undefined)
    throw new GanglionError('invalid_input', 'models learn from the log of decisions, and none is kept', {
      field: '--training',
      mend: 'Leave out --memory.',
    });
  // Loaded where there is a plan only: it brings the whole of evaluation with it.
  const [{ readPlan }, { startTrainer }] = await Promise.all([
    import('../../training/plan.ts'),
    import('../../training/trainer.ts'),
  ]);
  return startTrainer({ plan: readPlan(flags.training), nodes, artifacts, dataDir, logger });
}

/** Where state is kept: `--data`, else a folder of this command's under the home directory; undefined with `--memory`. */
export function dataDirOf(flags: DaemonFlags, folder: string): string | undefined {
  return flags.memory === true ? undefined : (flags.data ?? join(homedir(), '.ganglion', folder));
}
