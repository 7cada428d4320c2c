import type { ProxyProblem } from './problem.ts';

/** Plain counters since the proxy was made. */
export interface ProxyStats {
  /** Requests in flight, tunnels included. */
  inFlight: number;
  /** Pipelined requests that wait until those before them on their connection have been answered. */
  waiting: number;
  /** Requests whose turn it was, and what was answered without having become one: it could not be parsed. */
  requests: number;
  /** Answers by the hundreds of their status, our own included: `responses[2]` counts 2xx. */
  readonly responses: number[];
  /** Responses that a backend broke off, or let stall, after their head. They count in `responses` as well. */
  cutResponses: number;
  retries: number;
  /** Retries that would have been safe, and that the budget did not allow. */
  retriesRefused: number;
  /** Clients that went away before their response was complete. */
  clientAborts: number;
  /** Clients that stopped sending or reading. */
  clientStalls: number;
  /** Requests refused as malformed, too large, or not understood. A connection that breaks off is none. */
  malformed: number;
  /** Requests refused for want of room, here or at the backends, or during shutdown. */
  shed: number;
  tunnels: number;
}

/** All zero. */
export function proxyStats(): ProxyStats {
  return {
    inFlight: 0,
    waiting: 0,
    requests: 0,
    responses: [0, 0, 0, 0, 0, 0],
    cutResponses: 0,
    retries: 0,
    retriesRefused: 0,
    clientAborts: 0,
    clientStalls: 0,
    malformed: 0,
    shed: 0,
    tunnels: 0,
  };
}

/** Counts an answer. */
export function countResponse(stats: ProxyStats, status: number): void {
  const hundreds = Math.floor(status / 100);
  stats.responses[hundreds] = (stats.responses[hundreds] ?? 0) + 1;
}

/** Counts what was refused before it came to an exchange. */
export function countRefusal(stats: ProxyStats, problem: ProxyProblem): void {
  countResponse(stats, problem.status);
  if (problem.status === 503) stats.shed += 1;
  else if (problem.code === 'request_timeout') stats.clientStalls += 1;
  else stats.malformed += 1;
}
