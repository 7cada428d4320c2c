import type { IncomingMessage } from 'node:http';

/**
 * A client's request body, pulled by whichever attempt sends it: nothing is read ahead of the backend, so that
 * backpressure reaches the client, and it is known whether a byte has been taken, after which no retry is possible.
 *
 * It is neither a stream nor an async generator of one: undici destroys a stream body when the backend fails, and
 * with it the client's socket, over which we still want to answer.
 */
export class RequestBody implements AsyncIterable<Buffer> {
  /** A byte has been handed out. */
  consumed = false;
  /** Whether waiting for the client is the client's fault: not before it has been given leave to send. */
  #timed: boolean;
  readonly #request: IncomingMessage;
  readonly #idleMs: number;
  readonly #onStall: () => void;
  #waiting: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;
  #attached = false;

  /**
   * @param timed - false until `allow`, where the client waits for a 100 (Continue)
   * @param idleMs - longest wait for the client's next bytes while an attempt wants them; 0: no bound
   * @param onStall - called when that wait is over
   */
  constructor(request: IncomingMessage, timed: boolean, idleMs: number, onStall: () => void) {
    this.#timed = timed;
    this.#request = request;
    this.#idleMs = idleMs;
    this.#onStall = onStall;
  }

  /** Hands the body to a new attempt; what an earlier one still waits for ends. */
  [Symbol.asyncIterator](): AsyncIterator<Buffer> {
    this.release();
    this.#attach();
    return {
      next: () => this.#next(),
      return: () => {
        this.release();
        return Promise.resolve({ value: undefined, done: true });
      },
    };
  }

  /** The client has been given leave to send: its time runs. */
  allow(): void {
    this.#timed = true;
    if (this.#waiting !== undefined && this.#idleMs > 0 && this.#timer === undefined)
      this.#timer = setTimeout(this.#onStall, this.#idleMs);
  }

  /** Ends the wait of the attempt that has the body. The body itself is left as it is. */
  release(): void {
    const waiting = this.#waiting;
    this.#stopWaiting();
    waiting?.resolve({ value: undefined, done: true });
  }

  /** Nobody will send it any more: what still comes is thrown away, so that the client can read its answer. */
  discard(): void {
    this.release();
    const request = this.#request;
    request.removeListener('readable', this.#pump);
    if (!request.readableEnded && !request.destroyed) request.resume();
  }

  #attach(): void {
    if (this.#attached) return;
    this.#attached = true;
    const request = this.#request;
    request.on('readable', this.#pump);
    request.on('end', this.#pump);
    request.on('close', this.#pump);
    request.on('error', this.#pump);
  }

  #next(): Promise<IteratorResult<Buffer>> {
    const ready = this.#take();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#request.destroyed && !this.#request.complete) return Promise.reject(clientBrokeOff());
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      if (this.#timed && this.#idleMs > 0) this.#timer = setTimeout(this.#onStall, this.#idleMs);
    });
  }

  #take(): IteratorResult<Buffer> | undefined {
    const chunk: Buffer | null = this.#request.read();
    if (chunk !== null) {
      this.consumed = true;
      this.#timed = true;
      return { value: chunk, done: false };
    }
    return this.#request.readableEnded ? { value: undefined, done: true } : undefined;
  }

  readonly #pump = (): void => {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const ready = this.#take();
    if (ready !== undefined) {
      this.#stopWaiting();
      waiting.resolve(ready);
    } else if (this.#request.destroyed && !this.#request.complete) {
      this.#stopWaiting();
      waiting.reject(clientBrokeOff());
    }
  };

  #stopWaiting(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = undefined;
  }
}

/** The `code` of the error with which a body ends that the client did not finish. */
export const CLIENT_BROKE_OFF = 'CLIENT_BROKE_OFF';

function clientBrokeOff(): Error {
  return Object.assign(new Error('The client broke off its request body.'), { code: CLIENT_BROKE_OFF });
}

interface Waiting {
  readonly resolve: (result: IteratorResult<Buffer>) => void;
  readonly reject: (error: Error) => void;
}
