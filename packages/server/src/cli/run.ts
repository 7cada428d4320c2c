import { isGanglionError } from '@ganglion/core';
import { type Command, CommanderError } from 'commander';
import { ToldInLog } from './commands/until-stopped.ts';
import type { Io } from './io.ts';
import { commandMend } from './mends.ts';
import { buildProgram } from './program.ts';
import { clean, pairs, styleOf } from './style.ts';

/** Exit codes: 0 success, 1 failure, 2 wrong usage. */
export type ExitCode = 0 | 1 | 2;

/** Runs the command. Results go to `io.out`, all else to `io.err`. @param args - without node and script */
export async function run(args: readonly string[], io: Io): Promise<ExitCode> {
  const program = await buildProgram(io, args[0]);
  const json = args.includes('--json');
  harden(program, io, json);
  try {
    if (args.length === 0) {
      io.err(program.helpInformation());
      return 2;
    }
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? 0 : error.code === 'ganglion.failed' ? 1 : 2;
    if (!(error instanceof ToldInLog)) report(io, error, json);
    return 1;
  }
}

/** Every command throws instead of ending the process, and writes where it is told; with `json` as all other failures. */
function harden(command: Command, io: Io, json: boolean): void {
  const style = styleOf(io);
  command.exitOverride().configureOutput({
    writeOut: io.out,
    writeErr: io.err,
    outputError: (text, write) =>
      json
        ? write(usageJson(withSubcommands(withoutJson(text, command), command), command))
        : write(style.bad(withSubcommands(text, command))),
  });
  if (!json) command.showHelpAfterError('(see --help)');
  for (const each of command.commands) harden(each, io, json);
}

/** A command that only has others knows no --json: what it was given beside that is what is wrong. */
function withoutJson(text: string, { args, commands }: Command): string {
  if (commands.length === 0 || !text.includes("unknown option '--json'")) return text;
  const word = args.find((each) => !each.startsWith('-'));
  return word === undefined ? 'error: a command is missing' : `error: unknown command '${word}'`;
}

function usageJson(text: string, command: Command): string {
  const [message, ...hints] = text.trim().split('\n');
  let path = command.name();
  for (let at = command.parent; at !== null; at = at.parent) path = `${at.name()} ${path}`;
  const told = {
    code: 'invalid_input',
    message: message.replace(/^error: /, ''),
    mend: [...hints.map(asSentence), `See \`${path} --help\`.`].join(' '),
  };
  return `${JSON.stringify({ error: told })}\n`;
}

/** `(Did you mean kill?)`, `(Use one of: a, b)` */
function asSentence(hint: string): string {
  const text = hint.replace(/^\((.*)\)$/, '$1');
  return text.endsWith('?') ? text : `${text}.`;
}

/** A word that is near no subcommand is answered with all of them. */
function withSubcommands(text: string, { parent, commands }: Command): string {
  if (parent === null || !/unknown command|command is missing/.test(text) || text.includes('Did you mean'))
    return text;
  const names = commands.map((each) => each.name()).filter((name) => name !== 'help');
  return names.length === 0 ? text : `${text.trimEnd()}\n(Use one of: ${names.join(', ')})\n`;
}

function report(io: Io, error: unknown, json: boolean): void {
  const style = styleOf(io);
  const known = isGanglionError(error) ? error : undefined;
  const message = error instanceof Error ? error.message : String(error);
  const mend = known?.mend === undefined ? undefined : commandMend(known.mend);
  if (json) {
    const told = {
      code: known?.code ?? 'internal',
      message,
      field: known?.field,
      value: known?.value,
      mend,
    };
    io.err(`${JSON.stringify({ error: told })}\n`);
    return;
  }
  io.err(`${style.bad('error:')} ${clean(message)}\n`);
  const more = (['field', 'value', 'mend'] as const).flatMap((name) => {
    const text = name === 'mend' ? mend : known?.[name];
    return text === undefined ? [] : [[`  ${name}`, clean(text)] as const];
  });
  io.err(pairs(more, style));
  // A fault of ours: without its place nobody can mend it.
  if (known === undefined && error instanceof Error && error.stack !== undefined)
    io.err(`${style.dim(error.stack)}\n`);
}
