import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Backend } from './backends.ts';
import type { BackendChoice, BackendOutcome } from './balancer.ts';
import { type Failure, failureOf } from './failure.ts';
import type { ResponseFields } from './response-head.ts';

/** What an attempt reports to its exchange. */
export interface AttemptOwner {
  /** A 1xx response other than 100 and 101. */
  informed(status: number, fields: ResponseFields): void;
  /** The final response head. Returns whether its body is wanted; without, it is read and thrown away. */
  answered(attempt: Attempt, status: number, fields: ResponseFields, reason: string): boolean;
  /** A chunk of the body. False: no more until `resume`. */
  received(chunk: Buffer): boolean;
  completed(trailers: ResponseFields): void;
  switched(attempt: Attempt, fields: ResponseFields, socket: Duplex): void;
  failed(attempt: Attempt, failure: Failure): void;
  /** An error that should not happen, to be reported. */
  unexpected(error: unknown): void;
}

/** A body that nobody wants is read up to here, to keep the connection; beyond, the connection is the cheaper loss. */
const DISCARD_BYTES = 65_536;

/**
 * One attempt at one backend: what both transports call back, and the one place where the choice is told its outcome,
 * exactly once. A class because there is one for every request, and undici calls its methods on the hot path.
 */
export class Attempt implements Dispatcher.DispatchHandler {
  readonly choice: BackendChoice;
  /** A connection was there: bytes of the request may have left. */
  sent = false;
  readonly #owner: AttemptOwner;
  readonly #backend: Backend | undefined;
  readonly #headTimeoutMs: number;
  readonly #startedAtMs: number;
  #connectedAtMs: number | undefined;
  /** When bytes of the request last left; until then, when it was connected. */
  #lastByteAtMs = 0;
  #sentAtMs: number | undefined;
  /** Runs only once a backend has sent an interim answer. */
  #deadline: NodeJS.Timeout | undefined;
  #informed = false;
  #controller: Dispatcher.DispatchController | undefined;
  #status: number | undefined;
  #latencyMs: number | undefined;
  #waitMs: number | undefined;
  #bytes = 0;
  #wanted = true;
  #over = false;

  /** @param headTimeoutMs - from the sent request to the response head; 0: no bound */
  constructor(
    owner: AttemptOwner,
    choice: BackendChoice,
    backend: Backend | undefined,
    headTimeoutMs: number,
  ) {
    this.#owner = owner;
    this.choice = choice;
    this.#backend = backend;
    this.#headTimeoutMs = headTimeoutMs;
    this.#startedAtMs = performance.now();
    if (backend !== undefined) backend.active += 1;
  }

  /** Whether the choice has been told its outcome. */
  get over(): boolean {
    return this.#over;
  }

  /** Lets a paused response flow again. */
  resume(): void {
    this.#controller?.resume();
  }

  /** Ends the attempt from our side. Its connection is closed. */
  cancel(failure: Failure): void {
    this.#settle(failure.fault, failure.error);
    this.#controller?.abort(new Error(failure.error));
  }

