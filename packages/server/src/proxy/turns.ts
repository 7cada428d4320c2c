import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientConnection } from './forwarded.ts';
import type { ProxyStats } from './stats.ts';
import type { ClientTunnel } from './tunnel.ts';

/** A request as the parser gave it, and where its answer goes. */
export interface Pending {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly tunnel: ClientTunnel | undefined;
}

/** What the connections of one front share. */
export interface TurnsShared {
  readonly stats: ProxyStats;
  /** Most requests that wait for their turn, on all connections together. */
  readonly mostWaiting: number;
  /** Longest wait for a request head that has begun, in milliseconds; 0: no bound. */
  readonly headTimeoutMs: number;
  /** Answers a request. Calls `over` of its connection, later, when it has. */
  serve(turns: Turns, pending: Pending): void;
  /** A request head did not arrive in time. */
  late(turns: Turns): void;
}

/**
 * Requests of one connection that may wait before it is read no further. What one read brought (64 KiB) has to be taken,
 * so there may be more.
 */
const WAITING = 16;

/**
 * The requests of one client connection, one at a time and in their order. Only safe methods could overlap (RFC 9112
 * §9.3.2), and then one connection would take as many places at the backends as it has requests in its pipeline.
 *
 * A class because its state is looked at for every request.
 */
export class Turns {
  readonly client: ClientConnection;
  readonly socket: Socket;
  readonly #shared: TurnsShared;
  readonly #waiting: Pending[] = [];
  #current: Pending | undefined;
  #closing = false;
  #lastWord: (() => void) | undefined;
  #stopped = false;
  #headDue = false;
  #headTimer: NodeJS.Timeout | undefined;

  constructor(client: ClientConnection, socket: Socket, shared: TurnsShared) {
    this.client = client;
    this.socket = socket;
    this.#shared = shared;
  }

  /** No answer is due, and requests are still taken. */
  get free(): boolean {
    return this.#current === undefined && !this.#closing;
  }

  /** Its last answer has been given, or is due. */
  get closing(): boolean {
    return this.#closing;
  }

  /** The request being answered. */
  get current(): Pending | undefined {
    return this.#current;
  }

  /**
   * Serves the request now, or when it is its turn. False: there is no room for it to wait.
   *
   * @param isLast - its answer closes the connection
   */
  take(pending: Pending, isLast: boolean): boolean {
    // Its last answer has been given or is about to be: whatever else the parser finds is not answered (RFC 9112 §9.6).
    if (this.#closing) return true;
    clearTimeout(this.#headTimer);
    this.#closing = isLast;
    if (this.#current === undefined) {
      this.#current = pending;
      this.#shared.serve(this, pending);
      return true;
    }
    const { stats, mostWaiting } = this.#shared;
    if (stats.waiting >= mostWaiting) return false;
    stats.waiting += 1;
    if (this.#waiting.push(pending) >= WAITING) this.#stop();
    return true;
  }

  /** The current request has been answered, or its client is gone. */
  over(): void {
    this.#current = undefined;
    const next = this.#waiting.shift();
    // Node hands the socket to the next response, unless the answer just given was the last.
    if (
      this.socket.destroyed ||
      this.socket.writableEnded ||
      (next !== undefined && next.response.socket === null)
    ) {
      this.#closing = true;
      if (next !== undefined) this.#shared.stats.waiting -= 1;
      this.forget();
      return;
    }
    if (next === undefined) {
      this.#lastWord?.();
      return;
    }
    this.#shared.stats.waiting -= 1;
    if (this.#stopped && this.#waiting.length < WAITING) this.#goOn();
    this.#current = next;
    this.#shared.serve(this, next);
  }

  /** The answer being given is the last: what waits is not answered, and nothing more is taken. */
  close(): void {
    this.#closing = true;
    this.forget();
  }

  /** Takes nothing more, but answers what is due. */
  refrain(): void {
    this.#closing = true;
    clearTimeout(this.#headTimer);
  }

  /**
   * Takes nothing more, and says a last word once what is due has been answered; said now, it would be taken for one of
   * those answers. Where the body being received is what broke, the word is the answer, if there is none yet.
   */
  end(say: () => void): void {
    this.#closing = true;
    const last = this.#waiting.at(-1);
    if (last?.request.complete === false) {
      this.#waiting.pop();
      this.#shared.stats.waiting -= 1;
    }
    const current = this.#current;
    if (current !== undefined && (last !== undefined || current.request.complete)) this.#lastWord = say;
    else if (current?.response.headersSent) this.socket.destroy();
    else say();
  }

  /** Whether a head that is late is so because we stopped reading; if so its time begins anew when we go on. */
  excused(): boolean {
    this.#headDue = this.#stopped;
    return this.#stopped;
  }

  /** Nothing that waits will be answered. */
  forget(): void {
    clearTimeout(this.#headTimer);
    this.#shared.stats.waiting -= this.#waiting.length;
    this.#waiting.length = 0;
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.socket.on('resume', this.#stayStopped);
    this.socket.pause();
  }

  #goOn(): void {
    this.#stopped = false;
    this.socket.removeListener('resume', this.#stayStopped);
    this.socket.resume();
    if (!this.#headDue) return;
    this.#headDue = false;
    this.#headTimer = setTimeout(() => this.#shared.late(this), this.#shared.headTimeoutMs);
  }

  /** Whoever reads a request's body lets the connection flow. */
  readonly #stayStopped = (): void => {
    this.socket.pause();
  };
}
