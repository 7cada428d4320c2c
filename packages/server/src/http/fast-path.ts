import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Api, admit } from './api.ts';
import { parseJson } from './body.ts';
import { decideBody } from './decide.ts';
import { counted, takeFeedback } from './feedback.ts';
import { pageHeaders } from './pages.ts';
import { HttpProblem, PROBLEM_TYPE, problemHeaders, problemOf, unsupportedMedia } from './problem.ts';

/**
 * Decisions and feedback straight on node:http, beside Fastify: the same checks, the same functions, the same answers
 * (a test compares them), without the third of the cost that routing and hooks add to so small a call.
 * Answers whether it has taken the request; whatever is out of the ordinary is left to Fastify.
 */
export function fastPath(api: Api): (request: IncomingMessage, response: ServerResponse) => boolean {
  return (request, response) => {
    if (request.method !== 'POST') return false;
    const url = request.url!;
    const point = url === FEEDBACK ? undefined : pointOf(url);
    if (point === null) return false;
    const exchange: Exchange = { api, request, response, point, startedMs: performance.now() };
    if (api.gate.pages.size > 0)
      for (const [name, value] of Object.entries(pageHeaders(api.gate.pages, request.headers.origin)))
        response.setHeader(name, value);
    try {
      admit(
        api,
        { method: 'POST', headers: request.headers, remoteAddress: request.socket.remoteAddress },
        'data',
      );
      checkHead(request, api.limits.bulkBytes);
      collect(exchange);
    } catch (error) {
      fail(exchange, error);
    }
    return true;
  };
}

interface Exchange {
  readonly api: Api;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Undefined: feedback. */
  readonly point: string | undefined;
  readonly startedMs: number;
}

const FEEDBACK = '/v1/feedback';
const PREFIX = '/v1/points/';
const SUFFIX = '/decide';

/** The point of `/v1/points/{point}/decide`; null where it is another address, or one that needs decoding. */
function pointOf(url: string): string | null {
  if (!url.endsWith(SUFFIX) || !url.startsWith(PREFIX)) return null;
  const point = url.slice(PREFIX.length, -SUFFIX.length);
  return PLAIN.test(point) ? point : null;
}

const PLAIN = /^[A-Za-z0-9._-]+$/;

function checkHead(request: IncomingMessage, most: number): void {
  const type = request.headers['content-type'];
  if (type !== 'application/json' && !/^application\/json *(;|$)/i.test(type ?? ''))
    throw unsupportedMedia(type);
  if (request.headers['content-encoding'] !== undefined) throw encoded(request.headers['content-encoding']);
  if (Number(request.headers['content-length'] ?? 0) > most) throw tooLarge(most);
}

/** 415, for a compressed body: a few kilobytes of it could be gigabytes. */
export function encoded(encoding: string): HttpProblem {
  return new HttpProblem('unsupported_media_type', 'Compressed bodies are not read here', {
    field: 'content-encoding',
    value: encoding,
    mend: 'Send the body as it is.',
  });
}

export function tooLarge(most: number): HttpProblem {
  return new HttpProblem('too_large', `The body is larger than ${most} bytes`, {
    field: 'body',
    mend: 'Send less at once.',
  });
}

function collect(exchange: Exchange): void {
  const { request, api } = exchange;
  const chunks: Buffer[] = [];
  let length = 0;
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > api.limits.bulkBytes) {
      request.removeAllListeners('data').removeAllListeners('end');
      fail(exchange, tooLarge(api.limits.bulkBytes));
    } else chunks.push(chunk);
  });
  request.on('end', () => {
    try {
      answer(exchange, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length));
    } catch (error) {
      fail(exchange, error);
    }
  });
  // The other side went away: there is nobody to answer.
  request.on('error', () => {});
}

/** A single item has the limit of any other call; the larger one is for lists. */
export function parseOneOrMany(bytes: Buffer, mostOfOne: number): unknown {
  const value = parseJson(bytes);
  if (bytes.length > mostOfOne && !Array.isArray(value)) throw tooLarge(mostOfOne);
  return value;
}

function answer(exchange: Exchange, bytes: Buffer): void {
  const { api, point } = exchange;
  const body = parseOneOrMany(bytes, api.limits.bodyBytes);
  if (point === undefined) {
    counted(takeFeedback(api.node, body, api.limits), api.metrics).then(
      (taken) => send(exchange, 202, JSON.stringify(taken)),
      (error: unknown) => fail(exchange, error),
    );
    return;
  }
  const { node, limits, writer, metrics } = api;
  const made = decideBody({ node, point, body, limits, writer, made: metrics.made });
  if (made instanceof Promise)
    made.then(
      (text) => send(exchange, 200, text),
      (error: unknown) => fail(exchange, error),
    );
  else send(exchange, 200, made);
}

function send(exchange: Exchange, status: number, body: string | Buffer): void {
  const { response } = exchange;
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  response.writeHead(status, [
    'content-type',
    'application/json',
    'content-length',
    `${length}`,
    'cache-control',
    'no-store',
  ]);
  // As many bytes as characters: it is ASCII, which needs no encoding.
  if (typeof body === 'string') response.end(body, length === body.length ? 'latin1' : 'utf8');
  else response.end(body, () => exchange.api.writer.reuse(body));
  observe(exchange, status);
}

function fail(exchange: Exchange, error: unknown): void {
  const { request, response, api } = exchange;
  if (response.headersSent || response.destroyed) return;
  const problem = problemOf(error);
  if (problem.code === 'internal') api.log.error({ err: error, url: request.url }, 'a call failed');
  const body = Buffer.from(JSON.stringify(problem));
  const headers: Record<string, string | number> = {
    ...problemHeaders(error, problem.status),
    'content-type': PROBLEM_TYPE,
    'content-length': body.length,
  };
  // What is still on its way is read and thrown away, so that the client gets to read the answer; within reason.
  if (Number(request.headers['content-length'] ?? 0) > 4 * api.limits.bulkBytes) headers.connection = 'close';
  response.writeHead(problem.status, headers);
  response.end(body);
  request.resume();
  observe(exchange, problem.status);
}

function observe(exchange: Exchange, status: number): void {
  const route = exchange.point === undefined ? FEEDBACK : '/v1/points/:point/decide';
  exchange.api.metrics.answered('POST', route, status, (performance.now() - exchange.startedMs) / 1000);
}
