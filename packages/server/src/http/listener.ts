import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { mayHaveLost } from '../upgrade-offer.ts';
import type { AnswersDue } from './answers-due.ts';
import type { HttpLimits } from './limits.ts';
import { HttpProblem, PROBLEM_TYPE, problemOf } from './problem.ts';

type Handler = Parameters<typeof createServer>[1];

/** Where children connect. */
export const LINK_PATH = '/v1/link';

/** How long a client may go on sending what was refused, so that it gets to read why. */
const LINGER_MS = 2000;

/** The HTTP server itself: its time-outs, and what it answers before there is a request. */
export function listener(limits: HttpLimits, due: AnswersDue, handler: NonNullable<Handler>): Server {
  const server: Server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      requestTimeout: limits.requestMs,
      headersTimeout: limits.headersMs,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: 2_000,
      // A missing Host is refused by the gate, with a document that says so.
      requireHostHeader: false,
      // All other offers are ignored (RFC 9110 §7.8): clients that would rather speak HTTP/2 make one with every connection.
      // So is one behind requests still to be answered, for what is switched cannot wait for them.
      shouldUpgradeCallback: (request) =>
        server.listenerCount('upgrade') > 0 &&
        request.method === 'GET' &&
        request.headers.upgrade?.toLowerCase() === 'websocket' &&
        request.url?.split('?')[0] === LINK_PATH &&
        !due.on(request.socket),
    },
    (request, response) => {
      due.add(request.socket, response);
      if (mayHaveLost(request)) response.shouldKeepAlive = false;
      handler(request, response);
    },
  );
  // Expectations we do not know are left unmet (RFC 9110 §10.1.1 allows it); the call itself is answered.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  server.on('connect', (_request, socket: Socket) => {
    // Node has let go of the socket by now: nobody else hears that the other side has gone, or ends its half.
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.destroySoon());
    socket.resume();
    const problem = new HttpProblem('method_not_allowed', 'This is not a tunnel', {
      mend: 'See /openapi.json.',
    });
    due.after(socket, () => refuse(socket, problem));
  });
  return server;
}

/**
 * Ends what a closing server would wait for for ever, since nobody looks at time-outs any more once it closes: at once
 * connections that have not said a word (browsers and clients open them ahead, and Node counts them as busy); after
 * `closingMs` those that have stopped in the midst of a request, or do not read their answer.
 *
 * @returns to be called when the server closes
 */
export function hangUps(server: Server, { closingMs }: HttpLimits): () => void {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return () => {
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    if (!server.listening) return;
    const timer = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, closingMs);
    server.once('close', () => clearTimeout(timer));
  };
}

/** What is not HTTP, or too slow, or too large in its head: answered as far as anything can be. */
export function refuseSocket(error: NodeJS.ErrnoException, socket: Socket, due: AnswersDue): void {
  // Its last answer is on its way: the parser errs over each read that follows the first that it refused.
  if (socket.writableEnded) return;
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  due.after(socket, () => refuse(socket, unparsed(error.code)));
}

function unparsed(code: string | undefined): HttpProblem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new HttpProblem('headers_too_large', 'The head of the request is too large', {
        mend: 'Send fewer or shorter headers.',
      });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new HttpProblem('request_timeout', 'The request did not arrive in time', {
        mend: 'Send it in one go.',
      });
    default:
      return new HttpProblem('malformed_request', 'This is not an HTTP/1.1 request', {
        mend: 'Speak HTTP/1.1.',
      });
  }
}

function refuse(socket: Socket, error: HttpProblem): void {
  const problem = problemOf(error);
  const body = JSON.stringify(problem);
  const head = `HTTP/1.1 ${problem.status} ${problem.title}\r\nconnection: close\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  socket.on('error', () => socket.destroy());
  socket.end(head + body);
  // A connection that is closed with bytes unread is reset, and takes the answer along.
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
}
