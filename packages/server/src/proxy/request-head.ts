import type { ForwardedFields } from './forwarded.ts';
import { fieldsNamedBy, HOP_BY_HOP, removeNamed } from './hop-by-hop.ts';
import type { ProxyProblem } from './problem.ts';
import { originForm } from './target.ts';

/**
 * Reads a request head once: what has to be refused, what is for us, and what goes on to the backend.
 *
 * The parser (llhttp, strict) has already refused both Content-Length and Transfer-Encoding, repeated or malformed
 * lengths, folded lines, and spaces before the colon. What is left to us is what it lets pass although two servers
 * could read it differently: several `Host` fields, codings other than `chunked`, absolute targets, and look-alikes
 * such as `Content_Length`, which gateways that turn `_` into `-` would take for framing.
 */

/** The parts of a request that are looked at. `rawHeaders` is flat: name, value, name, value. */
export interface RawRequest {
  readonly method: string;
  readonly url: string;
  readonly httpVersionMajor: number;
  readonly httpVersionMinor: number;
  readonly rawHeaders: readonly string[];
}

/** A request that may be forwarded. */
export interface RequestHead {
  /** Origin form, with the query. */
  target: string;
  /** End-to-end fields as the client sent them, flat. Without `Host` and the framing, which stand apart. */
  readonly headers: string[];
  /** Checked; undefined only for HTTP/1.0 without one. */
  host: string | undefined;
  /** Undefined without a Content-Length. */
  contentLength: string | undefined;
  chunked: boolean;
  expectsContinue: boolean;
  /** Which trailers the client announces behind its chunked body. */
  trailer: string | undefined;
  forwarded: ForwardedFields | undefined;
  /** `Max-Forwards: 0` on OPTIONS: we are the final recipient (RFC 9110 §7.6.2). */
  answerHere: boolean;
}

/** Bounds on a request head. */
export interface HeadLimits {
  /** Most header fields. Their bytes are bounded by the parser. */
  readonly maxHeaderCount: number;
  /** Our name in `Via`. */
  readonly via: string;
}

/** The methods that are told where one is refused (`Allow`); others pass through as well. */
export const SERVED = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/** A request that passed this very proxy so often is going in circles. */
const MAX_OWN_HOPS = 8;

/** RFC 3986 §3.2.2 and a port; no quote, so that it can be quoted in `Forwarded`. */
const HOST = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9\-._~%!$&'()*+,;=]*)(?::\d{0,5})?$/;

type Field =
  | 'drop'
  | 'connection'
  | 'host'
  | 'length'
  | 'coding'
  | 'expect'
  | 'trailer'
  | 'via'
  | 'forwarding'
  | 'hops';

const FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ...[...HOP_BY_HOP].map((name): [string, Field] => [name, 'drop']),
  ['connection', 'connection'],
  ['host', 'host'],
  ['content-length', 'length'],
  ['transfer-encoding', 'coding'],
  ['expect', 'expect'],
  ['trailer', 'trailer'],
  ['via', 'via'],
  ['forwarded', 'forwarding'],
  ['x-real-ip', 'forwarding'],
  ['max-forwards', 'hops'],
]);

function problem(status: number, code: ProxyProblem['code'], detail: string): ProxyProblem {
  return { status, code, detail };
}

function malformed(detail: string): ProxyProblem {
  return problem(400, 'malformed_request', detail);
}

/** Reads the head of a request; a problem where it has to be refused. */
export function readRequestHead(request: RawRequest, limits: HeadLimits): RequestHead | ProxyProblem {
  const raw = request.rawHeaders;
  // The parser lets HTTP/0.9 and HTTP/2.0 through as if they were HTTP/1.
  if (request.httpVersionMajor !== 1)
    return problem(505, 'unsupported_version', 'The only versions understood are HTTP/1.1 and HTTP/1.0.');
  if (raw.length > 2 * limits.maxHeaderCount)
    return problem(431, 'headers_too_large', `More than ${limits.maxHeaderCount} header fields.`);
  if (request.method === 'TRACE')
    return {
      ...problem(405, 'method_not_allowed', 'TRACE would show the client fields that are not its own.'),
      headers: ['allow', SERVED],
    };
  const head: RequestHead = {
    target: request.url,
    headers: [],
    host: undefined,
    contentLength: undefined,
    chunked: false,
    expectsContinue: false,
    trailer: undefined,
    forwarded: undefined,
    answerHere: false,
  };
  const named = readFields(request, head, limits);
  if (named !== undefined && 'code' in named) return named;
  if (named !== undefined) removeNamed(head.headers, named);
  if (head.host === undefined && request.httpVersionMinor > 0) return malformed('No Host field.');
  return readTarget(request, head);
}

