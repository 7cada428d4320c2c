import { GanglionError, type HostedNode, type PointSpec } from '@ganglion/core';
import { Command, InvalidArgumentError, Option } from 'commander';
import { splitAddress, urlHost } from '../../host/address.ts';
import { busyPort, startDaemon } from '../../host/daemon.ts';
import { hostNode } from '../../host/host-node.ts';
import { connectUp } from '../../host/web-socket-link.ts';
import { createLogger, type Logger } from '../../log.ts';
import { type BackendNews, withNews } from '../../proxy/backend-news.ts';
import { pointChooser } from '../../proxy/point-chooser.ts';
import { createProxy } from '../../proxy/proxy.ts';
import {
  authOf,
  type DaemonFlags,
  daemonOptions,
  dataDirOf,
  portNumber,
  positiveNumber,
  whoMayCall,
} from './daemon-options.ts';
import { defaultName } from './node.ts';
import { runDaemon, untilStopped } from './until-stopped.ts';

interface ProxyFlags extends DaemonFlags {
  readonly backend: Readonly<Record<string, string>>;
  readonly point: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly parent?: string;
  readonly name?: string;
  readonly deadline: number;
  readonly patience: number;
  readonly holdout: number;
  readonly unitHeader?: string;
}

/** `ganglion proxy`: a reverse proxy whose backend is a decision point. */
export function proxyCommand(): Command {
  const command = new Command('proxy')
    .description('an HTTP reverse proxy that learns which backend serves best')
    .requiredOption('--backend <arm=url>', 'a backend; give one for each arm', collectBackend)
    .option('--point <name>', 'the decision point', 'backend')
    .addOption(
      new Option('--listen <host:port>', 'where the proxy listens')
        .argParser(listenAddress)
        .default({ host: '127.0.0.1', port: 8080 }, '127.0.0.1:8080'),
    )
    .option('--parent <url>', 'URL of the parent’s daemon, which then declares the point')
    .option('--name <name>', 'name of this node in the tree (default: proxy and host name)')
    .option(
      '--deadline <ms>',
      'longest wait for a response head; charged to a backend that fails',
      positiveNumber,
      5000,
    )
    .option(
      '--patience <ms>',
      'a client that leaves after so long a wait was failed by its backend (from the deadline on: never)',
      positiveNumber,
      500,
    )
    .option('--holdout <percent>', 'share of requests on round robin, to compare with', percent, 5)
    .option('--unit-header <name>', 'request header that tells whom a request is for, for stable assignment');
  return daemonOptions(command).action(async (flags: ProxyFlags) => {
    const logger = createLogger(flags.logLevel);
    await runDaemon({ json: flags.json, logger }, (up) => runProxy(flags, logger, up));
  });
}

async function runProxy(flags: ProxyFlags, logger: Logger, up: () => Promise<void>): Promise<void> {
  const name = flags.name ?? defaultName('proxy');
  const auth = authOf(flags);
  const dataDir = dataDirOf(flags, name);
  const node = await hostNode({
    name,
    tier: 'device',
    root: flags.parent === undefined,
    dataDir,
    logger,
  });
  const link =
    flags.parent === undefined
      ? undefined
      : connectUp(node, flags.parent, { token: process.env.GANGLION_PARENT_TOKEN, logger });
  try {
    if (flags.parent === undefined) await node.apply(specOf(flags), { name: 'proxy', authority: node.name });
    else await waitForPoint(node, flags.point);
    checkArms(node, flags);
    const chooser = pointChooser({
      node,
      point: flags.point,
      backends: flags.backend,
      deadlineMs: flags.deadline,
      patienceMs: flags.patience,
      onError: (error) => logger.error({ err: error }, 'outcomes of the proxy'),
    });
    const proxy = createProxy({
      chooser: withNews(chooser, newsTo(logger)),
      headTimeoutMs: flags.deadline,
      ...(flags.unitHeader === undefined ? {} : { unit: { header: flags.unitHeader } }),
      onError: (error) => logger.error({ err: error }, 'proxy'),
    });
    const observed = [{ name, stats: proxy.stats, outcomes: chooser.outcomes, choices: chooser.choices }];
    const daemon = await startDaemon({
      nodes: [node],
      host: flags.host,
      port: flags.port,
      logger,
      auth,
      data: dataDir,
      proxies: () => observed,
    });
    const close = async (): Promise<void> => {
      await proxy.close();
      await chooser.flush();
      await daemon.close();
    };
    const { port } = await proxy.listen(flags.listen).catch(async (error: unknown) => {
      await close();
      throw busyListen(error, flags.listen);
    });
    const listening = {
      proxy: `http://${urlHost(flags.listen.host)}:${port}`,
      url: daemon.url,
      node: name,
      point: flags.point,
      backends: flags.backend,
    };
    const stop = up();
    process.stdout.write(
      flags.json === true
        ? `${JSON.stringify(listening)}\n`
        : `proxy     ${listening.proxy}   before ${Object.keys(flags.backend).join(', ')}\nconsole   ${daemon.url}\ncallers   ${whoMayCall(auth)}\n`,
    );
    await untilStopped(stop, { json: flags.json, dataDir, logger }, close);
  } finally {
    link?.close();
    await node.close();
  }
}

