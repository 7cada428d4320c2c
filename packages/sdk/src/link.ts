import { DEFAULT_LIMITS, decodeMessage, encodeMessage, GanglionError, type HostedNode } from '@ganglion/core';

/** Where daemons take the links of children. */
const LINK_PATH = '/v1/link';
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** A parent that does not read is cut off rather than buffered for. */
const MAX_BUFFERED_BYTES = 64 << 20;
const DEAD_AFTER_MS = 30_000;
/** Status of RFC 6455: the other side does not allow what was said. */
const NOT_ALLOWED = 1008;
/** Subprotocols of a link: what is spoken, and beside it the token. The parent answers with the first alone. */
const PROTOCOL = 'ganglion.v1';
const TOKEN_PREFIX = 'ganglion.token.';
/** One attempt that fails is a restart or a train in a tunnel; so many in a row want looking into. */
const FAILURES_OF_NOTE = 3;

export interface LinkOptions {
  /** URL of the parent's daemon. */
  readonly url: string;
  /**
   * A token of the role node that the parent knows. It goes as a subprotocol, since a browser's WebSocket sends no headers.
   * One in a page is known to everybody who opens the page: make it one of `node:PREFIX*`, for names of pages alone.
   */
  readonly token?: string | undefined;
  /**
   * A link on which nothing has come for so long is made anew: a parent answers every heartbeat. A browser has no pings of
   * its own to send. Default: 30 s.
   */
  readonly deadAfterMs?: number | undefined;
  /** Hears what the link suffers: it is mended by itself. What fails again and again comes with a mend. */
  readonly onTrouble?: ((error: unknown) => void) | undefined;
}

export const LINK_OPTIONS: Readonly<Record<keyof LinkOptions, true>> = {
  url: true,
  token: true,
  deadAfterMs: true,
  onTrouble: true,
};

/** A link that is kept. */
export interface Link {
  /** Whether what is sent now may arrive. */
  isOpen(): boolean;
  stop(): void;
}

/** Keeps a link from this node to a daemon, for ever, with growing pauses between attempts. */
export function keepLink(node: HostedNode, options: LinkOptions): Link {
  const url = addressOf(options.url);
  checkPlatform();
  const protocols = protocolsOf(options.token);
  const trouble = options.onTrouble ?? (() => {});
  let socket: WebSocket | undefined;
  let stopped = false;
  let pauseMs = FIRST_PAUSE_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let heardMs = performance.now();
  let failures = 0;
  const { receive } = node.connectParent((up) => {
    if (socket?.readyState !== WebSocket.OPEN) return;
    // Plain ArrayBuffer: what a WebSocket sends may not be shared memory.
    if (socket.bufferedAmount > MAX_BUFFERED_BYTES) socket.close();
    else socket.send(new Uint8Array(encodeMessage(up)));
  });

  const hear = (data: unknown): void => {
    heardMs = performance.now();
    try {
      const received = decodeMessage(new Uint8Array(data as ArrayBuffer), DEFAULT_LIMITS);
      if (received.kind !== 'down') return;
      receive(received.message);
      // Not as soon as it is open: a parent that refuses this node's name opens first.
      pauseMs = FIRST_PAUSE_MS;
      failures = 0;
    } catch (error) {
      trouble(error);
    }
  };

  const connect = (): void => {
    const attempt = new WebSocket(url, protocols);
    socket = attempt;
    heardMs = performance.now();
    attempt.binaryType = 'arraybuffer';
    attempt.onmessage = ({ data }) => hear(data);
    attempt.onerror = () => {
      // One that is closed before it is open ends as a failure.
      if (!stopped && socket === attempt) trouble(noLink(url, options, ++failures));
    };
    attempt.onclose = ({ code, reason }) => {
      if (stopped || socket !== attempt) return;
      if (code === NOT_ALLOWED) trouble(notAllowed(url, reason));
      timer = setTimeout(connect, pauseMs * (0.5 + Math.random() / 2));
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
    };
  };
  connect();
  const deadAfterMs = options.deadAfterMs ?? DEAD_AFTER_MS;
  const watch = setInterval(() => {
    if (socket?.readyState !== WebSocket.OPEN || performance.now() - heardMs < deadAfterMs) return;
    trouble(new GanglionError('closed', `${url.host} does not answer any more`, { field: 'parent' }));
    // Its end may not be told for minutes: another is opened in its place at once.
    const dead = socket;
    dead.onmessage = null;
    connect();
    dead.close();
  }, deadAfterMs / 4);
  // In Node, a link keeps no process up that has nothing else to do.
  (watch as { unref?: () => void }).unref?.();
  return {
    isOpen: () => socket?.readyState === WebSocket.OPEN,
    stop() {
      stopped = true;
      clearInterval(watch);
      clearTimeout(timer);
      socket?.close();
    },
  };
}

function checkPlatform(): void {
  if (typeof WebSocket === 'undefined')
    throw new GanglionError('unsupported', 'this platform has no WebSocket, which a link to a parent needs', {
      field: 'parent',
      mend: 'Use Node 24 or later, Deno, Bun or a browser; without a parent, the node is a root of its own.',
    });
}

/** The status of a refusal is told to nobody: what it may be is said, and where it stands. */
function noLink(url: URL, { url: value, token }: LinkOptions, failures: number): GanglionError {
  if (failures < FAILURES_OF_NOTE)
    return new GanglionError('closed', `There is no link to ${url.host}`, { field: 'parent', value });
  const asks = [
    'a daemon answers at this address',
    token === undefined ? 'it asks for no token' : 'it knows the token, as one of role node',
    ...askOfOrigin(new URL(value).origin),
  ];
  return new GanglionError('closed', `There is no link to ${url.host} after ${failures} attempts`, {
    field: 'parent',
    value,
    mend: `See that ${asks.join(', that ')}; its log says why it refused a link.`,
  });
}

/** In a page, or a worker of one: what must be true of where it is from. */
function askOfOrigin(parent: string): string[] {
  const origin = (globalThis as { readonly location?: { readonly origin?: string } }).location?.origin;
  if (origin === undefined) return [];
  if (origin === 'null') return ['this page is served over http or https, for else it has no origin'];
  const allows = `it lets in pages of this origin (--allow-origin ${origin})`;
  return [origin === parent ? `what passes on the link keeps Host as it is, or ${allows}` : allows];
}

function notAllowed(url: URL, reason: string): GanglionError {
  return new GanglionError('forbidden', `${url.host} refused the link: ${reason}`, {
    field: 'parent.token',
    mend: 'Give this node the name that its token is for, or a token of role node that is for its name.',
  });
}

function addressOf(text: string): URL {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new GanglionError('invalid_input', 'The parent’s URL is not an http(s) URL', {
      field: 'parent',
      value: text,
      mend: 'Use a URL such as http://127.0.0.1:7070.',
    });
  const url = new URL(LINK_PATH, text);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url;
}

/** The same in Node as in browsers, whose WebSocket sends no headers; the token in base64url, for a name has few characters. */
function protocolsOf(token: string | undefined): string[] {
  if (token === undefined) return [];
  if (!/^[\x21-\x7e]{1,512}$/.test(token))
    throw new GanglionError('invalid_input', 'The token for the parent is not one', {
      field: 'parent.token',
      mend: 'Give it as it stands in the parent’s token file: up to 512 visible ASCII characters.',
    });
  const name = btoa(token).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  return [PROTOCOL, TOKEN_PREFIX + name];
}
