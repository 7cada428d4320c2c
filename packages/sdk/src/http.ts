import { type ErrorCode, GanglionError } from '@ganglion/core';
import type { HttpCode, ProblemDocument } from './wire.ts';

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
  readonly raw?: { readonly type: string; readonly text: string } | undefined;
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

/** Codes of the wire that are not the core's own, as the nearest that is. */
const NEAREST: Readonly<Record<HttpCode, ErrorCode>> = {
  not_found: 'unsupported',
  method_not_allowed: 'unsupported',
  too_large: 'invalid_input',
  unsupported_media_type: 'invalid_input',
  rate_limited: 'overloaded',
  request_timeout: 'deadline_exceeded',
  headers_too_large: 'invalid_input',
  malformed_request: 'invalid_input',
  internal: 'unsupported',
};

const PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/** @throws GanglionError `invalid_input`, for a URL that is none */
export function transport(options: TransportOptions = {}): Transport {
  const url = baseUrl(options.url ?? 'http://127.0.0.1:7070');
  const { timeoutMs = 10_000, retries = 2 } = options;
  const send = options.fetch ?? globalThis.fetch;
  const headers: Record<string, string> = { accept: 'application/json' };
  if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
  if (options.actor !== undefined) headers['x-ganglion-actor'] = options.actor;

  const once = async (call: Call, signal: AbortSignal | undefined): Promise<Response> => {
    const body = call.raw?.text ?? (call.body === undefined ? undefined : JSON.stringify(call.body));
    const type = body === undefined ? {} : { 'content-type': call.raw?.type ?? 'application/json' };
    const init: RequestInit = { method: call.method, headers: { ...headers, ...type }, redirect: 'error' };
    if (body !== undefined) init.body = body;
    if (signal !== undefined) init.signal = signal;
    let response: Response;
    try {
      response = await send(url + call.path, init);
    } catch (cause) {
      throw new FailedAttempt(unreachable(cause, url, signal, timeoutMs));
    }
    if (!response.ok) throw new FailedAttempt(await refusalOf(response));
    return response;
  };

  const repeat = async <T>(call: Call, read: (response: Response) => Promise<T>): Promise<T> => {
    const signal =
      call.signal === undefined
        ? AbortSignal.timeout(timeoutMs)
        : AbortSignal.any([call.signal, AbortSignal.timeout(timeoutMs)]);
    for (let attempt = 0; ; attempt++) {
      try {
        return await read(await once(call, signal));
      } catch (error) {
        const failed =
          error instanceof FailedAttempt ? error.attempt : unreachable(error, url, signal, timeoutMs);
        const pauseMs = attempt < retries && !signal.aborted ? pauseOf(failed, call, attempt) : undefined;
        if (pauseMs === undefined) throw failed.error;
        await sleep(pauseMs, signal);
      }
    }
  };

  return {
    url,
    json: <T>(call: Call) =>
      repeat(call, async (response) => (response.status === 204 ? undefined : await response.json()) as T),
    open: (call) =>
      once(call, call.signal).catch((error: unknown) => {
        throw error instanceof FailedAttempt ? error.attempt.error : error;
      }),
  };
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

/** A failed attempt, and whether the daemon may have acted on it. */
interface Attempt {
  readonly error: GanglionError;
  /** Undefined: it did answer, and would answer the same again. */
  readonly arrived?: boolean | undefined;
  /** What the daemon asked to wait, ms. */
  readonly retryAfterMs?: number | undefined;
}

/** Carries an attempt through a rejection; never leaves this file. */
class FailedAttempt extends Error {
  readonly attempt: Attempt;

  constructor(attempt: Attempt) {
    super(attempt.error.message);
    this.attempt = attempt;
  }
}

function unreachable(
  cause: unknown,
  url: string,
  signal: AbortSignal | undefined,
  timeoutMs: number,
): Attempt {
  if (signal?.aborted === true) {
    const timedOut = (signal.reason as { name?: string } | undefined)?.name === 'TimeoutError';
    const error = new GanglionError(
      'deadline_exceeded',
      timedOut ? `The daemon did not answer within ${timeoutMs} ms` : 'The call was given up',
      {
        field: 'url',
        value: url,
        mend: timedOut ? 'Allow more time, or see whether the daemon is well.' : undefined,
        cause,
      },
    );
    return { error };
  }
  const code = systemCode(cause);
  const error = new GanglionError(
    'closed',
    `The daemon at ${url} cannot be reached${code === undefined ? '' : ` (${code})`}`,
    {
      field: 'url',
      value: url,
      mend: 'Start one with `ganglion up`, or give the right URL.',
      cause,
    },
  );
  return { error, arrived: code === undefined || !NEVER_SENT.has(code) };
}

/** Failures before a single byte of the call was sent. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function systemCode(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; typeof at === 'object' && at !== null && depth < 4; depth++) {
    const { code, cause, errors } = at as { code?: unknown; cause?: unknown; errors?: unknown[] };
    if (typeof code === 'string') return code;
    at = cause ?? errors?.[0];
  }
  return undefined;
}

/** A problem document as the error it was; anything else that is no success as well as can be said. */
async function refusalOf(response: Response): Promise<Attempt> {
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  let problem: Partial<ProblemDocument> = {};
  try {
    const body: unknown = await response.json();
    if (typeof body === 'object' && body !== null) problem = body as Partial<ProblemDocument>;
  } catch {
    // Something between us answered, and not in JSON.
  }
  const code =
    problem.code === undefined
      ? codeOfStatus(response.status)
      : problem.code in NEAREST
        ? NEAREST[problem.code as HttpCode]
        : (problem.code as ErrorCode);
  const error = new RemoteRefusal(code, problem, response.status);
  if (response.status === 503 || response.status === 429)
    return { error, arrived: false, retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : 0 };
  return response.status >= 500 ? { error, arrived: true } : { error };
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 429 || status === 503) return 'overloaded';
  return status === 408 || status === 504 ? 'deadline_exceeded' : 'unsupported';
}

/** What the daemon refused, with its document. */
export class RemoteRefusal extends GanglionError {
  /** HTTP status. */
  readonly status: number;
  readonly problem: Partial<ProblemDocument>;

  constructor(code: ErrorCode, problem: Partial<ProblemDocument>, status: number) {
    super(code, problem.detail ?? `The daemon answered with status ${status}`, {
      field: problem.field,
      ...(problem.value === undefined ? {} : { value: problem.value }),
      mend: problem.mend,
    });
    this.status = status;
    this.problem = problem;
    // It was made short and quoted where it was refused.
    if (problem.value !== undefined) Object.assign(this, { value: problem.value });
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
