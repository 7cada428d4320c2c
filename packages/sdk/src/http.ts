import { GanglionError } from '@ganglion/core';
import { jsonBody } from './json-body.ts';
import { COUNT, checkOption, FUNCTION, HEADER_TEXT, timeFrom } from './options.ts';
import { type Attempt, isRedirect, noDaemon, redirected, refusalOf, unreachable } from './refusal.ts';

export interface TransportOptions {
  /** Where the daemon answers; default `http://127.0.0.1:7070`. */
  readonly url?: string | undefined;
  /** Bearer token, where the daemon asks for one. */
  readonly token?: string | undefined;
  /** A whole call, its retries included, takes no longer than this, ms; default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** How often a call is sent again where that is safe; default 2. */
  readonly retries?: number | undefined;
  /** Who acts, for the audit of a daemon without tokens. */
  readonly actor?: string | undefined;
  /** Default: the platform's `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** The body as it is, instead of `body` as JSON. */
  readonly raw?: { readonly type: string; readonly text: string | Uint8Array<ArrayBuffer> } | undefined;
  /**
   * What may be sent again: `always` where twice is the same as once; `refused` only where the daemon cannot have acted
   * (it could not be reached, or said that it would not).
   */
  readonly again: 'always' | 'refused';
  readonly signal?: AbortSignal | undefined;
}

/** One call and its retries. Rejects with `GanglionError` only. */
export interface Transport {
  readonly url: string;
  json<T>(call: Call): Promise<T>;
  /** The response itself, its status good, its body unread; for streams: not timed. */
  open(call: Call): Promise<Response>;
}

const PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

export const TRANSPORT_OPTIONS: Readonly<Record<keyof TransportOptions, true>> = {
  url: true,
  token: true,
  timeoutMs: true,
  retries: true,
  actor: true,
  fetch: true,
};

/** @throws GanglionError `invalid_input`, for a URL that is none, a time, a number or a text that cannot be */
export function transport(options: TransportOptions = {}): Transport {
  const url = baseUrl(options.url ?? 'http://127.0.0.1:7070');
  checkOption('timeoutMs', options.timeoutMs, timeFrom(1));
  checkOption('retries', options.retries, COUNT);
  checkOption('fetch', options.fetch, FUNCTION);
  checkOption('token', options.token, HEADER_TEXT, true);
  checkOption('actor', options.actor, HEADER_TEXT);
  const { timeoutMs = 10_000, retries = 2 } = options;
  const send = options.fetch ?? globalThis.fetch;
  const headers: Record<string, string> = { accept: 'application/json' };
  if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
  if (options.actor !== undefined) headers['x-ganglion-actor'] = options.actor;

  const once = async (call: Call, body: Body, signal: AbortSignal | undefined): Promise<Response> => {
    const type = body === undefined ? {} : { 'content-type': call.raw?.type ?? 'application/json' };
    // One that is followed would take the token along.
    const init: RequestInit = { method: call.method, headers: { ...headers, ...type }, redirect: 'manual' };
    if (body !== undefined) init.body = body;
    if (signal !== undefined) init.signal = signal;
    let response: Response;
    try {
      response = await send(url + call.path, init);
    } catch (cause) {
      throw new FailedAttempt(unreachable(cause, url, signal, timeoutMs));
    }
    if (isRedirect(response)) throw new FailedAttempt({ error: redirected(url, response) });
    if (!response.ok) throw new FailedAttempt(await refusalOf(response));
    return response;
  };

  const repeat = async <T>(call: Call, read: (response: Response) => Promise<T>): Promise<T> => {
    const body = bodyOf(call);
    const endMs = performance.now() + timeoutMs;
    // The platform's takes whole numbers only.
    const timeout = AbortSignal.timeout(Math.ceil(timeoutMs));
    const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]);
    for (let attempt = 0; ; attempt++) {
      try {
        return await read(await once(call, body, signal));
      } catch (error) {
        const failed =
          error instanceof FailedAttempt ? error.attempt : unreachable(error, url, signal, timeoutMs);
        const pauseMs = attempt < retries && !signal.aborted ? pauseOf(failed, call, attempt) : undefined;
        // A pause that does not fit what is left would end as a deadline, and hide what was answered.
        if (pauseMs === undefined || performance.now() + pauseMs >= endMs) throw failed.error;
        await sleep(pauseMs, signal);
      }
    }
  };

  return {
    url,
    json: <T>(call: Call) =>
      repeat(call, async (response) => {
        if (response.status === 204) return undefined as T;
        const answer: unknown = await response.json();
        // No call is answered otherwise.
        if (typeof answer !== 'object' || answer === null) throw new FailedAttempt({ error: noDaemon(url) });
        return answer as T;
      }),
    open: (call) =>
      once(call, bodyOf(call), call.signal).catch((error: unknown) => {
        throw error instanceof FailedAttempt ? error.attempt.error : error;
      }),
  };
}

type Body = string | Uint8Array<ArrayBuffer> | undefined;

const bodyOf = ({ raw, body }: Call): Body => raw?.text ?? (body === undefined ? undefined : jsonBody(body));

/** The same way, on which this signal gives up every call as well. */
export function heeding(wire: Transport, signal: AbortSignal): Transport {
  const both = (call: Call): Call => ({ ...call, signal: eitherSignal(call.signal, signal) });
  return { url: wire.url, json: (call) => wire.json(both(call)), open: (call) => wire.open(both(call)) };
}

export function eitherSignal(
  one: AbortSignal | undefined,
  other: AbortSignal | undefined,
): AbortSignal | undefined {
  return one === undefined || other === undefined ? (one ?? other) : AbortSignal.any([one, other]);
}

function baseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new GanglionError('invalid_input', 'The daemon’s URL is not an http(s) URL', {
      field: 'url',
      value: text,
      mend: 'Use a URL such as http://127.0.0.1:7070.',
    });
  return url.href.replace(/\/$/, '');
}

/** Carries an attempt through a rejection; never leaves this file. */
class FailedAttempt extends Error {
  readonly attempt: Attempt;

  constructor(attempt: Attempt) {
    super(attempt.error.message);
    this.attempt = attempt;
  }
}

/** How long to wait before the call is sent again; undefined where it must not be. Exponential, with full jitter. */
function pauseOf(failed: Attempt, call: Call, attempt: number): number | undefined {
  if (failed.arrived === undefined || (failed.arrived && call.again === 'refused')) return undefined;
  const jittered = Math.random() * Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** attempt);
  return Math.min(LONGEST_PAUSE_MS, Math.max(failed.retryAfterMs ?? 0, jittered));
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