  /** Ends a tunnel that was `switched`. */
  close(failure: Failure | undefined, bytes: number): void {
    this.#bytes = bytes;
    this.#settle(failure?.fault ?? 'none', failure?.error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Cancelled while the connection was being made: undici has no handle on a request before this call.
    if (this.#over) controller.abort(new Error('cancelled'));
    else {
      this.sent = true;
      this.#connectedAtMs = performance.now();
      this.#lastByteAtMs = this.#connectedAtMs;
    }
  }

  onBodySent(): void {
    this.#lastByteAtMs = performance.now();
  }

  onRequestSent(): void {
    this.#sentAtMs = performance.now();
    this.#lastByteAtMs = this.#sentAtMs;
    if (this.#informed && this.#status === undefined) this.#boundHead();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: ResponseFields,
    reason = '',
  ): void {
    if (this.#over) return;
    // Three digits are all that the parsers ask for.
    if (status < 100) {
      this.fail({ error: 'backend_bad_response', fault: 'backend' });
      controller.abort(new Error('bad response'));
      return;
    }
    if (status < 200) {
      if (!this.#informed) {
        this.#informed = true;
        this.#boundHead();
      }
      if (status !== 101) this.#owner.informed(status, fields);
      return;
    }
    this.#controller = controller;
    this.#answer(status);
    this.#wanted = this.#owner.answered(this, status, fields, reason);
    if (!this.#wanted) this.#settle('none', undefined);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (!this.#wanted) {
      if (this.#bytes > DISCARD_BYTES) controller.abort(new Error('unwanted'));
    } else if (!this.#over && !this.#owner.received(chunk)) controller.pause();
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: ResponseFields): void {
    if (this.#over) return;
    this.#settle('none', undefined);
    this.#owner.completed(trailers);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#over) return;
    const failure = failureOf(error, { sent: this.sent, answered: this.#status !== undefined });
    if (failure.error === 'backend_unasked_continue' && this.#backend !== undefined)
      this.#backend.saysContinue = true;
    this.fail(failure);
  }

  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    status: number,
    fields: ResponseFields,
    socket: Duplex,
  ): void {
    if (this.#over) {
      socket.destroy();
      return;
    }
    this.#answer(status);
    this.#owner.switched(this, fields, socket);
  }

  /** Settles as failed, and lets the exchange go on. */
  fail(failure: Failure): void {
    this.#settle(failure.fault, failure.error);
    this.#owner.failed(this, failure);
  }

  /**
   * The transports bound the wait for a head themselves, but undici begins anew with every interim answer. Most backends
   * never send one, and need no timer of ours.
   */
  #boundHead(): void {
    if (this.#headTimeoutMs === 0 || this.#sentAtMs === undefined || this.#over) return;
    const leftMs = this.#headTimeoutMs - (performance.now() - this.#sentAtMs);
    this.#deadline = setTimeout(
      () => {
        this.fail({ error: 'backend_head_timeout', fault: 'backend' });
        this.#controller?.abort(new Error('backend_head_timeout'));
      },
      Math.max(0, leftMs),
    );
  }

  /** How long the backend has been waited for by now: to connect, and since it was last sent something. */
  #waitedMs(nowMs: number): number {
    if (this.#connectedAtMs === undefined) return nowMs - this.#startedAtMs;
    return this.#connectedAtMs - this.#startedAtMs + (nowMs - this.#lastByteAtMs);
  }

  /** As `#waitedMs`, of an attempt that ends without a head; undefined where it was the client that was waited for. */
  #waitedInVainMs(nowMs: number): number | undefined {
    const awaitsClient = this.#connectedAtMs !== undefined && this.#sentAtMs === undefined;
    return awaitsClient ? undefined : this.#waitedMs(nowMs);
  }

  #answer(status: number): void {
    clearTimeout(this.#deadline);
    this.#status = status;
    const nowMs = performance.now();
    this.#latencyMs = nowMs - this.#startedAtMs;
    this.#waitMs = this.#waitedMs(nowMs);
    if (this.choice.answered === undefined) return;
    try {
      this.choice.answered({ status, latencyMs: this.#latencyMs, waitMs: this.#waitMs });
    } catch (error) {
      this.#owner.unexpected(error);
    }
  }

  #settle(fault: BackendOutcome['fault'], error: BackendOutcome['error']): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#deadline);
    const nowMs = performance.now();
    if (this.#backend !== undefined) {
      this.#backend.active -= 1;
      this.#backend.idleSinceMs = nowMs;
    }
    const totalMs = nowMs - this.#startedAtMs;
    try {
      this.choice.done({
        fault,
        error,
        status: this.#status,
        latencyMs: this.#latencyMs ?? totalMs,
        waitMs: this.#status === undefined ? this.#waitedInVainMs(nowMs) : this.#waitMs,
        totalMs,
        bytes: this.#bytes,
      });
    } catch (problem) {
      this.#owner.unexpected(problem);
    }
  }
}