/** Sorts the fields into `head`. Returns what `Connection` names, or the problem. */
function readFields(
  request: RawRequest,
  head: RequestHead,
  limits: HeadLimits,
): ProxyProblem | Set<string> | undefined {
  const raw = request.rawHeaders;
  let named: Set<string> | undefined;
  let ownHops = 0;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    const lower = name.toLowerCase();
    const field = FIELDS.get(lower) ?? lookAlike(lower);
    switch (field) {
      case undefined:
        head.headers.push(name, value);
        break;
      case 'host':
        if (head.host !== undefined) return malformed('More than one Host field.');
        if (!HOST.test(value)) return malformed('The Host field is no host and port.');
        head.host = value;
        break;
      case 'length':
        if (head.contentLength !== undefined) return malformed('More than one Content-Length field.');
        head.contentLength = value;
        break;
      case 'coding': {
        const refusal = readCoding(request, head, value);
        if (refusal !== undefined) return refusal;
        break;
      }
      case 'connection': {
        const more = fieldsNamedBy(value);
        if (more !== undefined) named = new Set([...(named ?? []), ...more]);
        break;
      }
      case 'expect':
        // RFC 9110 §10.1.1: HTTP/1.0 knows no expectations.
        if (request.httpVersionMinor === 0) break;
        if (value.toLowerCase() !== '100-continue')
          return problem(417, 'expectation_failed', 'The only expectation understood is 100-continue.');
        head.expectsContinue = true;
        break;
      case 'trailer':
        head.trailer = head.trailer === undefined ? value : `${head.trailer}, ${value}`;
        break;
      case 'via':
        head.headers.push(name, value);
        ownHops += countHops(value, limits.via);
        break;
      case 'forwarding':
        head.forwarded = readForwarding(head.forwarded ?? {}, lower, value);
        break;
      case 'hops':
        readMaxForwards(request, head, value);
        break;
      case 'drop':
        break;
    }
  }
  if (ownHops >= MAX_OWN_HOPS)
    return problem(508, 'loop_detected', `The request passed this proxy ${ownHops} times.`);
  if (head.chunked && head.contentLength !== undefined)
    return malformed('Both Content-Length and Transfer-Encoding.');
  return named;
}

/** `x-forwarded-*` as a family, and spellings with `_` that some gateways take for the real field. */
function lookAlike(lower: string): Field | undefined {
  if (lower.startsWith('x-forwarded-')) return 'forwarding';
  if (!lower.includes('_')) return undefined;
  const real = lower.replaceAll('_', '-');
  return FIELDS.has(real) || real.startsWith('x-forwarded-') ? 'drop' : undefined;
}

function readCoding(request: RawRequest, head: RequestHead, value: string): ProxyProblem | undefined {
  if (request.httpVersionMinor === 0) return malformed('HTTP/1.0 has no Transfer-Encoding.');
  if (head.chunked) return malformed('More than one Transfer-Encoding field.');
  if (value.toLowerCase() !== 'chunked')
    return problem(501, 'unsupported_transfer_coding', 'The only transfer coding understood is chunked.');
  head.chunked = true;
  return undefined;
}

function countHops(via: string, name: string): number {
  let hops = 0;
  for (const hop of via.split(',')) if (hop.trim().split(/\s+/)[1] === name) hops += 1;
  return hops;
}

function readForwarding(fields: ForwardedFields, lower: string, value: string): ForwardedFields {
  const join = (before: string | undefined): string => (before === undefined ? value : `${before}, ${value}`);
  if (lower === 'forwarded') fields.forwarded = join(fields.forwarded);
  else if (lower === 'x-forwarded-for') fields.for = join(fields.for);
  else if (lower === 'x-forwarded-proto') fields.proto = value;
  else if (lower === 'x-forwarded-host') fields.host = value;
  else {
    fields.others ??= [];
    fields.others.push(lower, value);
  }
  return fields;
}

/** RFC 9110 §7.6.2; on other methods the field has no meaning and goes on as it is. */
function readMaxForwards(request: RawRequest, head: RequestHead, value: string): void {
  if (request.method !== 'OPTIONS' || !/^\d{1,9}$/.test(value)) {
    head.headers.push('max-forwards', value);
    return;
  }
  const left = Number(value);
  if (left === 0) head.answerHere = true;
  else head.headers.push('max-forwards', String(left - 1));
}

function readTarget(request: RawRequest, head: RequestHead): RequestHead | ProxyProblem {
  if (request.url.startsWith('/')) return head;
  if (request.url === '*' && request.method === 'OPTIONS') {
    head.answerHere = true;
    return head;
  }
  const origin = originForm(request.url);
  if (origin === undefined) return malformed('The request target is neither a path nor an http URL.');
  if (!HOST.test(origin.host)) return malformed('The request target names no host and port.');
  // RFC 9112 §3.2.2: the authority of an absolute target replaces whatever the Host field says.
  head.host = origin.host;
  head.target = origin.target;
  return head;
}
