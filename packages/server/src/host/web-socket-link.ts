import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  DEFAULT_LIMITS,
  type DownMessage,
  decodeMessage,
  encodeMessage,
  GanglionError,
  type HostedNode,
  isGanglionError,
  type UpMessage,
} from '@ganglion/core';
import { WebSocket, WebSocketServer } from 'ws';
import { type AuthOptions, gate as createGate, maySpeakAs } from '../http/auth.ts';
import { LINK_PROTOCOL } from '../http/link-protocol.ts';
import { LINK_PATH } from '../http/listener.ts';
import type { Logger } from '../log.ts';
import { linkNews, mendOfLink, NEWS_EVERY_MS } from './link-news.ts';
import { LINK_TIMES, type LinkTimes, watchLink } from './link-watch.ts';
import { rarely } from './rarely.ts';
import { watchTwins } from './twins.ts';

const MAX_MESSAGE_BYTES = 16 << 20;
/** Status of RFC 6455: a message was longer than the other side, or this one, takes. */
const TOO_LONG = 1009;
const TOO_LONG_WORDS =
  'a message was longer than it takes, 16 MiB at most; it hears nothing until less is to be said';
/** Status of RFC 6455: the other side does not allow what was said. */
const NOT_ALLOWED = 1008;
const RECONNECT_MS = 500;
const RECONNECT_MAX_MS = 15_000;
/** A peer that does not read is cut off rather than buffered for. */
const MAX_BUFFERED_BYTES = 64 << 20;

/** What either end of a link may be given. */
interface LinkOptions {
  readonly logger: Logger;
  readonly times?: Partial<LinkTimes> | undefined;
}

/** Takes the links of children at `/v1/link`. Their bytes are untrusted: what does not decode ends the connection. */
export function acceptLinks(
  server: Server,
  node: HostedNode,
  options: LinkOptions & { readonly auth?: AuthOptions | undefined },
): { close(): void } {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    // Never one that is a token; without an answer a browser ends a link that offered some.
    handleProtocols: (offered) => offered.has(LINK_PROTOCOL) && LINK_PROTOCOL,
  });
  const gate = createGate(options.auth ?? { tokens: [] });
  const news = linkNews(options.logger);
  const twins = watchTwins(news.twins);
  server.on('upgrade', (request, socket, head) => {
    // From here on the socket is ours, and nobody else hears that the other side has gone.
    socket.on('error', () => socket.destroy());
    if (request.url?.split('?')[0] !== LINK_PATH) return refuse(socket, '404 Not Found');
    let speaksAs: string | undefined;
    try {
      speaksAs = gate.admit(
        { method: 'POST', headers: request.headers, remoteAddress: request.socket.remoteAddress },
        'link',
      ).node;
    } catch (error) {
      news.refused(request, error);
      return refuse(socket, isGanglionError(error, 'forbidden') ? '403 Forbidden' : '401 Unauthorized');
    }
    try {
      sockets.handleUpgrade(request, socket, head, (link) =>
        serveChild(node, link, speaksAs, {
          ...options,
          twins,
          onOtherName: (as) => news.otherName(request, as, speaksAs),
        }),
      );
    } catch (error) {
      // Our own mistake, and no reason to go down with all the other children.
      options.logger.error({ err: error }, 'a link could not be taken');
      socket.destroy();
    }
  });
  return {
    close() {
      for (const link of sockets.clients) link.terminate();
      sockets.close();
    },
  };
}

interface ChildOptions extends LinkOptions {
  readonly twins: ReturnType<typeof watchTwins>;
  readonly onOtherName: (as: string) => void;
}

/** @param speaksAs - the only name the child's token allows, or `PREFIX*`; undefined: any */
function serveChild(
  node: HostedNode,
  link: WebSocket,
  speaksAs: string | undefined,
  { logger, times, twins, onOtherName }: ChildOptions,
): void {
  const send = (down: DownMessage): void => transmit(link, encodeMessage(down));
  let child = speaksAs;
  link.on('error', (error) => logger.warn({ err: error }, 'link of a child'));
  link.on('close', (code) => {
    twins.ended(link);
    if (code === TOO_LONG) logger.warn({ child, code }, `the link of a child was cut off: ${TOO_LONG_WORDS}`);
  });
  watchLink(link, { ...LINK_TIMES, ...times }, () =>
    logger.warn({ as: speaksAs }, 'a child does not answer any more'),
  );
  link.on('message', (data) => {
    try {
      const received = decodeMessage(bytesOf(data), DEFAULT_LIMITS);
      if (received.kind !== 'up') return;
      if (!maySpeakAs(speaksAs, received.message.node)) {
        onOtherName(received.message.node);
        link.close(NOT_ALLOWED, 'this token is another node’s');
        return;
      }
      child = received.message.node;
      twins.spoke(link, child);
      node.receiveUp(received.message, send);
    } catch (error) {
      if (error instanceof GanglionError)
        logger.warn({ code: error.code, detail: error.message }, 'a child sent what does not decode');
      // Our own mistake, and still no reason to go down with all the other children.
      else logger.error({ err: error }, 'a child’s message could not be taken');
      link.close(1007, 'undecodable');
    }
  });
}

