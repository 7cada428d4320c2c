import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { GanglionError, type HostedNode } from '@ganglion/core';
import type { AuthOptions } from '../http/auth.ts';
import { buildServer } from '../http/server.ts';
import type { Logger } from '../log.ts';
import type { ObservedProxy } from '../proxy/proxy-metrics.ts';
import type { Trainer } from '../training/trainer.ts';
import { urlHost } from './address.ts';
import type { ArtifactStore } from './artifact-store.ts';
import { acceptLinks } from './web-socket-link.ts';

export interface DaemonOptions {
  /** The nodes of this process, root-most first. */
  readonly nodes: readonly HostedNode[];
  readonly host: string;
  readonly port: number;
  readonly logger: Logger;
  readonly auth?: AuthOptions | undefined;
  /** Where artifacts are kept; undefined: nowhere. */
  readonly artifacts?: ArtifactStore | undefined;
  /** Where the nodes keep their stores; undefined: in memory only. */
  readonly data?: string | undefined;
  /** Trains models anew. */
  readonly trainer?: Trainer | undefined;
  /** Proxies of this process, shown among the metrics; asked at every scrape. */
  readonly proxies?: (() => readonly ObservedProxy[]) | undefined;
}

export interface Daemon {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** The HTTP API, the console and the links of children, before one or more nodes. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const app = await buildServer({
    nodes: options.nodes,
    logger: options.logger,
    consoleDir: consoleDir(),
    auth: options.auth,
    data: options.data,
    proxies: options.proxies,
    artifacts: options.artifacts,
    trainer: options.trainer,
  });
  const links = acceptLinks(app.server, options.nodes[0], { auth: options.auth, logger: options.logger });
  try {
    await app.listen({ port: options.port, host: options.host });
  } catch (error) {
    await app.close();
    throw busyPort(error, options.port, options.host);
  }
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    url: `http://${urlHost(options.host)}:${port}`,
    port,
    async close() {
      links.close();
      await app.close();
    },
  };
}

/** The built console, where it is: beside this package in the workspace, or as an installed package. */
function consoleDir(): string | undefined {
  const beside = fileURLToPath(new URL('../../../console/dist', import.meta.url));
  return existsSync(beside) ? beside : undefined;
}

/**
 * Node's error for a port or host that cannot be listened on, as something a person can act on.
 *
 * @param free - what to give for any free port
 */
export function busyPort(error: unknown, port: number, host: string, free = '--port 0'): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EADDRINUSE')
    return new GanglionError('invalid_input', `port ${port} on ${host} is in use`, {
      field: 'port',
      value: port,
      mend: `Stop what listens there, or use ${free} for any free port.`,
      cause: error,
    });
  if (code === 'EACCES')
    return new GanglionError('invalid_input', `port ${port} may not be opened by this user`, {
      field: 'port',
      value: port,
      mend: 'Use a port above 1023.',
      cause: error,
    });
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return new GanglionError('invalid_input', `no address is known for the host ${host}`, {
      field: 'host',
      value: host,
      mend: 'Give an address or a name of this machine, such as 127.0.0.1, [::1] or localhost.',
      cause: error,
    });
  // A link-local address without its interface is invalid rather than missing.
  if (code === 'EADDRNOTAVAIL' || code === 'EINVAL')
    return new GanglionError('invalid_input', `this machine has no address ${host}`, {
      field: 'host',
      value: host,
      mend: 'Use 127.0.0.1, or 0.0.0.0 for every address.',
      cause: error,
    });
  return error;
}
