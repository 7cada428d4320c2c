import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type Dispatcher, errors } from 'undici';
import { trustedAuthorities } from './backends.ts';
import type { ResolvedOptions } from './options.ts';
import type { RequestBody } from './request-body.ts';

/** A request whose body is a stream of unknown length, or waits for the backend's leave; or any to a backend that says 100 unasked. */
export interface StreamingRequest {
  readonly origin: string;
  readonly method: string;
  readonly target: string;
  /** Flat, with `Host` and the framing. */
  readonly headers: readonly string[];
  readonly body: RequestBody | undefined;
  /** The client waits for the backend's leave before it sends the body. */
  readonly expectsContinue: boolean;
  /** Trailers that followed the client's body; asked for when the body has ended. */
  trailers(): [string, string][];
  /** The backend sent the 100 (Continue) that the client waits for. */
  onContinue(): void;
}

type Handler = Required<
  Pick<
    Dispatcher.DispatchHandler,
    | 'onRequestStart'
    | 'onBodySent'
    | 'onRequestSent'
    | 'onResponseStart'
    | 'onResponseData'
    | 'onResponseEnd'
    | 'onResponseError'
  >
>;

/**
 * The second transport, over node:http, for what undici cannot do: undici sends the request head only together with
 * the first bytes of the body, and knows neither `Expect: 100-continue` over HTTP/1.1, nor a 100 that it did not ask for, nor request trailers. Here the
 * head leaves at once, the backend's 100 is passed on, and trailers follow. It calls the handler as undici does.
 *
 * Each such request takes a fresh connection: most cannot be retried, so they should not meet a kept one that its
 * backend is just closing.
 */
export function dispatchStreaming(
  streaming: StreamingRequest,
  options: ResolvedOptions,
  handler: Handler,
): void {
  const controller = new StreamController();
  let outgoing: ClientRequest;
  try {
    outgoing = openRequest(streaming, options);
  } catch (error) {
    handler.onResponseError(controller, error as Error);
    return;
  }
  controller.outgoing = outgoing;
  const deadline = new Deadline((error) => controller.abort(error));
  const fail = (error: Error): void => {
    deadline.clear();
    handler.onResponseError(controller, controller.reason ?? error);
  };
  outgoing.once('socket', (socket) => {
    // A head that leaves before its body would be written as UTF-8; Latin-1 leaves the bytes of its fields as they came.
    socket.setDefaultEncoding('latin1');
    deadline.arm(options.connectTimeoutMs, () => new errors.ConnectTimeoutError('connect'));
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => {
      handler.onRequestStart(controller, undefined);
      if (controller.aborted) return;
      const { body } = streaming;
      if (body === undefined) {
        deadline.arm(options.headTimeoutMs, () => new errors.HeadersTimeoutError('head'));
        // Without a head sent before, for node then knows that there is no body to frame.
        outgoing.end();
        handler.onRequestSent();
        return;
      }
      outgoing.flushHeaders();
      // Counts from the last byte sent; until then only where the backend's leave is awaited, or that it reads on: the
      // wait for the client has its own bound (`clientIdleTimeoutMs`), and is not the backend's fault.
      deadline.arm(options.headTimeoutMs, () => new errors.HeadersTimeoutError('head'));
      if (!streaming.expectsContinue) deadline.suspend();
      sendBody(outgoing, body, streaming, deadline, handler)
        .then((sent) => {
          if (sent) handler.onRequestSent();
        })
        .catch((error: Error) => controller.abort(error));
    });
  });
  let awaitsLeave = streaming.expectsContinue;
  outgoing.on('continue', () => {
    // One that nobody waits for says nothing (RFC 9110 §15.2.1): above all it does not end a deadline.
    if (!awaitsLeave) return;
    awaitsLeave = false;
    if (!outgoing.writableEnded) deadline.suspend();
    streaming.onContinue();
  });
  outgoing.on('information', (info) => {
    if (info.statusCode !== 100)
      handler.onResponseStart(controller, info.statusCode, info.headers, info.statusMessage);
  });
  outgoing.once('response', (response) => {
    response.on('error', fail);
    relayResponse(response, controller, deadline, options, handler);
  });
  outgoing.on('error', fail);
}

