import { Command } from 'commander';
import { packageVersion } from '../version.ts';
import { completionCommand } from './commands/completion.ts';
import {
  controlsCommand,
  killCommand,
  overrideCommand,
  quarantineCommand,
  reviveCommand,
} from './commands/controls.ts';
import { decideCommand, feedbackCommand } from './commands/decisions.ts';
import { doctorCommand } from './commands/doctor.ts';
import { ingestCommand } from './commands/ingest.ts';
import { modelCommand } from './commands/model.ts';
import { pointCommand } from './commands/point.ts';
import { auditCommand, nodesCommand, reportCommand } from './commands/tree.ts';
import { addExamples } from './examples.ts';
import type { Io } from './io.ts';

/** Commands that talk to a daemon need neither its server nor its storage: those are loaded for the others only. */
const LIGHT: ReadonlySet<string> = new Set([
  'point',
  'model',
  'decide',
  'feedback',
  'ingest',
  'kill',
  'revive',
  'override',
  'quarantine',
  'controls',
  'report',
  'nodes',
  'audit',
  'doctor',
  'evaluate',
  'replay',
  'log',
  'features',
  '--version',
  '-V',
]);

/** Commands over a log need neither; they are light, but for themselves. */
const LOGS: ReadonlySet<string> = new Set(['evaluate', 'replay', 'log', 'features']);

/** The whole command. @param first - the first word after `ganglion` */
export async function buildProgram(io: Io, first: string | undefined): Promise<Command> {
  const program = new Command('ganglion')
    .description('Learned decisions that run anywhere and can always be stopped.')
    .version(packageVersion())
    .configureHelp({ sortSubcommands: false });
  const add = (heading: string, commands: readonly Command[]): void => {
    for (const command of commands) program.addCommand(command.helpGroup(heading));
  };
  if (first === undefined || !LIGHT.has(first)) add('Run:', await daemonCommands());
  add('Decide and learn:', [
    pointCommand(io),
    modelCommand(io),
    decideCommand(io),
    feedbackCommand(io),
    ingestCommand(io),
  ]);
  add('Stop and steer:', [
    killCommand(io),
    reviveCommand(io),
    overrideCommand(io),
    quarantineCommand(io),
    controlsCommand(io),
  ]);
  add('Look:', [reportCommand(io), nodesCommand(io), auditCommand(io)]);
  if (first === undefined || !LIGHT.has(first) || LOGS.has(first)) add('Ask the log:', await logCommands(io));
  add('Help:', [doctorCommand(io), completionCommand(io, program)]);
  program.commandsGroup('Help:').helpCommand(true);
  addExamples(program);
  return program;
}

async function daemonCommands(): Promise<Command[]> {
  const [{ upCommand }, { nodeCommand }, { proxyCommand }] = await Promise.all([
    import('./commands/up.ts'),
    import('./commands/node.ts'),
    import('./commands/proxy.ts'),
  ]);
  return [upCommand(), nodeCommand(), proxyCommand()];
}

async function logCommands(io: Io): Promise<Command[]> {
  const [{ evaluateCommand }, { replayCommand }, { logCommand }, { featuresCommand }] = await Promise.all([
    import('./commands/evaluate.ts'),
    import('./commands/replay.ts'),
    import('./commands/log.ts'),
    import('./commands/features.ts'),
  ]);
  return [evaluateCommand(io), replayCommand(io), logCommand(io), featuresCommand(io)];
}
