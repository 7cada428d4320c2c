import { type ErrorCode, GanglionError, isGanglionError, show } from '@ganglion/core';
import type { HttpCode, ProblemDocument, RejectedItem } from '@ganglion/sdk';

export type { HttpCode, ProblemDocument };

/** Status of every refusal of the core's. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid_spec: 400,
  invalid_context: 400,
  invalid_input: 400,
  not_replayable: 422,
  unknown_field: 422,
  unknown_point: 404,
  unknown_arm: 400,
  unknown_kind: 400,
  unknown_decision: 404,
  unknown_node: 404,
  unknown_model: 404,
  unknown_version: 404,
  unknown_control: 404,
  unknown_entity: 404,
  feedback_expired: 410,
  feedback_conflict: 409,
  version_conflict: 409,
  undecodable: 400,
  implausible_evidence: 422,
  storage_failed: 503,
  storage_full: 507,
  storage_corrupt: 500,
  overloaded: 503,
  deadline_exceeded: 504,
  unauthorized: 401,
  forbidden: 403,
  closed: 503,
  unsupported: 501,
};

const HTTP_STATUS: Readonly<Record<HttpCode, number>> = {
  not_found: 404,
  method_not_allowed: 405,
  too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  request_timeout: 408,
  headers_too_large: 431,
  malformed_request: 400,
  internal: 500,
};

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  507: 'Insufficient Storage',
};

export const PROBLEM_TYPE = 'application/problem+json';

/** A refusal that only HTTP knows, thrown within a request. */
export class HttpProblem extends Error {
  readonly code: HttpCode;
  readonly field: string | undefined;
  readonly value: string | undefined;
  readonly mend: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: HttpCode,
    message: string,
    detail: { field?: string; value?: unknown; mend?: string; headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.name = 'HttpProblem';
    this.code = code;
    this.field = detail.field;
    this.value = 'value' in detail ? show(detail.value) : undefined;
    this.mend = detail.mend;
    this.headers = detail.headers ?? {};
  }
}

/** A whole list was refused: the status is that of the first refusal, the document names them all. */
export class RejectedList extends GanglionError {
  readonly rejected: readonly RejectedItem[];

  constructor(rejected: readonly RejectedItem[]) {
    const first = rejected[0];
    super(codeOf(first.code), first.message, { field: first.field, mend: first.mend });
    this.rejected = rejected;
  }
}

function codeOf(code: string): ErrorCode {
  return Object.hasOwn(STATUS, code) ? (code as ErrorCode) : 'invalid_input';
}

/** The status a refusal is answered with. */
export function statusOf(code: ErrorCode | HttpCode): number {
  return code in STATUS ? STATUS[code as ErrorCode] : HTTP_STATUS[code as HttpCode];
}

/** What to do where the core did not say. */
const MENDS: Partial<Record<ErrorCode, string>> = {
  unknown_point: 'List the points with GET /v1/points, or declare this one with PUT /v1/points/{point}.',
  unknown_arm: 'Use one of the arms of the point: GET /v1/points/{point}.',
  unknown_decision: 'Send the id of a decision of this tree, within its attribution window.',
  unknown_node: 'List the nodes with GET /v1/nodes.',
  unknown_model: 'List the models with GET /v1/models.',
  unknown_version: 'List the versions with GET /v1/models/{model}.',
  unknown_control: 'See what stands with GET /v1/controls.',
  feedback_expired: 'Send feedback inside the attribution window, or declare a longer one.',
  feedback_conflict: 'Send the correction under a higher revision.',
  version_conflict: 'Read the current state and try again.',
  storage_failed: 'Nothing of this request was acknowledged; see the daemon’s log, then send it again.',
  storage_full: 'Free disk space, then send it again; nothing acknowledged is lost.',
  storage_corrupt: 'Run `ganglion doctor`.',
  overloaded: 'Send it again after a pause.',
  deadline_exceeded: 'Allow more time, or lower the load.',
  closed: 'The node is stopping; use another one, or try again when it is up.',
};

/** What to do about a refusal of this code, where the core did not say. */
export function mendOf(code: string): string | undefined {
  return Object.hasOwn(MENDS, code) ? MENDS[code as ErrorCode] : undefined;
}

/** Any error as the document it is answered with. What is not ours is `internal`, and says nothing of itself. */
export function problemOf(error: unknown): ProblemDocument {
  if (isGanglionError(error)) return ofGanglion(error);
  if (error instanceof HttpProblem) return document(error.code, error.message, error);
  const known = ofFastify(error);
  if (known !== undefined) return document(known.code, known.message, known);
  return document('internal', 'The daemon failed to answer; its log has the reason.', {
    mend: 'Try again; if it stays, report it with the log.',
  });
}

function ofGanglion(error: GanglionError): ProblemDocument {
  const told = document(error.code, error.message, {
    field: error.field,
    value: error.value,
    mend: error.mend ?? MENDS[error.code],
  });
  // Asked by shape, not by class: `instanceof` fails across copies of a package.
  const rejected = (error as Partial<RejectedList>).rejected;
  return rejected === undefined ? told : { ...told, rejected: rejected.slice(0, 100) };
}

interface Telling {
  readonly field?: string | undefined;
  readonly value?: string | undefined;
  readonly mend?: string | undefined;
}

function document(code: ErrorCode | HttpCode, detail: string, telling: Telling): ProblemDocument {
  const status = statusOf(code);
  return {
    type: `urn:ganglion:problem:${code}`,
    title: TITLES[status],
    status,
    detail,
    code,
    ...(telling.field === undefined ? {} : { field: telling.field }),
    ...(telling.value === undefined ? {} : { value: telling.value }),
    ...(telling.mend === undefined ? {} : { mend: telling.mend }),
  };
}

/** What Fastify itself refuses, by its stable codes. */
function ofFastify(error: unknown): HttpProblem | undefined {
  const { code, statusCode } = (error ?? {}) as { readonly code?: unknown; readonly statusCode?: unknown };
  switch (code) {
    case 'ECONNRESET':
      // Of the caller's connection: Fastify says 400 of it. Nobody reads the answer, but it is counted, and no fault of ours.
      if (statusCode !== 400) return undefined;
      return new HttpProblem('malformed_request', 'The client broke off its request', {
        mend: 'Send it whole.',
      });
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new HttpProblem('too_large', 'The body is larger than this call takes', {
        mend: 'Send less at once.',
      });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return unsupportedMedia(undefined);
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new HttpProblem('malformed_request', 'The body is not as long as Content-Length says', {
        mend: 'Send the header and the body of one length.',
      });
    // A path that would lead out of the console's folder.
    case 'FST_STATIC_FORBIDDEN_PATH':
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new HttpProblem('not_found', 'There is nothing at this address', { mend: 'See /openapi.json.' });
    default:
      return undefined;
  }
}

/** 415, for a content type that this call does not read. */
export function unsupportedMedia(type: string | undefined, accepted = 'application/json'): HttpProblem {
  return new HttpProblem('unsupported_media_type', 'The body is not of a type that is read here', {
    field: 'content-type',
    ...(type === undefined ? {} : { value: type }),
    mend: `Send the header "content-type: ${accepted}".`,
  });
}

/** Headers that go with a problem, beside its type. */
export function problemHeaders(error: unknown, status: number): Record<string, string> {
  const headers: Record<string, string> = {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  };
  if (error instanceof HttpProblem) Object.assign(headers, error.headers);
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="ganglion"';
  if ((status === 503 || status === 429) && headers['retry-after'] === undefined)
    headers['retry-after'] = '1';
  return headers;
}
