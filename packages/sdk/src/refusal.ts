import { type ErrorCode, GanglionError } from '@ganglion/core';
import { certificateMend, systemCode } from './certificate.ts';
import type { HttpCode, ProblemDocument } from './wire.ts';

/** A failed attempt, and whether the daemon may have acted on it. */
export interface Attempt {
  readonly error: GanglionError;
  /** Undefined: it did answer, and would answer the same again. */
  readonly arrived?: boolean | undefined;
  /** What the daemon asked to wait, ms. */
  readonly retryAfterMs?: number | undefined;
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

/** The way to the daemon failed: it took too long, was given up, or could not be gone. */
export function unreachable(
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
  if (cause instanceof SyntaxError) return { error: noDaemon(url, cause) };
  const code = systemCode(cause);
  const certificate = certificateMend(cause);
  const broken = code !== undefined && BROKEN.has(code);
  const what = broken ? `The connection to ${url} broke off` : `The daemon at ${url} cannot be reached`;
  const error = new GanglionError('closed', `${what}${code === undefined ? '' : ` (${code})`}`, {
    field: 'url',
    value: url,
    mend:
      certificate ??
      (broken
        ? 'The call may have been carried out: see whether the daemon is well, and give its own URL.'
        : 'Start one with `ganglion up`, or give the right URL.'),
    cause,
  });
  if (certificate !== undefined) return { error };
  return { error, arrived: code === undefined || !NEVER_SENT.has(code) };
}

/** Something answered that all is well, but not as a daemon would: a proxy's backend, a web server. */
export function noDaemon(url: string, cause?: SyntaxError): GanglionError {
  return new GanglionError('unsupported', `What answers at ${url} is no Ganglion daemon`, {
    field: 'url',
    value: url,
    mend: 'Give the URL that a daemon prints at its start; of `ganglion proxy`, that of its console.',
    cause,
  });
}

/** What answers sends elsewhere. A browser tells no status of it. */
export const isRedirect = ({ type, status }: Response): boolean =>
  type === 'opaqueredirect' || (status >= 300 && status < 400);

export function redirected(url: string, { status, body }: Response): GanglionError {
  void body?.cancel();
  const said = status === 0 ? '' : ` (status ${status})`;
  return new GanglionError('unsupported', `What answers at ${url} sends elsewhere${said}`, {
    field: 'url',
    value: url,
    mend: 'Give the URL of the daemon itself, and https where it asks for that: redirects are not followed, for the token would go with them.',
  });
}

/** Somebody was there, and hung up. */
const BROKEN: ReadonlySet<string> = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'UND_ERR_SOCKET']);

/** Failures before a single byte of the call was sent. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** A problem document as the error it was; anything else that is no success as well as can be said. */
export async function refusalOf(response: Response): Promise<Attempt> {
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
