import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { Attempt, type AttemptOwner } from './attempt.ts';
import type { Backends } from './backends.ts';
import type { AttemptError, BackendChoice } from './balancer.ts';
import { answerTo, type Failure } from './failure.ts';
import { type ClientConnection, pushForwarded } from './forwarded.ts';
import { forwardTrailers } from './hop-by-hop.ts';
import { writeInterim } from './interim.ts';
import type { ResolvedOptions } from './options.ts';
import { type ProxyProblem, sendProblem } from './problem.ts';
import { RequestBody } from './request-body.ts';
import type { RequestHead } from './request-head.ts';
import { forwardResponseHeaders, isReasonPhrase, type ResponseFields } from './response-head.ts';
import { depositRequest, mayRetry, type RetryBudget, withdrawRetry } from './retry.ts';
import { countResponse, type ProxyStats } from './stats.ts';
import { dispatchStreaming } from './streaming.ts';
import { pathOf } from './target.ts';
import { type ClientTunnel, joinTunnel } from './tunnel.ts';

/** What the exchanges of one proxy share. */
export interface ProxyContext {
  readonly options: ResolvedOptions;
  readonly backends: Backends;
  readonly budget: RetryBudget;
  readonly stats: ProxyStats;
  /** Client connections that asked for a tunnel; the server no longer knows of them. */
  readonly tunnels: Set<Socket>;
  /** No new requests; those in flight may end. */
  draining: boolean;
  /** What is in flight is being cut. */
  cutting: boolean;
  /** An exchange is over. */
  left(): void;
}

/** One request as the front let it in. */
export interface Admitted {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly head: RequestHead;
  readonly client: ClientConnection;
  readonly tunnel: ClientTunnel | undefined;
  /** Called once, when the exchange is over. */
  ended(): void;
}

/** How long a client may go on sending what nobody wants, so that it gets to read its answer. */
export const LINGER_MS = 2000;

/**
 * One client request, from its head to the end of its response, over as many attempts as it takes.
 *
 * A class because one is made for every request, and its methods are called back on the hot path.
 */
export class Exchange implements AttemptOwner {
  readonly #context: ProxyContext;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #head: RequestHead;
  readonly #client: ClientConnection;
  readonly #tunnel: ClientTunnel | undefined;
  readonly #ended: () => void;
  readonly #startedAtMs = performance.now();
  readonly #failedArms: string[] = [];
  #body: RequestBody | undefined;
  #headers: string[] | undefined;
  #attempt: Attempt | undefined;
  #attempts = 0;
  #code: string | undefined;
  #answered = false;
  #over = false;
  #wrote = false;
  #drains = false;
  #stallTimer: NodeJS.Timeout | undefined;

  constructor(context: ProxyContext, admitted: Admitted) {
    this.#context = context;
    this.#request = admitted.request;
    this.#response = admitted.response;
    this.#head = admitted.head;
    this.#client = admitted.client;
    this.#tunnel = admitted.tunnel;
    this.#ended = admitted.ended;
  }

