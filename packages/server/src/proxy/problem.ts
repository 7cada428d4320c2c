import type { ServerResponse } from 'node:http';

/**
 * What the proxy itself answers, as problem documents (RFC 9457) with a stable `code`. A backend's own errors pass
 * through untouched.
 */
export interface ProxyProblem {
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
  /** Further response headers, as a flat list of names and values. */
  readonly headers?: readonly string[];
}

/** Codes of the proxy's own answers. */
export type ProblemCode =
  | 'malformed_request' // 400
  | 'method_not_allowed' // 405
  | 'request_timeout' // 408
  | 'expectation_failed' // 417
  | 'headers_too_large' // 431
  | 'internal' // 500
  | 'unsupported_transfer_coding' // 501
  | 'backend_unreachable' // 502
  | 'backend_reset' // 502
  | 'backend_bad_response' // 502
  | 'backend_invalid_origin' // 502
  | 'blocked' // 503: no backend may be used
  | 'backend_saturated' // 503
  | 'overloaded' // 503: the proxy has as many requests in flight as it may
  | 'closed' // 503: shutting down
  | 'backend_connect_timeout' // 504
  | 'backend_head_timeout' // 504
  | 'unsupported_version' // 505
  | 'loop_detected'; // 508

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
  508: 'Loop Detected',
};

/** Seconds after which a client may try a 503 again. */
const RETRY_AFTER_S = '1';

function titleOf(problem: ProxyProblem): string {
  return TITLES[problem.status] ?? 'Error';
}

function documentOf(problem: ProxyProblem): string {
  const title = titleOf(problem);
  const type = `urn:ganglion:problem:${problem.code}`;
  return JSON.stringify({ type, title, status: problem.status, detail: problem.detail, code: problem.code });
}

function headersOf(problem: ProxyProblem, body: string): string[] {
  const headers = [
    'content-type',
    'application/problem+json',
    'cache-control',
    'no-store',
    'x-content-type-options',
    'nosniff',
  ];
  if (problem.status === 503) headers.push('retry-after', RETRY_AFTER_S);
  if (problem.headers !== undefined) headers.push(...problem.headers);
  headers.push('content-length', String(Buffer.byteLength(body)));
  return headers;
}

/** Answers with the problem. The caller makes sure that no response head has been sent. */
export function sendProblem(response: ServerResponse, problem: ProxyProblem): void {
  writeProblem(response, problem);
  response.end();
}

/** All of the answer but its end, for who has to let its client finish first. */
export function writeProblem(response: ServerResponse, problem: ProxyProblem): void {
  const body = documentOf(problem);
  // With its title: an answer that could not be sent may have left its own reason phrase behind.
  response.writeHead(problem.status, titleOf(problem), headersOf(problem, body));
  response.write(body);
}

/** The whole response as text, for a connection that has no request: it was never parsed. */
export function problemMessage(problem: ProxyProblem): string {
  const body = documentOf(problem);
  const headers = ['connection', 'close', ...headersOf(problem, body)];
  let text = `HTTP/1.1 ${problem.status} ${titleOf(problem)}\r\n`;
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${text}\r\n${body}`;
}
