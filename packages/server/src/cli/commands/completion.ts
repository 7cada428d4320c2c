import { Argument, Command } from 'commander';
import type { Io } from '../io.ts';

type Shell = 'bash' | 'zsh' | 'fish';

/** `ganglion completion SHELL`: made from the commands themselves, so that it never lags behind them. */
export function completionCommand(io: Io, program: Command): Command {
  return new Command('completion')
    .description('a script that completes this command in your shell')
    .addArgument(new Argument('<shell>', 'your shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      '\nTo use it:\n  bash   source <(ganglion completion bash)\n  zsh    source <(ganglion completion zsh)\n  fish   ganglion completion fish | source',
    )
    .action((shell: Shell) => io.out(SCRIPTS[shell](placesOf(program, []))));
}

interface Word {
  readonly word: string;
  readonly help: string;
}

/** What may stand after the words so far. */
interface Place {
  readonly path: readonly string[];
  readonly words: readonly Word[];
}

function placesOf(command: Command, path: readonly string[]): Place[] {
  const commands = command.commands.map((each) => ({ word: each.name(), help: each.description() }));
  const options = command.options.flatMap((each) =>
    each.long == null ? [] : [{ word: each.long, help: each.description }],
  );
  const choices = command.registeredArguments.flatMap((each) =>
    (each.argChoices ?? []).map((word) => ({ word, help: each.description })),
  );
  const here = { path, words: [...commands, ...choices, ...options, { word: '--help', help: 'show help' }] };
  return [here, ...command.commands.flatMap((each) => placesOf(each, [...path, each.name()]))];
}

const joined = (path: readonly string[]): string => path.map((word) => ` ${word}`).join('');

/** Words that lead from one place to the next, for the shells' own scan of what was typed. */
const steps = (places: readonly Place[]): string =>
  places
    .slice(1)
    .map(({ path }) => `"${joined(path)}"`)
    .join('|');

/** Inside single quotes. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function bash(places: readonly Place[]): string {
  const cases = places.map(
    ({ path, words }) => `    "${joined(path)}") words=${quoted(words.map(({ word }) => word).join(' '))} ;;`,
  );
  return `_ganglion() {
  local at="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $word" in
      ${steps(places)}) at="$at $word" ;;
    esac
  done
  case "$at" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _ganglion ganglion
`;
}

function zsh(places: readonly Place[]): string {
  const described = (words: readonly Word[]): string =>
    words.map(({ word, help }) => quoted(`${word}:${help.replaceAll(':', '\\:')}`)).join(' ');
  const cases = places.map(({ path, words }) => `    "${joined(path)}") words_here=(${described(words)}) ;;`);
  return `#compdef ganglion
_ganglion() {
  local at="" word
  local -a words_here
  for word in "\${words[@]:1:CURRENT-2}"; do
    case "$at $word" in
      ${steps(places)}) at="$at $word" ;;
    esac
  done
  case "$at" in
${cases.join('\n')}
  esac
  _describe 'ganglion' words_here || _files
}
compdef _ganglion ganglion
`;
}

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words }) => {
    // At its place: all words of the path were typed, and none of those that would lead further.
    const further = places.filter(
      (each) => each.path.length === path.length + 1 && each.path.slice(0, -1).join(' ') === path.join(' '),
    );
    const typed = path.map((word) => `__fish_seen_subcommand_from ${word}`);
    const untyped =
      further.length === 0
        ? []
        : [`not __fish_seen_subcommand_from ${further.map((each) => each.path.at(-1)).join(' ')}`];
    const when = [...typed, ...untyped].join('; and ') || 'true';
    return words.map(({ word, help }) =>
      word.startsWith('--')
        ? `complete -c ganglion -n ${quoted(when)} -l ${word.slice(2)} -d ${quoted(help)}`
        : `complete -c ganglion -f -n ${quoted(when)} -a ${word} -d ${quoted(help)}`,
    );
  });
  return `${lines.join('\n')}\n`;
}

const SCRIPTS: Readonly<Record<Shell, (places: readonly Place[]) => string>> = { bash, zsh, fish };
