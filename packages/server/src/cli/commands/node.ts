import { hostname } from 'node:os';
import type { Tier } from '@ganglion/core';
import { Command, Option } from 'commander';
import { startDaemon } from '../../host/daemon.ts';
import { hostNode } from '../../host/host-node.ts';
import { connectUp } from '../../host/web-socket-link.ts';
import { createLogger, type Logger } from '../../log.ts';
import type { Trainer } from '../../training/trainer.ts';
import {
  artifactsIn,
  authOf,
  daemonOptions,
  dataDirOf,
  type TrainingFlags,
  trainerOf,
  trainingOption,
  whoMayCall,
} from './daemon-options.ts';
import { runDaemon, untilStopped } from './until-stopped.ts';

interface NodeFlags extends TrainingFlags {
  readonly name?: string;
  readonly tier: Tier;
  readonly parent?: string;
}

/** `ganglion node`: one node of a tree as a process of its own. */
export function nodeCommand(): Command {
  const command = new Command('node')
    .description('run one node of a tree; without --parent it is a root')
    .addOption(
      new Option('--tier <tier>', 'where in the tree it stands')
        .choices(['device', 'region', 'cloud'])
        .default('device'),
    )
    .option('--name <name>', 'unique in the tree (default: tier and host name)')
    .option('--parent <url>', 'URL of the parent’s daemon; its token is taken from GANGLION_PARENT_TOKEN');
  return trainingOption(daemonOptions(command)).action(async (flags: NodeFlags) => {
    const logger = createLogger(flags.logLevel);
    await runDaemon({ json: flags.json, logger }, (up) => runNode(flags, logger, up));
  });
}

async function runNode(flags: NodeFlags, logger: Logger, up: () => Promise<void>): Promise<void> {
  const name = flags.name ?? defaultName(flags.tier);
  const auth = authOf(flags);
  const dataDir = dataDirOf(flags, name);
  const node = await hostNode({
    name,
    tier: flags.tier,
    root: flags.parent === undefined,
    dataDir,
    logger,
    tuning: { logKeptMs: flags.keepLog },
  });
  const link =
    flags.parent === undefined
      ? undefined
      : connectUp(node, flags.parent, { token: process.env.GANGLION_PARENT_TOKEN, logger });
  let trainer: Trainer | undefined;
  try {
    trainer = await trainerOf(flags, [node], dataDir, logger);
    const daemon = await startDaemon({
      nodes: [node],
      host: flags.host,
      port: flags.port,
      logger,
      auth,
      artifacts: artifactsIn(dataDir),
      data: dataDir,
      trainer,
    });
    const listening = {
      url: daemon.url,
      node: name,
      tier: flags.tier,
      parent: flags.parent ?? null,
      data: dataDir ?? null,
    };
    const stop = up();
    process.stdout.write(
      flags.json === true
        ? `${JSON.stringify(listening)}\n`
        : `${name} (${flags.tier}) is up at ${daemon.url}${flags.parent === undefined ? ', a root' : `, below ${flags.parent}`}; ${whoMayCall(auth)}\n`,
    );
    await untilStopped(stop, { json: flags.json, dataDir, logger }, async () => {
      // While programs that train end, the node still decides.
      await trainer?.close();
      await daemon.close();
    });
  } finally {
    await trainer?.close();
    link?.close();
    await node.close();
  }
}

export function defaultName(prefix: string): string {
  const host = hostname()
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .slice(0, 64);
  return `${prefix}-${host === '' ? 'local' : host}`;
}