  start(): void {
    const { options } = this.#context;
    const head = this.#head;
    this.#response.once('close', this.#onClose);
    // Its errors are those of its connection, which closes; unheard, one would end the process.
    this.#response.on('error', ignore);
    if (head.chunked || (head.contentLength !== undefined && head.contentLength !== '0'))
      this.#body = new RequestBody(
        this.#request,
        !head.expectsContinue,
        options.clientIdleTimeoutMs,
        this.#onStall,
      );
    depositRequest(this.#context.budget, options.retry);
    const choice = this.#choose([]);
    if (choice !== undefined) this.#dispatch(choice);
    else if (!this.#answered)
      this.#refuse({ status: 503, code: 'blocked', detail: 'No backend may be used for this request.' });
  }

  // --- attempts

  #choose(exclude: readonly string[]): BackendChoice | undefined {
    const { options } = this.#context;
    const request = this.#request;
    try {
      return options.chooser.choose({
        method: request.method as string,
        path: pathOf(this.#head.target),
        unit: options.unit === undefined ? undefined : unitOf(request, options.unit),
        attempt: this.#attempts,
        exclude,
        header: (name) => headerOf(request, name),
      });
    } catch (error) {
      options.onError(error);
      if (this.#attempts === 0)
        this.#refuse({ status: 500, code: 'internal', detail: 'No backend could be chosen.' });
      return undefined;
    }
  }

  #dispatch(choice: BackendChoice): void {
    const { options, backends } = this.#context;
    const backend = backends.at(choice.origin);
    const full = backend !== undefined && backend.active >= options.maxPerBackend;
    const attempt = new Attempt(this, choice, full ? undefined : backend, options.headTimeoutMs);
    this.#attempt = attempt;
    this.#attempts += 1;
    if (backend === undefined) {
      attempt.fail({ error: 'backend_invalid_origin', fault: 'proxy' });
      return;
    }
    if (full) {
      attempt.fail({ error: 'backend_saturated', fault: 'proxy' });
      return;
    }
    const head = this.#head;
    const body = this.#body;
    this.#headers ??= this.#requestHeaders();
    const beyondUndici =
      backend.saysContinue || (body !== undefined && (head.chunked || head.expectsContinue));
    if (beyondUndici && this.#tunnel === undefined) {
      this.#dispatchStreaming(attempt, body, backend.origin);
      return;
    }
    backend.pool.dispatch(
      {
        method: this.#request.method as string,
        path: head.target,
        headers: this.#headers,
        // undici takes any async iterable; its types name only streams.
        body: (body ?? null) as unknown as null,
        upgrade: this.#tunnel === undefined ? null : 'websocket',
      },
      attempt,
    );
  }

  #dispatchStreaming(attempt: Attempt, body: RequestBody | undefined, origin: string): void {
    const head = this.#head;
    const headers = [...(this.#headers as string[])];
    if (this.#context.options.hostHeader === 'backend' || head.host === undefined)
      headers.push('host', new URL(origin).host);
    if (head.chunked) headers.push('transfer-encoding', 'chunked');
    if (head.expectsContinue) headers.push('expect', '100-continue');
    if (head.chunked && head.trailer !== undefined) headers.push('trailer', head.trailer);
    dispatchStreaming(
      {
        origin,
        method: this.#request.method as string,
        target: head.target,
        headers,
        body,
        expectsContinue: head.expectsContinue,
        trailers: () => (head.chunked ? forwardTrailers(this.#request.trailersDistinct) : []),
        onContinue: () => this.#continue(),
      },
      this.#context.options,
      attempt,
    );
  }

  #requestHeaders(): string[] {
    const { options } = this.#context;
    const head = this.#head;
    const headers = head.headers;
    if (options.hostHeader === 'client' && head.host !== undefined) headers.push('host', head.host);
    if (head.contentLength !== undefined) headers.push('content-length', head.contentLength);
    pushForwarded(headers, this.#client, head.host, head.forwarded);
    headers.push('via', `1.${this.#request.httpVersionMinor} ${options.via}`);
    return headers;
  }

  /** Makes another attempt, where that is safe and worth it. */
  #tryAgain(attempt: Attempt, error: AttemptError | undefined, status: number | undefined): boolean {
    const { options, budget, stats } = this.#context;
    if (this.#attempts > options.retry.max) return false;
    const failed = {
      method: this.#request.method as string,
      error,
      status,
      requestSent: attempt.sent,
      bodyConsumed: this.#body?.consumed ?? false,
    };
    if (this.#tunnel !== undefined && attempt.sent) return false;
    if (!mayRetry(failed, options.retry)) return false;
    if (!withdrawRetry(budget, options.retry, performance.now())) {
      stats.retriesRefused += 1;
      return false;
    }
    const arm = attempt.choice.arm;
    const others = [...this.#failedArms, arm];
    let choice = this.#choose(others);
    // A reset often only means that a kept connection had timed out, so without another arm the same one will do; so it
    // will for what only undici cannot read.
    if (choice === undefined && (error === 'backend_reset' || error === 'backend_unasked_continue'))
      choice = this.#choose(this.#failedArms);
    if (choice === undefined) {
      budget.tokens += 1;
      return false;
    }
    this.#failedArms.push(arm);
    stats.retries += 1;
    this.#dispatch(choice);
    return true;
  }

  // --- what an attempt reports

  informed(status: number, fields: ResponseFields): void {
    if (this.#answered || this.#over || this.#request.httpVersionMinor === 0) return;
    writeInterim(this.#response, status, fields);
  }

  answered(attempt: Attempt, status: number, fields: ResponseFields, reason: string): boolean {
    if (attempt !== this.#attempt || this.#over) return false;
    if (this.#context.options.retry.onStatus.includes(status) && this.#tryAgain(attempt, undefined, status))
      return false;
    const response = this.#response;
    // A coding other than chunked would have to be undone, and we never asked for one.
    const coding = fields['transfer-encoding'];
    if (coding !== undefined && String(coding).toLowerCase() !== 'chunked') return this.#distrust(attempt);
    const headers = forwardResponseHeaders(status, fields, this.#canSendTrailers(status, fields));
    if (this.#context.draining) response.shouldKeepAlive = false;
    try {
      if (reason !== '' && isReasonPhrase(reason)) response.writeHead(status, reason, headers);
      else response.writeHead(status, headers);
    } catch {
      return this.#distrust(attempt);
    }
    this.#answered = true;
    // Most bodies begin in the same read as their head, and are written together with it; a head whose body takes
    // its time (an event stream, say) must not wait for it.
    process.nextTick(this.#flushHead);
    return true;
  }

  #distrust(attempt: Attempt): false {
    attempt.cancel({ error: 'backend_bad_response', fault: 'backend' });
    this.#refuse(answerTo('backend_bad_response'));
    return false;
  }

  readonly #flushHead = (): void => {
    // As Latin-1, which leaves each byte as it is; `flushHeaders` would write UTF-8.
    if (!this.#wrote && !this.#response.destroyed) this.#response.write('', 'latin1');
  };

  #canSendTrailers(status: number, fields: ResponseFields): boolean {
    return (
      this.#request.httpVersionMinor > 0 &&
      this.#request.method !== 'HEAD' &&
      status !== 204 &&
      status !== 304 &&
      fields['content-length'] === undefined
    );
  }

  received(chunk: Buffer): boolean {
    this.#wrote = true;
    if (this.#response.write(chunk)) return true;
    this.#awaitReader();
    return false;
  }

  completed(trailers: ResponseFields): void {
    if (this.#over) return;
    const response = this.#response;
    const forwarded = forwardTrailers(trailers);
    // Node drops them silently where the response is not chunked.
    if (forwarded.length > 0) response.addTrailers(forwarded);
    this.#wrote = true;
    response.end();
    if (response.writableLength > 0) this.#awaitReader();
    this.#letGoOfBody();
  }

  failed(attempt: Attempt, failure: Failure): void {
    if (this.#over || attempt !== this.#attempt) return;
    if (this.#answered) {
      if (failure.fault === 'backend') this.#context.stats.cutResponses += 1;
      this.#breakOff();
      return;
    }
    if (this.#tryAgain(attempt, failure.error, undefined)) return;
    this.#refuse(answerTo(failure.error));
  }

  switched(attempt: Attempt, fields: ResponseFields, socket: Duplex): void {
    const tunnel = this.#tunnel;
    if (this.#over || tunnel === undefined || String(fields.upgrade).toLowerCase() !== 'websocket') {
      socket.on('error', () => {});
      socket.destroy();
      attempt.fail({ error: 'backend_bad_response', fault: 'backend' });
      return;
    }
    this.#answered = true;
    this.#response.removeListener('close', this.#onClose);
    this.#response.detachSocket(this.#request.socket);
    this.#context.stats.tunnels += 1;
    joinTunnel(
      tunnel,
      socket as Socket,
      fields,
      this.#context.options.tunnelIdleTimeoutMs,
      (failure, bytes) => {
        attempt.close(failure, bytes);
        this.#finish(101);
      },
    );
  }

  unexpected(error: unknown): void {
    this.#context.options.onError(error);
  }

  // --- the client's side

  #continue(): void {
    if (this.#answered || this.#over) return;
    this.#response.writeContinue();
    this.#body?.allow();
  }

  #refuse(problem: ProxyProblem): void {
    if (this.#answered || this.#over) return;
    this.#answered = true;
    this.#code = problem.code;
    if (problem.code === 'backend_saturated' || problem.code === 'closed') this.#context.stats.shed += 1;
    if (this.#context.draining) this.#response.shouldKeepAlive = false;
    sendProblem(this.#response, problem);
    this.#letGoOfBody();
  }

  /** The response cannot be completed: the client has to notice. */
  #breakOff(): void {
    // Without chunks the end of an HTTP/1.0 body is the end of the connection, so it must not look like one.
    const { socket, httpVersionMinor } = this.#request;
    // Nor does it under TLS: an end without close_notify is no end (RFC 8446 §6.1), and node can reset plain TCP only.
    if (httpVersionMinor === 0 && !(socket instanceof TLSSocket)) socket.resetAndDestroy();
    else if (httpVersionMinor === 0) socket.destroy();
    else this.#response.destroy();
  }

  /** The client reads more slowly than the backend sends; it has so long to read on. */
  #awaitReader(): void {
    if (!this.#drains) {
      this.#drains = true;
      this.#response.on('drain', this.#onDrain);
    }
    const ms = this.#context.options.clientIdleTimeoutMs;
    clearTimeout(this.#stallTimer);
    if (ms > 0) this.#stallTimer = setTimeout(this.#onStall, ms);
  }

  readonly #onDrain = (): void => {
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
    this.#attempt?.resume();
  };

  /** The client stopped sending its body, or reading the response. */
  readonly #onStall = (): void => {
    this.#context.stats.clientStalls += 1;
    this.#attempt?.cancel({ error: 'client_stalled', fault: 'client' });
    if (this.#answered) {
      this.#response.destroy();
      return;
    }
    this.#response.shouldKeepAlive = false;
    this.#refuse(answerTo('client_stalled'));
  };

  #letGoOfBody(): void {
    const body = this.#body;
    if (body === undefined || this.#request.complete) return;
    body.discard();
    const socket = this.#request.socket;
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    this.#request.once('close', () => clearTimeout(timer));
  }

  readonly #onClose = (): void => {
    if (!this.#response.writableFinished && this.#attempt?.over === false) {
      if (this.#context.cutting) this.#attempt.cancel({ error: 'proxy_closed', fault: 'proxy' });
      else {
        this.#context.stats.clientAborts += 1;
        this.#attempt.cancel({ error: 'client_gone', fault: 'client' });
      }
    }
    this.#finish(this.#answered ? this.#response.statusCode : undefined);
  };

  #finish(status: number | undefined): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#stallTimer);
    this.#body?.release();
    const { options, stats } = this.#context;
    if (status !== undefined) countResponse(stats, status);
    options.onExchange?.({
      method: this.#request.method as string,
      target: this.#head.target,
      status,
      code: this.#code,
      arm: this.#attempt?.choice.arm,
      attempts: this.#attempts,
      totalMs: performance.now() - this.#startedAtMs,
      tunnel: status === 101,
    });
    this.#ended();
  }
}

function ignore(): void {}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' || value === undefined ? value : value.join(', ');
}

function unitOf(
  request: IncomingMessage,
  unit: { readonly header: string } | { readonly cookie: string },
): string | undefined {
  if ('header' in unit) return headerOf(request, unit.header);
  const cookies = request.headers.cookie;
  if (cookies === undefined) return undefined;
  for (const pair of cookies.split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === unit.cookie) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
