/** Plain counters since the proxy was made. */
export interface ProxyStats {
  /** Requests in flight, tunnels included. */
  inFlight: number;
  requests: number;
  /** Finished exchanges by the hundreds of their status: `responses[2]` counts 2xx. */
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
  /** Requests refused as malformed, too large, or not understood. */
  malformed: number;
  /** Requests refused for want of room, or during shutdown. */
  shed: number;
  tunnels: number;
}

/** All zero. */
export function proxyStats(): ProxyStats {
  return {
    inFlight: 0,
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
