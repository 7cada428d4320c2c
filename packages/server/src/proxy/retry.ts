import type { AttemptError } from './balancer.ts';

/**
 * When a failed attempt may be tried again, and how often.
 *
 * Safety follows RFC 9110 §9.2.2: a request that was never sent may always be repeated; one that was sent, only if
 * its method is idempotent; and in either case only while no byte of its body has been taken from the client
 * (bodies are streamed, not kept) and nothing has been sent to the client.
 *
 * The budget is the token bucket of Finagle and Linkerd: retries stay a bounded share of requests, so that a broken
 * backend is not met with a storm. https://linkerd.io/2/features/retries-and-timeouts/
 */
export interface RetryOptions {
  /** Most retries of one request. 0 turns retries off. Default 2. */
  readonly max?: number;
  /** Statuses that count as failures worth a retry. Default none: a 5xx is an answer, and is what the arm is judged by. */
  readonly onStatus?: readonly number[];
  /** Also after no response head in time. Default false: the wait was long already, and the work may be under way. */
  readonly onHeadTimeout?: boolean;
  /** Retries allowed for each request, in the long run. Default 0.2. */
  readonly ratio?: number;
  /** Retries a second allowed whatever the traffic. Default 10. */
  readonly minPerSecond?: number;
}

/** The state of one retry budget. */
export interface RetryBudget {
  tokens: number;
  refilledAtMs: number;
}

/** Seconds of `minPerSecond` that a quiet budget may save up. */
const SAVED_SECONDS = 10;

/** A full budget. */
export function retryBudget(options: Required<RetryOptions>, nowMs: number): RetryBudget {
  return { tokens: capacity(options), refilledAtMs: nowMs };
}

function capacity(options: Required<RetryOptions>): number {
  return Math.max(1, options.minPerSecond * SAVED_SECONDS);
}

/** Counts a request's first attempt towards the budget. */
export function depositRequest(budget: RetryBudget, options: Required<RetryOptions>): void {
  // Deposits may exceed what quiet time saves up, but not without bound: a day of good traffic buys no storm.
  budget.tokens = Math.min(budget.tokens + options.ratio, capacity(options) * 10);
}

/** Takes one retry out of the budget; false where none is left. */
export function withdrawRetry(budget: RetryBudget, options: Required<RetryOptions>, nowMs: number): boolean {
  const elapsedMs = Math.max(0, nowMs - budget.refilledAtMs);
  budget.refilledAtMs = nowMs;
  const quiet = capacity(options);
  if (budget.tokens < quiet)
    budget.tokens = Math.min(quiet, budget.tokens + (elapsedMs / 1000) * options.minPerSecond);
  if (budget.tokens < 1) return false;
  budget.tokens -= 1;
  return true;
}

/** RFC 9110 §9.2.2, and QUERY (safe by its definition). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'QUERY']);

/** What the retry rule looks at. */
export interface FailedAttempt {
  readonly method: string;
  readonly error: AttemptError | undefined;
  readonly status: number | undefined;
  /** Any byte of the request, its head included, may have reached the backend. */
  readonly requestSent: boolean;
  /** Bytes of the request's body have been taken from the client: they cannot be sent again. */
  readonly bodyConsumed: boolean;
}

/** Whether repeating the request is safe and of use. The caller makes sure that nothing was sent to the client. */
export function mayRetry(attempt: FailedAttempt, options: Required<RetryOptions>): boolean {
  if (attempt.bodyConsumed) return false;
  const safe = !attempt.requestSent || IDEMPOTENT.has(attempt.method);
  if (!safe) return false;
  switch (attempt.error) {
    case 'backend_unreachable':
    case 'backend_connect_timeout':
    case 'backend_reset':
    case 'backend_saturated':
    case 'backend_unasked_continue':
      return true;
    case 'backend_head_timeout':
      return options.onHeadTimeout;
    case undefined:
      return attempt.status !== undefined && options.onStatus.includes(attempt.status);
    default:
      return false;
  }
}
