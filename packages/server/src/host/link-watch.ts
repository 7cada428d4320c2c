import { WebSocket } from 'ws';

/** When a link is asked whether it lives, and when it is given up. */
export interface LinkTimes {
  /** Between two pings, ms. */
  readonly pingEveryMs: number;
  /** A link on which nothing has come for so long, not even the answer to a ping, is ended, ms. */
  readonly deadAfterMs: number;
}

export const LINK_TIMES: LinkTimes = { pingEveryMs: 10_000, deadAfterMs: 30_000 };

/**
 * Ends a connection whose other side has gone without a word: a machine that lost its power, or a router that forgot the
 * connection. TCP alone tells of that after a quarter of an hour or more, and of an idle connection never (RFC 6455 §5.5.2
 * has ping for it). Both sides watch, for each may be the only one to send.
 */
export function watchLink(link: WebSocket, times: LinkTimes, onDead: () => void): void {
  let heardMs = performance.now();
  let lookedMs = heardMs;
  const hear = (): void => {
    heardMs = performance.now();
  };
  const timer = setInterval(() => {
    const nowMs = performance.now();
    // This process stood still: what came meanwhile has yet to be read.
    if (nowMs - lookedMs > 2 * times.pingEveryMs) heardMs = nowMs;
    lookedMs = nowMs;
    if (nowMs - heardMs >= times.deadAfterMs) {
      onDead();
      link.terminate();
    } else if (link.readyState === WebSocket.OPEN) link.ping();
  }, times.pingEveryMs);
  timer.unref();
  for (const sign of ['open', 'message', 'ping', 'pong'] as const) link.on(sign, hear);
  link.on('close', () => clearInterval(timer));
}
