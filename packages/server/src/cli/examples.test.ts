import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { EXAMPLES } from './examples.ts';
import type { Io } from './io.ts';
import { buildProgram } from './program.ts';

const silent: Io = {
  out: () => {},
  err: () => {},
  stdin: async () => '',
  env: {},
  isTerminal: false,
  columns: 80,
  interrupted: new AbortController().signal,
};

/** Every command that does something, by its words; those that only hold others are left out. */
function leaves(command: Command, words: readonly string[] = []): [string, Command][] {
  if (command.commands.length === 0) return [[words.join(' '), command]];
  return command.commands.flatMap((each) => leaves(each, [...words, each.name()]));
}

/** As a shell would part it, of quotes only. */
function argsOf(example: string): string[] {
  const call = example.slice(example.indexOf('ganglion ') + 'ganglion '.length).replace(/\)"$/, '');
  return [...call.matchAll(/"([^"]*)"|'([^']*)'|([^\s>]+)|>.*/g)].flatMap(([, double, single, bare]) => {
    const word = double ?? single ?? bare;
    return word === undefined ? [] : [word];
  });
}

it('every command has one or two examples, and takes each of them', async () => {
  const names = leaves(await buildProgram(silent, undefined)).map(([name]) => name);
  expect(Object.keys(EXAMPLES).toSorted()).toEqual(names.toSorted());
  for (const name of names) {
    expect(EXAMPLES[name].length).toBeLessThanOrEqual(2);
    for (const example of EXAMPLES[name]) {
      const program = await buildProgram(silent, undefined);
      const ran: string[] = [];
      for (const [each, command] of leaves(program)) {
        command.exitOverride().configureOutput({ writeErr: () => {} });
        command.action(() => void ran.push(each));
      }
      await program.exitOverride().parseAsync(argsOf(example), { from: 'user' });
      expect({ example, ran }).toEqual({ example, ran: [name] });
    }
  }
});
