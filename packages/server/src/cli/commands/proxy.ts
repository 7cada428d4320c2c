import { GanglionError, type HostedNode, isGanglionError } from '@ganglion/core';
import { Command, InvalidArgumentError, Option } from 'commander';
import { splitAddress, urlHost } from '../../host/address.ts';
import { busyPort, startDaemon } from '../../host/daemon.ts';
import { hostNode } from '../../host/host-node.ts';
import { connectUp } from '../../host/web-socket-link.ts';
import type { AuthOptions } from '../../http/auth.ts';
import { createLogger, type Logger } from '../../log.ts';
import { type BackendNews, withNews } from '../../proxy/backend-news.ts';
import { backendPoint, outcomesWithinMs } from '../../proxy/backend-point.ts';
import { addressMatcher } from '../../proxy/forwarded.ts';
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
import { type TlsFlags, tlsOf } from './tls-files.ts';
import { runDaemon, untilStopped } from './until-stopped.ts';

interface ProxyFlags extends DaemonFlags, TlsFlags {
  readonly backend: Readonly<Record<string, string>>;
  readonly point: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly parent?: string;
  readonly name?: string;
  readonly deadline: number;
  readonly patience: number;
  readonly holdout: number;
  readonly unitHeader?: string;
  readonly trustedProxy?: readonly string[];
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
    .option('--unit-header <name>', 'request header that tells whom a request is for, for stable assignment')
    .option(
      '--trusted-proxy <cidr>',
      'proxy in front of this one, whose X-Forwarded-* and Forwarded are believed; repeat it for each',
      collectTrusted,
    )
    .option('--tls-cert <file>', 'serve HTTPS with this certificate and its chain (PEM)')
    .option('--tls-key <file>', 'key of the certificate (PEM)');
  return daemonOptions(command).action(async (flags: ProxyFlags) => {
    const logger = createLogger(flags.logLevel);
    await runDaemon({ json: flags.json, logger }, (up) => runProxy(flags, logger, up));
  });
}

async function runProxy(flags: ProxyFlags, logger: Logger, up: () => Promise<void>): Promise<void> {
  const name = flags.name ?? defaultName('proxy');
  const auth = authOf(flags);
  const tls = tlsOf(flags);
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
    await openPoint(node, flags, logger);
    const chooser = pointChooser({
      node,
      point: flags.point,
      backends: flags.backend,
      deadlineMs: flags.deadline,
      patienceMs: flags.patience,
      onError: (error) => chooserError(error, logger),
    });
    const proxy = createProxy({
      chooser: withNews(chooser, newsTo(logger)),
      headTimeoutMs: flags.deadline,
      ...(flags.unitHeader === undefined ? {} : { unit: { header: flags.unitHeader } }),
      trustedProxies: flags.trustedProxy ?? [],
      ...(tls === undefined ? {} : { tls }),
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
      proxy: `${tls === undefined ? 'http' : 'https'}://${urlHost(flags.listen.host)}:${port}`,
      url: daemon.url,
      node: name,
      point: flags.point,
      backends: flags.backend,
    };
    const stop = up();
    process.stdout.write(flags.json === true ? `${JSON.stringify(listening)}\n` : inWords(listening, auth));
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

/** An arm without a backend is for somebody to mend, and needs no stack; all else is about outcomes. */
function chooserError(error: unknown, logger: Logger): void {
  if (isGanglionError(error) && error.code === 'unknown_arm')
    logger.warn(
      { code: error.code, field: '--backend', value: error.value, mend: error.mend },
      error.message,
    );
  else logger.error({ err: error }, 'outcomes of the proxy');
}

/** A backend that is down shows in the log, not in metrics alone. */
function newsTo(logger: Logger): (news: BackendNews) => void {
  return ({ failing, ...news }) => logger.warn(news, failing ? 'a backend fails' : 'a backend answers again');
}

/** The point is there, and fits what is given here. */
async function openPoint(node: HostedNode, flags: ProxyFlags, logger: Logger): Promise<void> {
  if (flags.parent === undefined) {
    const spec = backendPoint({
      point: flags.point,
      arms: Object.keys(flags.backend),
      deadlineMs: flags.deadline,
      holdout: flags.holdout / 100,
    });
    await node.apply(spec, { name: 'proxy', authority: node.name });
  } else await waitForPoint(node, flags.point);
  checkArms(node, flags);
  checkWindow(node, flags, logger);
}

/** Where everything listens. */
interface Listening {
  readonly proxy: string;
  readonly url: string;
  readonly backends: ProxyFlags['backend'];
}

function inWords({ proxy, url, backends }: Listening, auth: AuthOptions): string {
  return `proxy     ${proxy}   before ${Object.keys(backends).join(', ')}\nconsole   ${url}\ncallers   ${whoMayCall(auth)}\n`;
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

/** What an outcome comes too late for is not learned, and it is the slow ones that come late. */
function checkWindow(node: HostedNode, flags: ProxyFlags, logger: Logger): void {
  const windowMs = node.state.points.get(flags.point)?.compiled.windowMs;
  if (windowMs === undefined || windowMs >= 2 * flags.deadline) return;
  logger.warn(
    {
      point: flags.point,
      windowMs,
      deadlineMs: flags.deadline,
      mend: `Declare attribution.window ${Math.ceil(outcomesWithinMs(flags.deadline) / 1000)}s for it at the parent, or give a shorter --deadline.`,
    },
    'outcomes of slow requests may come after the window of the point, and are then lost',
  );
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

function collectTrusted(text: string, before: readonly string[] = []): readonly string[] {
  try {
    addressMatcher([text]);
  } catch {
    throw new InvalidArgumentError('Give an address or a CIDR block: 192.0.2.1, 10.0.0.0/8, fd00::/8.');
  }
  return [...before, text];
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
