import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { mayHaveLost } from '../upgrade-offer.ts';
import { Exchange, LINGER_MS, type ProxyContext } from './exchange.ts';
import { addressMatcher, plainAddress } from './forwarded.ts';
import type { ResolvedOptions } from './options.ts';
import { type ProxyProblem, problemMessage, sendProblem, writeProblem } from './problem.ts';
import { type RequestHead, readRequestHead, SERVED } from './request-head.ts';
import { countRefusal, countResponse } from './stats.ts';
import { awaitTunnel, type ClientTunnel } from './tunnel.ts';
import { type Pending, Turns, type TurnsShared } from './turns.ts';

/** The server, and what node does not know of its connections. */
export interface Front {
  readonly server: Server;
  /** Closes connections over which nothing was ever sent; node takes them for busy. */
  closeUnused(): void;
  /** Cuts all that is still open, even connections without a TLS handshake: node does not know of them, and yet waits for them. */
  closeAll(): void;
}

/** The server that clients connect to: admits or refuses each request when it is its turn, and starts its exchange. */
export function createFront(context: ProxyContext): Front {
  const { options, stats } = context;
  const connections = connectionsOf(options, {
    stats,
    mostWaiting: options.maxInFlight,
    headTimeoutMs: options.clientHeadTimeoutMs,
    serve: (turns, pending) => guarded(turns.socket, () => serve(context, turns, pending)),
    late: (turns) => refuseUnparsed(context, turns, LATE),
  });
  const serverOptions = frontOptions(options, (socket) => connections.of(socket).free);
  const server =
    options.tls === undefined
      ? createServer(serverOptions)
      : createTlsServer({ ...serverOptions, handshakeTimeout: options.clientHeadTimeoutMs, ...options.tls });
  server.maxConnections = options.maxConnections;
  // Node drops fields beyond this count without a word; we refuse them instead (`maxHeaderCount`).
  server.maxHeadersCount = 0;
  /** A fault of ours costs its connection, and no other. */
  function guarded(socket: Socket, handle: () => void): void {
    try {
      handle();
    } catch (error) {
      options.onError(error);
      socket.destroy();
    }
  }
  const take = (request: IncomingMessage, response: ServerResponse, tunnel?: ClientTunnel): void => {
    const turns = connections.of(request.socket);
    const pending = { request, response, tunnel };
    const isLast = tunnel === undefined && mayHaveLost(request);
    if (isLast) response.shouldKeepAlive = false;
    if (turns.take(pending, isLast)) return;
    turns.refrain();
    stats.requests += 1;
    refuse(context, pending, OVERLOADED);
  };
  server.on('request', (request, response) => take(request, response));
  server.on('checkContinue', (request, response) => take(request, response));
  server.on('checkExpectation', (request, response) => take(request, response));
  server.on('upgrade', (request, socket: Duplex, firstBytes) =>
    guarded(socket as Socket, () => {
      const client = socket as Socket;
      take(request, responseOver(request, client, context), awaitTunnel(client, firstBytes));
    }),
  );
  server.on('connect', (_request, socket: Duplex) =>
    guarded(socket as Socket, () => {
      const turns = connections.of(socket as Socket);
      adopt(context, turns);
      refuseUnparsed(context, turns, NO_CONNECT);
    }),
  );
  server.on('clientError', (error, socket) => {
    const client = socket as Socket;
    guarded(client, () => {
      const problem = problemOf(error);
      const turns = connections.of(client);
      // The parser errs over each read that follows the first that it refused.
      if (turns.closing) return;
      if (problem === undefined || !client.writable) client.destroy();
      else if (problem !== LATE || !turns.excused()) refuseUnparsed(context, turns, problem);
    });
  });
  server.on(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    connections.of(socket);
  });
  return { server, closeUnused: connections.closeUnused, closeAll: closerOf(server, options.tls) };
}

function closerOf(server: Server, tls: ResolvedOptions['tls']): () => void {
  if (tls === undefined) return () => server.closeAllConnections();
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return () => {
    server.closeAllConnections();
    for (const socket of sockets) socket.destroy();
  };
}

const OVERLOADED: ProxyProblem = {
  status: 503,
  code: 'overloaded',
  detail: 'As many requests are in flight as the proxy allows.',
};

const NO_CONNECT: ProxyProblem = {
  status: 405,
  code: 'method_not_allowed',
  detail: 'CONNECT is not served.',
  headers: ['allow', SERVED],
};

const LATE: ProxyProblem = {
  status: 408,
  code: 'request_timeout',
  detail: 'The request did not arrive in time.',
};

/** Answers a request whose turn it is. */
function serve(context: ProxyContext, turns: Turns, pending: Pending): void {
  const { request, response, tunnel } = pending;
  const head = admission(context, request);
  if ('code' in head) {
    turns.close();
    refuse(context, pending, head);
    return;
  }
  if (head.answerHere) {
    response.once('close', () => turns.over());
    response.writeHead(204, ['allow', SERVED]);
    response.end();
    countResponse(context.stats, 204);
    return;
  }
  context.stats.inFlight += 1;
  const ended = (): void => {
    turns.over();
    context.left();
  };
  new Exchange(context, { request, response, head, client: turns.client, tunnel, ended }).start();
}

