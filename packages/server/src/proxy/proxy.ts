import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createBackends } from './backends.ts';
import type { ProxyContext } from './exchange.ts';
import { createFront } from './front.ts';
import { type ProxyOptions, resolveOptions } from './options.ts';
import { retryBudget } from './retry.ts';
import { type ProxyStats, proxyStats } from './stats.ts';

/**
 * The HTTP/1.1 reverse proxy of `ganglion proxy`: node:http towards clients, undici's `Pool#dispatch` towards
 * backends.
 *
 * Why these two. Beside each other on one core, round robin over the same backends (`bench/src/proxy/main.ts` repeats
 * it; HAProxy is a row), undici's dispatch under our own handler takes about 30 % less CPU a request than a bare
 * pass-through over node's http.Agent, and 30 to 45 % less than http-proxy-3, httpxy and @fastify/reply-from; and none
 * of those lets a failed attempt go to another backend, or says who ended it. What undici cannot do over HTTP/1.1
 * (`Expect: 100-continue`, request trailers, a head sent before the body's first bytes) goes through node:http's
 * client; see `streaming.ts`.
 *
 * What it keeps to: RFC 9110 and 9112 (a gateway), RFC 7239 (`Forwarded`), RFC 9457 (its own errors). Bodies stream
 * both ways with backpressure and are never kept, so a request whose body has begun to flow is not retried.
 */
export interface ReverseProxy {
  /** Starts to listen. `port` 0 takes any free one. Rejects with node's error (`EADDRINUSE`, say). */
  listen(at: { readonly port: number; readonly host?: string }): Promise<AddressInfo>;
  /** Live counters; do not change them. */
  readonly stats: Readonly<ProxyStats>;
  /**
   * Stops: no new connection or request is taken, those in flight get `drainMs` to end, tunnels too, and what is left
   * then is cut. Resolves with the number of exchanges cut. A second call cuts at once what is still there.
   */
  close(drainMs?: number): Promise<{ readonly cut: number }>;
}

/** Time that `close` gives to requests in flight, unless told otherwise. */
const DRAIN_MS = 10_000;

/** Time in which cut connections report that they are closed. */
const CUT_MS = 1000;

const RETIRE_EVERY_MS = 30_000;

/** Makes a proxy. Throws `invalid_spec` naming the field for options out of range. */
export function createProxy(given: ProxyOptions): ReverseProxy {
  const options = resolveOptions(given);
  const stats = proxyStats();
  let onIdle = (): void => {};
  const context: ProxyContext = {
    options,
    backends: createBackends(options),
    stats,
    budget: retryBudget(options.retry, performance.now()),
    tunnels: new Set(),
    draining: false,
    cutting: false,
    left() {
      stats.inFlight -= 1;
      if (stats.inFlight === 0) onIdle();
    },
  };
  const { server, closeUnused, closeAll } = createFront(context);
  const retirement = setInterval(() => context.backends.retireIdle(performance.now()), RETIRE_EVERY_MS);
  retirement.unref();
  let closing: Promise<{ cut: number }> | undefined;

  const idleWithin = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
      if (stats.inFlight === 0) onIdle();
    });

  const drainAndClose = async (drainMs: number): Promise<{ cut: number }> => {
    clearInterval(retirement);
    context.draining = true;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    closeUnused();
    await idleWithin(drainMs);
    const cut = stats.inFlight;
    context.cutting = true;
    for (const socket of context.tunnels) socket.destroy();
    closeAll();
    await Promise.all([closed, context.backends.destroy(), idleWithin(CUT_MS)]);
    return { cut };
  };

  return {
    stats,
    listen: (at) => listen(server, at),
    close(drainMs = DRAIN_MS) {
      if (closing === undefined) closing = drainAndClose(drainMs);
      else onIdle();
      return closing;
    },
  };
}

function listen(server: Server, at: { port: number; host?: string }): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: at.port, host: at.host ?? '127.0.0.1' }, () => {
      server.removeListener('error', reject);
      resolve(server.address() as AddressInfo);
    });
  });
}
