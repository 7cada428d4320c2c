import type { HostedNode } from '@ganglion/core';
import { Command } from 'commander';
import { type Daemon, startDaemon } from '../../host/daemon.ts';
import { type Demo, startDemo } from '../../host/demo.ts';
import { hostNode, linkInProcess } from '../../host/host-node.ts';
import { createLogger, type Logger } from '../../log.ts';
import type { Trainer } from '../../training/trainer.ts';
import {
  artifactsIn,
  authOf,
  daemonOptions,
  dataDirOf,
  positiveNumber,
  type TrainingFlags,
  trainerOf,
  trainingOption,
  whoMayCall,
} from './daemon-options.ts';
import { runDaemon, untilStopped } from './until-stopped.ts';

interface UpFlags extends TrainingFlags {
  readonly demo?: boolean;
  readonly rate: number;
}

/** `ganglion up`: a cloud, a region and two devices in one process, with the console. */
export function upCommand(): Command {
  const command = new Command('up')
    .description('run a whole tree here: a cloud, a region and two devices in one process, with the console')
    .option(
      '--demo',
      'real HTTP traffic through the tree: three backends, a client, and a proxy on each device',
    )
    .option('--rate <requests>', 'with --demo: requests a second to each proxy', positiveNumber, 100);
  return trainingOption(daemonOptions(command)).action(async (flags: UpFlags) => {
    const logger = createLogger(flags.logLevel);
    await runDaemon({ json: flags.json, logger }, async (up) => {
      const { stop, dataDir, close } = await startTree(flags, logger, up);
      await untilStopped(stop, { json: flags.json, dataDir, logger }, close);
    });
  });
}

interface Tree {
  readonly stop: Promise<void>;
  readonly dataDir: string | undefined;
  close(): Promise<void>;
}

async function startTree(flags: UpFlags, logger: Logger, up: () => Promise<void>): Promise<Tree> {
  const dataDir = dataDirOf(flags, 'up');
  const auth = authOf(flags);
  const nodes: HostedNode[] = [];
  let daemon: Daemon | undefined;
  let trainer: Trainer | undefined;
  let demo: Demo | undefined;
  const close = async (): Promise<void> => {
    await trainer?.close();
    await demo?.close();
    await daemon?.close();
    for (const node of [...nodes].reverse()) await node.close();
  };
  try {
    const start = async (name: string, tier: 'cloud' | 'region' | 'device'): Promise<HostedNode> => {
      const node = await hostNode({
        name,
        tier,
        root: tier === 'cloud',
        dataDir,
        logger,
        tuning: { logKeptMs: flags.keepLog },
      });
      nodes.push(node);
      return node;
    };
    const cloud = await start('cloud', 'cloud');
    const region = await start('region', 'region');
    const devices = [await start('device-1', 'device'), await start('device-2', 'device')];
    const proxies = () => demo?.observed ?? [];
    const artifacts = artifactsIn(dataDir);
    trainer = await trainerOf(flags, nodes, dataDir, logger);
    daemon = await startDaemon({
      nodes,
      host: flags.host,
      port: flags.port,
      logger,
      auth,
      data: dataDir,
      proxies,
      artifacts,
      trainer,
    });
    linkInProcess(region, cloud);
    for (const device of devices) linkInProcess(device, region);
    if (flags.demo === true)
      demo = await startDemo({ cloud, devices, rate: flags.rate, host: '127.0.0.1', logger });
    const stop = up();
    announce(flags, daemon, demo, dataDir, whoMayCall(auth));
    return { stop, dataDir, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function announce(
  flags: UpFlags,
  daemon: Daemon,
  demo: Demo | undefined,
  dataDir: string | undefined,
  callers: string,
): void {
  const listening = {
    url: daemon.url,
    nodes: ['cloud', 'region', 'device-1', 'device-2'],
    data: dataDir ?? null,
    proxies: demo?.proxies ?? [],
    backends: demo?.backends ?? {},
  };
  if (flags.json === true) return void process.stdout.write(`${JSON.stringify(listening)}\n`);
  const lines = [
    '',
    `  Ganglion is up: cloud, region and two devices in one process`,
    '',
    `  console   ${daemon.url}`,
    `  API       ${daemon.url}/v1/points   (described at /openapi.json)`,
    `  state     ${dataDir ?? 'in memory only'}`,
    `  callers   ${callers}`,
  ];
  for (const { device, url } of demo?.proxies ?? [])
    lines.push(`  proxy     ${url}   before backends a, b and c, decided on ${device}`);
  if (demo !== undefined)
    lines.push(
      '',
      `  Backend b slows down and c fails now and then. 10 % of requests are the holdout, on round robin.`,
    );
  lines.push('', '  Ctrl-C stops everything.', '');
  process.stdout.write(lines.join('\n'));
}