/** Answers with the problem, and closes the connection: what it is that follows may be in doubt. */
function refuse(context: ProxyContext, { request, response }: Pending, problem: ProxyProblem): void {
  countRefusal(context.stats, problem);
  response.shouldKeepAlive = false;
  response.on('error', () => {});
  const { headers, method } = request;
  const comes = 'content-length' in headers || 'transfer-encoding' in headers;
  // A connection that is closed with bytes unread is reset, and takes the answer along.
  if (!comes || request.complete || method === 'HEAD' || headers.expect !== undefined) {
    sendProblem(response, problem);
    return;
  }
  writeProblem(response, problem);
  const timer = setTimeout(() => response.end(), LINGER_MS);
  request.once('close', () => {
    clearTimeout(timer);
    response.end();
  });
  request.resume();
}

/**
 * Bytes of a response that may wait for its client before the backend is told to wait. Two reads of a backend's socket
 * (64 KiB each): with one, every full read would stop the backend and start it again.
 */
const BUFFER_BYTES = 131_072;

/** @param isFree - whether no answer is due on the connection */
function frontOptions(options: ResolvedOptions, isFree: (socket: Socket) => boolean): ServerOptions {
  return {
    maxHeaderSize: options.maxHeaderBytes,
    headersTimeout: options.clientHeadTimeoutMs,
    // Bodies are bounded by their progress, not by their whole time.
    requestTimeout: 0,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(5000, Math.max(50, options.clientHeadTimeoutMs / 4)),
    // Said here because a command-line flag could otherwise turn the strict parser off.
    insecureHTTPParser: false,
    // Node would answer without a problem document; `readRequestHead` refuses it.
    requireHostHeader: false,
    optimizeEmptyRequests: true,
    noDelay: true,
    highWaterMark: BUFFER_BYTES,
    // Other protocols (h2c, say) would tunnel past everything that is checked here, and what is switched cannot wait for
    // answers that are still due: the request is served as HTTP/1.1 (RFC 9110 §7.8).
    shouldUpgradeCallback: (request) =>
      request.method === 'GET' &&
      request.headers.upgrade?.toLowerCase() === 'websocket' &&
      isFree(request.socket),
  };
}

interface Connections {
  of(socket: Socket): Turns;
  closeUnused(): void;
}

function connectionsOf(options: ResolvedOptions, shared: TurnsShared): Connections {
  const known = new Map<Socket, Turns>();
  const isTrusted = addressMatcher(options.trustedProxies);
  const proto = options.tls === undefined ? 'http' : 'https';
  return {
    of(socket) {
      let turns = known.get(socket);
      if (turns === undefined) {
        const address = plainAddress(socket.remoteAddress);
        const opened = new Turns({ address, proto, trusted: isTrusted(address) }, socket, shared);
        turns = opened;
        if (!socket.destroyed) {
          known.set(socket, opened);
          socket.once('close', () => {
            known.delete(socket);
            opened.close();
          });
        }
      }
      return turns;
    },
    closeUnused() {
      for (const socket of known.keys()) if (socket.bytesRead === 0) socket.destroy();
    },
  };
}

/** The head of a request that is let in, or why it is not. */
function admission(context: ProxyContext, request: IncomingMessage): RequestHead | ProxyProblem {
  const { options, stats } = context;
  stats.requests += 1;
  if (context.draining) return { status: 503, code: 'closed', detail: 'The proxy is shutting down.' };
  if (stats.inFlight >= options.maxInFlight) return OVERLOADED;
  return readRequestHead(request as IncomingMessage & { method: string; url: string }, options);
}

/** Node lets go of a connection that asks for a tunnel: nobody else closes it when the proxy stops. */
function keep(context: ProxyContext, socket: Socket): void {
  context.tunnels.add(socket);
  socket.once('close', () => context.tunnels.delete(socket));
  socket.on('error', () => {});
}

/** Does what node did for a connection of which it has let go, and on which answers are due. */
function adopt(context: ProxyContext, turns: Turns): void {
  const { socket } = turns;
  keep(context, socket);
  socket.on('drain', () => turns.current?.response.emit('drain'));
  socket.on('end', () => socket.destroySoon());
  socket.resume();
}

/** Node gives an upgrade no response object; until the backend agrees to switch, there may have to be one. */
function responseOver(request: IncomingMessage, socket: Socket, context: ProxyContext): ServerResponse {
  keep(context, socket);
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => socket.destroySoon());
  return response;
}

/** Answers what is no request, after all that were, and closes. */
function refuseUnparsed(context: ProxyContext, turns: Turns, problem: ProxyProblem): void {
  const { socket } = turns;
  // What broke may be the body of a request that has been counted.
  const counted = turns.current?.request.complete === false;
  turns.end(() => {
    if (!counted) context.stats.requests += 1;
    countRefusal(context.stats, problem);
    if (counted) socket.end(problemMessage(problem), () => socket.destroy());
    else {
      socket.end(problemMessage(problem));
      const timer = setTimeout(() => socket.destroy(), LINGER_MS);
      socket.once('close', () => clearTimeout(timer));
    }
  });
}

/** What is told to a client that sent what the parser refused; undefined where it only went away. */
function problemOf(error: Error & { code?: string; reason?: string }): ProxyProblem | undefined {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, code: 'headers_too_large', detail: 'The request head is too large.' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return LATE;
    default:
      if (error.code?.startsWith('HPE_') !== true) return undefined;
      return {
        status: 400,
        code: 'malformed_request',
        detail: `Not a valid HTTP/1.1 request${error.reason === undefined ? '' : `: ${error.reason}`}.`,
      };
  }
}
