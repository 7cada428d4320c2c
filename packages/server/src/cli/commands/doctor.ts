import { createClient } from '@ganglion/sdk';
import type { Command } from 'commander';
import { type ClientFlags, clientCommand, clientOf } from '../context.ts';
import type { Check } from '../doctor/check.ts';
import { checkDaemon, checkParent } from '../doctor/daemon.ts';
import { checkData } from '../doctor/data.ts';
import { checkPlatform } from '../doctor/platform.ts';
import type { Io } from '../io.ts';
import { clean, type Style, styleOf, table } from '../style.ts';

interface DoctorFlags extends ClientFlags {
  readonly data?: string;
  readonly parent?: string;
}

/** `ganglion doctor`: what stands in the way of a daemon here, and what to do about it. Changes nothing. */
export function doctorCommand(io: Io): Command {
  return clientCommand(
    'doctor',
    'check this machine, the data and the daemon; each fault with what to do about it',
  )
    .option('--data <dir>', 'where state is kept (default: ~/.ganglion)')
    .option(
      '--parent <url>',
      'the parent that a node here shall have; its token is taken from GANGLION_PARENT_TOKEN',
    )
    .action(async (flags: DoctorFlags, command: Command) => {
      const asked = flags.url !== undefined || io.env.GANGLION_URL !== undefined;
      const checks: Check[] = [
        ...checkPlatform(),
        ...checkData(flags.data),
        ...(await checkDaemon(clientOf(io, flags), asked, Boolean(flags.token ?? io.env.GANGLION_TOKEN))),
        ...(flags.parent === undefined
          ? []
          : await checkParent(
              createClient({
                url: flags.parent,
                token: io.env.GANGLION_PARENT_TOKEN,
                timeoutMs: flags.timeout,
              }),
            )),
      ];
      const style = styleOf(io);
      io.out(flags.json === true ? `${JSON.stringify(checks)}\n` : checkTable(checks, style));
      const failed = checks.filter(({ state }) => state === 'fails');
      if (failed.length > 0)
        throw command.error(`${failed.length} of ${checks.length} checks failed`, {
          exitCode: 1,
          code: 'ganglion.failed',
        });
    });
}

function checkTable(checks: readonly Check[], style: Style): string {
  const marks = {
    passes: style.good('passes'),
    warns: style.warn('warns'),
    fails: style.bad('fails'),
    skipped: style.dim('skipped'),
  };
  const told = table(
    [{ head: 'CHECK' }, { head: '' }, { head: 'FOUND' }],
    checks.map(({ name, state, found }) => [name, marks[state], clean(found)]),
    style,
  );
  const mends = checks.flatMap(({ name, mend }) =>
    mend === undefined ? [] : [`${style.bold(name)}: ${clean(mend)}\n`],
  );
  return mends.length === 0 ? told : `${told}\n${mends.join('')}`;
}
