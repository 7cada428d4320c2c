import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpLimits } from './limits.ts';
import { HttpProblem, PROBLEM_TYPE, problemOf } from './problem.ts';

type Handler = Parameters<typeof createServer>[1];

/** The HTTP server itself: its time-outs, and what it answers before there is a request. */
export function listener(limits: HttpLimits, handler: NonNullable<Handler>): Server {
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      requestTimeout: limits.requestMs,
      headersTimeout: limits.headersMs,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: 2_000,
      // A missing Host is refused by the gate, with a document that says so.
      requireHostHeader: false,
    },
    handler,
  );
  // Expectations we do not know are left unmet (RFC 9110 §10.1.1 allows it); the call itself is answered.
  server.on('checkExpectation', handler);
  server.on('connect', (_request, socket: Socket) =>
    refuse(
      socket,
      new HttpProblem('method_not_allowed', 'This is not a tunnel', { mend: 'See /openapi.json.' }),
    ),
  );
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
export function refuseSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  if (error.code === 'HPE_HEADER_OVERFLOW')
    refuse(
      socket,
      new HttpProblem('headers_too_large', 'The head of the request is too large', {
        mend: 'Send fewer or shorter headers.',
      }),
    );
  else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
    refuse(
      socket,
      new HttpProblem('request_timeout', 'The request did not arrive in time', {
        mend: 'Send it in one go.',
      }),
    );
  else
    refuse(
      socket,
      new HttpProblem('malformed_request', 'This is not an HTTP/1.1 request', { mend: 'Speak HTTP/1.1.' }),
    );
}

function refuse(socket: Socket, error: HttpProblem): void {
  const problem = problemOf(error);
  const body = JSON.stringify(problem);
  const head = `HTTP/1.1 ${problem.status} ${problem.title}\r\nconnection: close\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  // Node has let go of the socket by now: nobody else hears that the other side has gone, or ends its half.
  socket.on('error', () => socket.destroy());
  socket.end(head + body, () => socket.destroy());
}
