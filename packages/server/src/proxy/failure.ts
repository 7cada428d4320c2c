import type { AttemptError, BackendOutcome } from './balancer.ts';
import type { ProxyProblem } from './problem.ts';
import { CLIENT_BROKE_OFF } from './request-body.ts';

/** Why an attempt failed, and whose doing it was. */
export interface Failure {
  readonly error: AttemptError;
  readonly fault: Exclude<BackendOutcome['fault'], 'none'>;
}

/** How far an attempt had come. */
export interface Progress {
  /** A connection was there: bytes of the request may have left. */
  readonly sent: boolean;
  /** The response head had arrived. */
  readonly answered: boolean;
}

/** Sorts an error of either transport. What is not recognised is charged to the backend: nobody else was talking. */
export function failureOf(error: Error, progress: Progress): Failure {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return backend(progress.sent ? cutOrReset(progress) : 'backend_connect_timeout');
    case 'UND_ERR_HEADERS_TIMEOUT':
      return backend('backend_head_timeout');
    case 'UND_ERR_BODY_TIMEOUT':
      return backend('backend_body_timeout');
    case 'UND_ERR_HEADERS_OVERFLOW':
      return backend('backend_bad_response');
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
      return backend(progress.answered ? 'backend_cut' : 'backend_bad_response');
    case 'UND_ERR_DESTROYED':
    case 'UND_ERR_CLOSED':
      return { error: 'proxy_closed', fault: 'proxy' };
    case 'UND_ERR_INVALID_ARG':
    case 'UND_ERR_NOT_SUPPORTED':
    case 'ERR_INVALID_CHAR':
    case 'ERR_UNESCAPED_CHARACTERS':
      // The transport would not put the request on a wire, and so neither would we: nothing of it was sent.
      return { error: 'client_invalid', fault: 'client' };
    case 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH':
    case CLIENT_BROKE_OFF:
      return { error: 'client_gone', fault: 'client' };
  }
  // A client must be able to read 1xx that it did not ask for (RFC 9110 §15.2); undici cannot, so it is not charged.
  if (error.message === 'bad response' && progress.sent && !progress.answered)
    return { error: 'backend_unasked_continue', fault: 'proxy' };
  if (!progress.sent) return backend('backend_unreachable');
  if (isParseError(code, error)) return backend(progress.answered ? 'backend_cut' : 'backend_bad_response');
  return backend(cutOrReset(progress));
}

function cutOrReset(progress: Progress): AttemptError {
  return progress.answered ? 'backend_cut' : 'backend_reset';
}

/** node's parser gives llhttp's code, undici's only its name; `bad upgrade` is one that undici did not ask for. */
function isParseError(code: string, error: Error): boolean {
  if (code.startsWith('HPE_') || error.name === 'HTTPParserError') return true;
  return error.message === 'bad upgrade';
}

function backend(error: AttemptError): Failure {
  return { error, fault: 'backend' };
}

const ANSWERS: Readonly<
  Record<AttemptError, readonly [ProxyProblem['status'], ProxyProblem['code'], string]>
> = {
  backend_unreachable: [502, 'backend_unreachable', 'No connection to the backend.'],
  backend_connect_timeout: [504, 'backend_connect_timeout', 'No connection to the backend in time.'],
  backend_reset: [502, 'backend_reset', 'The backend closed the connection before it answered.'],
  backend_head_timeout: [504, 'backend_head_timeout', 'The backend did not answer in time.'],
  backend_bad_response: [502, 'backend_bad_response', 'The backend sent no valid HTTP response.'],
  backend_unasked_continue: [
    502,
    'backend_bad_response',
    'The backend sent 100 (Continue) without being asked.',
  ],
  backend_cut: [502, 'backend_reset', 'The backend broke off its response.'],
  backend_body_timeout: [504, 'backend_head_timeout', 'The backend stopped in the middle of its response.'],
  backend_saturated: [503, 'backend_saturated', 'The backend has as many requests in flight as it may.'],
  backend_invalid_origin: [502, 'backend_invalid_origin', 'The origin chosen is no http or https origin.'],
  client_gone: [400, 'malformed_request', 'The request body broke off.'],
  client_stalled: [408, 'request_timeout', 'The request body did not arrive in time.'],
  client_invalid: [400, 'malformed_request', 'The request cannot be forwarded as it stands.'],
  proxy_closed: [503, 'closed', 'The proxy is shutting down.'],
};

/** What the client is told when an attempt failed for good. */
export function answerTo(error: AttemptError): ProxyProblem {
  const [status, code, detail] = ANSWERS[error];
  return { status, code, detail };
}
