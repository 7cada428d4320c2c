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
import { Exchange, type ProxyContext } from './exchange.ts';
import { addressMatcher, type ClientConnection, plainAddress } from './forwarded.ts';
import type { ResolvedOptions } from './options.ts';
import { type ProxyProblem, problemMessage, sendProblem } from './problem.ts';
import { type RequestHead, readRequestHead } from './request-head.ts';
import { awaitTunnel, type ClientTunnel } from './tunnel.ts';

/** A client connection, and what is being answered on it. */
interface Connection {
  readonly client: ClientConnection;
  /** Exchanges that are not over; more than one where the client pipelines. */
  open: number;
  latest: ServerResponse | undefined;
  /** Its last answer has been given: it is about to close, whatever else the parser may find in it. */
  refused: boolean;
}

/** The server, and what node does not know of its connections. */
export interface Front {
  readonly server: Server;
  /** Closes connections over which nothing was ever sent; node takes them for busy. */
  closeUnused(): void;
}

/** The server that clients connect to: admits or refuses each request, and starts its exchange. */
export function createFront(context: ProxyContext): Front {
  const { options } = context;
  const serverOptions = frontOptions(options);
  const server =
    options.tls === undefined
      ? createServer(serverOptions)
      : createTlsServer({ ...serverOptions, ...options.tls });
  server.maxConnections = options.maxConnections;
  // Node drops fields beyond this count without a word; we refuse them instead (`maxHeaderCount`).
  server.maxHeadersCount = 0;
  const connections = connectionsOf(options);
  const admit = (request: IncomingMessage, response: ServerResponse, tunnel?: ClientTunnel): void => {
    const connection = connections.of(request.socket);
    const head = admission(context, request);
    if ('code' in head) {
      connection.refused = true;
      response.shouldKeepAlive = false;
      sendProblem(response, head);
      return;
    }
    if (head.answerHere) {
      response.writeHead(204, ['allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']);
      response.end();
      return;
    }
    connection.open += 1;
    connection.latest = response;
    context.stats.inFlight += 1;
    const ended = (): void => {
      connection.open -= 1;
      context.left();
    };
    new Exchange(context, { request, response, head, client: connection.client, tunnel, ended }).start();
  };
  server.on('request', (request, response) => admit(request, response));
  server.on('checkContinue', (request, response) => admit(request, response));
  server.on('checkExpectation', (_request, response: ServerResponse) => {
    response.shouldKeepAlive = false;
    sendProblem(response, {
      status: 417,
      code: 'expectation_failed',
      detail: 'The only expectation understood is 100-continue.',
    });
  });
  server.on('upgrade', (request, socket, firstBytes) => {
    const client = socket as Socket;
    admit(request, responseOver(request, client, context), awaitTunnel(client, firstBytes));
  });
  server.on('connect', (_request, socket: Duplex) => {
    socket.on('error', () => {});
    socket.end(problemMessage({ status: 405, code: 'method_not_allowed', detail: 'CONNECT is not served.' }));
  });
  server.on('clientError', (error, socket) => {
    const connection = connections.of(socket as Socket);
    if (connection.refused) return;
    connection.refused = true;
    context.stats.malformed += 1;
    refuseUnparsed(error, socket as Socket, connection);
  });
  server.on(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    connections.of(socket);
  });
  return { server, closeUnused: connections.closeUnused };
}

/**
 * Bytes of a response that may wait for its client before the backend is told to wait. Two reads of a backend's socket
 * (64 KiB each): with one, every full read would stop the backend and start it again.
 */
const BUFFER_BYTES = 131_072;

function frontOptions(options: ResolvedOptions): ServerOptions {
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
    // Other protocols (h2c, say) would tunnel past everything that is checked here: their request is served as HTTP/1.1.
    shouldUpgradeCallback: (request) =>
      request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket',
  };
}

interface Connections {
  of(socket: Socket): Connection;
  closeUnused(): void;
}

function connectionsOf(options: ResolvedOptions): Connections {
  const known = new Map<Socket, Connection>();
  const isTrusted = addressMatcher(options.trustedProxies);
  const proto = options.tls === undefined ? 'http' : 'https';
  return {
    of(socket) {
      let connection = known.get(socket);
      if (connection === undefined) {
        const address = plainAddress(socket.remoteAddress);
        const client: ClientConnection = { address, proto, trusted: isTrusted(address) };
        connection = { client, open: 0, latest: undefined, refused: false };
        if (!socket.destroyed) {
          known.set(socket, connection);
          socket.once('close', () => known.delete(socket));
        }
      }
      return connection;
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
  if (context.draining) {
    stats.shed += 1;
    return { status: 503, code: 'closed', detail: 'The proxy is shutting down.' };
  }
  if (stats.inFlight >= options.maxInFlight) {
    stats.shed += 1;
    return { status: 503, code: 'overloaded', detail: 'As many requests are in flight as the proxy allows.' };
  }
  const head = readRequestHead(request as IncomingMessage & { method: string; url: string }, options);
  if ('code' in head) stats.malformed += 1;
  return head;
}

/** Node gives an upgrade no response object; until the backend agrees to switch, there may have to be one. */
function responseOver(request: IncomingMessage, socket: Socket, context: ProxyContext): ServerResponse {
  context.tunnels.add(socket);
  socket.once('close', () => context.tunnels.delete(socket));
  socket.on('error', () => {});
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => socket.destroySoon());
  return response;
}

/** Answers what the parser refused, where an answer cannot be taken for part of another response. */
function refuseUnparsed(error: Error, socket: Socket, connection: Connection): void {
  const silent =
    !socket.writable ||
    (error as NodeJS.ErrnoException).code === 'ECONNRESET' ||
    connection.open > 1 ||
    (connection.open === 1 && connection.latest?.headersSent === true);
  if (silent) socket.destroy();
  else socket.end(problemMessage(problemOf(error)), () => socket.destroy());
}

function problemOf(error: Error & { code?: string; reason?: string }): ProxyProblem {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, code: 'headers_too_large', detail: 'The request head is too large.' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, code: 'request_timeout', detail: 'The request did not arrive in time.' };
    default:
      return {
        status: 400,
        code: 'malformed_request',
        detail: `Not a valid HTTP/1.1 request${error.reason === undefined ? '' : `: ${error.reason}`}.`,
      };
  }
}
