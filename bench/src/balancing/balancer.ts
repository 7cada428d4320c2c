import type { Random } from './random.ts';
import type { ServerPool } from './servers.ts';

/** What the clients of one row may see, and what only an oracle may. */
export interface World {
  readonly clients: number;
  readonly servers: number;
  readonly deadlineMs: number;
  /** Requests in flight of client c at server s, at index c × servers + s; kept by the engine. */
  readonly inFlight: Int32Array;
  /** The row's own stream of chance. */
  readonly random: Random;
  /** The true state of the servers, for the oracle and for what a server tells of itself. */
  readonly pool: ServerPool;
  /** Sends a probe that reads the server half a round trip from now and is `probed` after the other half. */
  readonly probe: (client: number, server: number) => void;
}

/** One way to balance, for all the clients of the simulation at once; clients share nothing unless a row says so. */
export interface Balancer {
  /** Picks the server for a request that `client` sends now. */
  choose(client: number, nowMs: number): number;
  /**
   * The answer, or the error at the deadline, reaches the client.
   * @param load requests that the server had left when it answered (piggybacked); −1 on an error
   */
  outcome?(client: number, server: number, latencyMs: number, ok: boolean, load: number, nowMs: number): void;
  /** A request reaches its server. */
  arrived?(server: number): void;
  /** The server is done with a request that found `found` others on arrival: server-side bookkeeping. */
  served?(server: number, found: number, sojournMs: number): void;
  /** The answer to a probe: requests at the server, and what `latencyAt` said when the probe was there. */
  probed?(client: number, server: number, load: number, latencyMs: number, nowMs: number): void;
  /** The latency in ms that a server estimates for one more request, asked when a probe reaches it. */
  latencyAt?(server: number): number;
  /** Called every `tickMs`. */
  tick?(nowMs: number): void;
  readonly tickMs?: number;
}

/** A row of the table: a name, what it is, and how to make it. */
export interface Row {
  readonly name: string;
  readonly about: string;
  create(world: World): Balancer;
}