/** As of `busyPort`, but it was not --port that cannot be listened on. */
function busyListen(error: unknown, { host, port }: ProxyFlags['listen']): unknown {
  return busyPort(error, port, host, `--listen ${urlHost(host)}:0`);
}

/** A backend that is down shows in the log, not in metrics alone. */
function newsTo(logger: Logger): (news: BackendNews) => void {
  return ({ failing, ...news }) => logger.warn(news, failing ? 'a backend fails' : 'a backend answers again');
}

/** What a proxy without a parent declares: learned from latency and success, with a holdout on round robin. */
function specOf(flags: ProxyFlags): PointSpec {
  const arms = Object.keys(flags.backend);
  return {
    point: flags.point,
    arms,
    fallback: arms[0],
    baseline: { kind: 'round-robin' },
    policy: { kind: 'balancer' },
    objective: { latencyMs: -1 / flags.deadline, range: [-1, 0] },
    guards: [
      ...(flags.holdout > 0 ? [{ kind: 'holdout', share: flags.holdout / 100 }] : []),
      { kind: 'breaker', minCalls: 20 },
      { kind: 'exploration', floor: 0.02 },
    ],
    oversight: { onExpiry: 'continue' },
    attribution: { window: '1m' },
    domain: 'web',
  };
}

async function waitForPoint(node: HostedNode, point: string): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (node.point(point) !== undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new GanglionError('unknown_point', `the parent has sent no point ${point} within 30 s`, {
    field: '--point',
    value: point,
    mend: 'Declare it there with "ganglion point apply", and check --parent.',
  });
}

function checkArms(node: HostedNode, flags: ProxyFlags): void {
  const arms = node.state.points.get(flags.point)?.compiled.armIds ?? [];
  const missing = arms.filter((arm) => !Object.hasOwn(flags.backend, arm));
  if (missing.length > 0)
    throw new GanglionError('unknown_arm', `no backend is given for ${missing.join(', ')}`, {
      field: '--backend',
      mend: `Add --backend ${missing[0]}=URL.`,
    });
}

function collectBackend(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const equals = text.indexOf('=');
  const arm = text.slice(0, equals);
  const url = equals > 0 ? URL.parse(text.slice(equals + 1)) : null;
  if (
    url === null ||
    !['http:', 'https:'].includes(url.protocol) ||
    url.pathname !== '/' ||
    url.search !== ''
  )
    throw new InvalidArgumentError('Give it as ARM=http://HOST:PORT.');
  if (Object.hasOwn(before, arm)) throw new InvalidArgumentError(`${arm} is given twice.`);
  return { ...before, [arm]: url.origin };
}

function listenAddress(text: string): { host: string; port: number } {
  const parts = splitAddress(text);
  if (parts === undefined)
    throw new InvalidArgumentError('Give it as HOST:PORT, an IPv6 address in brackets: [::1]:8080.');
  return { host: parts.host ?? '127.0.0.1', port: portNumber(parts.port) };
}

function percent(text: string): number {
  const value = Number(text.replace(/%$/, ''));
  if (!(value >= 0 && value <= 50)) throw new InvalidArgumentError('Give a percentage from 0 to 50.');
  return value;
}