/** Ended and then destroyed: a peer that keeps its half open would hold up the server's closing. */
function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}

/** Keeps a link to a parent's daemon, for ever, with growing pauses between attempts. */
export function connectUp(
  node: HostedNode,
  parentUrl: string,
  options: LinkOptions & { readonly token?: string | undefined },
): { close(): void } {
  const times = { ...LINK_TIMES, ...options.times };
  const url = linkAddress(parentUrl);
  let socket: WebSocket | undefined;
  let closed = false;
  let pauseMs = RECONNECT_MS;
  const refusals = rarely(NEWS_EVERY_MS);
  let timer: NodeJS.Timeout | undefined;
  const { receive } = node.connectParent((up: UpMessage) => {
    if (socket?.readyState === WebSocket.OPEN) transmit(socket, encodeMessage(up));
  });
  const connect = (): void => {
    const attempt = new WebSocket(url, {
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      handshakeTimeout: 10_000,
      ...(options.token === undefined ? {} : { headers: { authorization: `Bearer ${options.token}` } }),
    });
    socket = attempt;
    watchLink(attempt, times, () =>
      options.logger.warn({ parent: url.host }, 'the parent does not answer any more'),
    );
    attempt.on('open', () => options.logger.info({ parent: url.host }, 'linked'));
    attempt.on('message', (data) => {
      try {
        const received = decodeMessage(bytesOf(data), DEFAULT_LIMITS);
        if (received.kind !== 'down') return;
        receive(received.message);
        // Not as soon as it is open: a parent that refuses this node's name opens first.
        pauseMs = RECONNECT_MS;
      } catch (error) {
        if (error instanceof GanglionError)
          options.logger.warn(
            { code: error.code, detail: error.message },
            'the parent sent what does not decode',
          );
        else options.logger.error({ err: error }, 'the parent’s message could not be taken');
      }
    });
    attempt.on('error', (error) =>
      options.logger.warn(
        { parent: url.host, detail: error.message, mend: mendOfLink(error) },
        'no link to the parent',
      ),
    );
    attempt.on('close', (code, reason) => {
      if (closed) return;
      const refused = code === NOT_ALLOWED ? refusals(url.host) : undefined;
      if (refused !== undefined)
        options.logger.warn(
          { parent: url.host, code, detail: reason.toString(), times: refused },
          'the parent refused the link',
        );
      if (code === TOO_LONG)
        options.logger.warn(
          { parent: url.host, code },
          `the link to the parent was cut off: ${TOO_LONG_WORDS}`,
        );
      timer = setTimeout(connect, pauseMs * (0.5 + Math.random() / 2));
      pauseMs = Math.min(RECONNECT_MAX_MS, pauseMs * 2);
    });
  };
  connect();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      socket?.terminate();
    },
  };
}

function linkAddress(parentUrl: string): URL {
  const parent = URL.parse(parentUrl);
  if (parent === null || !['http:', 'https:'].includes(parent.protocol))
    throw new GanglionError('invalid_input', 'the parent’s URL is not an http(s) URL', {
      field: '--parent',
      value: parentUrl,
      mend: 'Give the URL of its daemon, such as http://127.0.0.1:7070.',
    });
  const url = new URL(LINK_PATH, parent);
  url.protocol = parent.protocol === 'https:' ? 'wss:' : 'ws:';
  return url;
}

function transmit(link: WebSocket, bytes: Uint8Array): void {
  if (link.readyState !== WebSocket.OPEN) return;
  if (link.bufferedAmount > MAX_BUFFERED_BYTES) return link.terminate();
  link.send(bytes);
}

function bytesOf(data: WebSocket.RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}