function openRequest(streaming: StreamingRequest, options: ResolvedOptions): ClientRequest {
  const url = new URL(streaming.origin);
  const secure = url.protocol === 'https:';
  const outgoing = (secure ? httpsRequest : httpRequest)({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    method: streaming.method,
    path: streaming.target,
    headers: streaming.headers,
    agent: false,
    maxHeaderSize: options.maxHeaderBytes,
    ...trustedAuthorities(options),
  });
  // The default drops fields beyond 2,000 without a word; their bytes are bounded anyhow.
  outgoing.maxHeadersCount = 0;
  return outgoing;
}

/** Whether all of it was sent. */
async function sendBody(
  outgoing: ClientRequest,
  body: RequestBody,
  streaming: StreamingRequest,
  deadline: Deadline,
  handler: Handler,
): Promise<boolean> {
  for await (const chunk of body) {
    if (outgoing.destroyed) return false;
    deadline.suspend();
    const flows = outgoing.write(chunk);
    handler.onBodySent(chunk);
    if (flows) continue;
    deadline.resume();
    await drained(outgoing);
    deadline.suspend();
  }
  if (outgoing.destroyed) return false;
  const trailers = streaming.trailers();
  if (trailers.length > 0) outgoing.addTrailers(trailers);
  outgoing.end();
  deadline.resume();
  return true;
}

function drained(outgoing: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.removeListener('drain', done);
      outgoing.removeListener('close', done);
      resolve();
    };
    outgoing.on('drain', done);
    outgoing.on('close', done);
  });
}

function relayResponse(
  response: IncomingMessage,
  controller: StreamController,
  deadline: Deadline,
  options: ResolvedOptions,
  handler: Handler,
): void {
  const idle = (): Error => new errors.BodyTimeoutError('body');
  controller.response = response;
  controller.onResume = () => deadline.arm(options.bodyIdleTimeoutMs, idle);
  deadline.arm(options.bodyIdleTimeoutMs, idle);
  handler.onResponseStart(
    controller,
    response.statusCode as number,
    response.headersDistinct,
    response.statusMessage ?? '',
  );
  response.on('data', (chunk: Buffer) => {
    handler.onResponseData(controller, chunk);
    if (controller.paused) {
      deadline.clear();
      response.pause();
    } else deadline.arm(options.bodyIdleTimeoutMs, idle);
  });
  response.once('end', () => {
    deadline.clear();
    handler.onResponseEnd(controller, response.trailersDistinct);
    // An answer before the whole body was sent: the rest is not wanted.
    if (!controller.outgoing?.writableFinished) controller.outgoing?.destroy();
  });
}

/** The one time-out that is running, if any. */
class Deadline {
  readonly #expire: (error: Error) => void;
  #timer: NodeJS.Timeout | undefined;
  #ms = 0;
  #error: () => Error = () => new Error('deadline');

  constructor(expire: (error: Error) => void) {
    this.#expire = expire;
  }

  arm(ms: number, error: () => Error): void {
    clearTimeout(this.#timer);
    this.#ms = ms;
    this.#error = error;
    this.resume();
  }

  /** Stops the clock; `resume` starts it anew. */
  suspend(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  resume(): void {
    clearTimeout(this.#timer);
    if (this.#ms > 0) this.#timer = setTimeout(() => this.#expire(this.#error()), this.#ms);
  }

  clear(): void {
    this.suspend();
    this.#ms = 0;
  }
}

/** undici's handle on a request, for this transport. */
class StreamController implements Dispatcher.DispatchController {
  outgoing: ClientRequest | undefined;
  response: IncomingMessage | undefined;
  onResume: () => void = () => {};
  aborted = false;
  paused = false;
  reason: Error | null = null;

  abort(reason: Error): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.outgoing?.destroy(reason);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.onResume();
    this.response?.resume();
  }
}
