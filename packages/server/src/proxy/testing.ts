import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import type { BackendAnswer, BackendChooser, BackendOutcome, BackendRequest } from './balancer.ts';
import type { ProxyOptions } from './options.ts';
import { createProxy, type ReverseProxy } from './proxy.ts';

/** Support for the tests of this folder: real servers on free ports, closed when a scope ends. */

/** What a chooser was asked and told. */
export interface Recorded {
  readonly asked: BackendRequest[];
  readonly answered: { arm: string; answer: BackendAnswer }[];
  readonly outcomes: { arm: string; outcome: BackendOutcome }[];
}

/** A chooser over arms in order: the first one not excluded. Records everything. */
export function inOrder(arms: Readonly<Record<string, string>>): BackendChooser & Recorded {
  const recorded: Recorded = { asked: [], answered: [], outcomes: [] };
  return {
    ...recorded,
    choose(request) {
      recorded.asked.push(request);
      const arm = Object.keys(arms).find((name) => !request.exclude.includes(name));
      if (arm === undefined) return undefined;
      return {
        arm,
        origin: arms[arm],
        answered: (answer) => recorded.answered.push({ arm, answer }),
        done: (outcome) => recorded.outcomes.push({ arm, outcome }),
      };
    },
  };
}

/** Closes what a test opened, last first. */
export class Scope {
  readonly #closers: (() => Promise<unknown> | unknown)[] = [];

  defer(close: () => Promise<unknown> | unknown): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  /** An HTTP backend; returns its origin. */
  async backend(listener: RequestListener, prepare?: (server: Server) => void): Promise<string> {
    const server = createServer(listener);
    prepare?.(server);
    const sockets = socketsOf(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.defer(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** A backend that speaks bytes; returns its origin. */
  async tcp(onConnection: (socket: Socket) => void): Promise<string> {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      onConnection(socket);
    });
    const sockets = socketsOf(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.defer(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** A backend that answers each request on a connection with the same bytes, once its head has arrived. */
  canned(response: string | Buffer, then?: (socket: Socket) => void): Promise<string> {
    return this.tcp((socket) => {
      let seen = '';
      socket.on('data', (chunk) => {
        seen += chunk.toString('latin1');
        if (!seen.includes('\r\n\r\n')) return;
        seen = '';
        socket.write(typeof response === 'string' ? Buffer.from(response, 'latin1') : response);
        then?.(socket);
      });
    });
  }

  /** A running proxy; returns it with its port. */
  async proxy(
    options: ProxyOptions,
  ): Promise<{ readonly proxy: ReverseProxy; readonly port: number; readonly url: string }> {
    const proxy = createProxy(options);
    const { port } = await proxy.listen({ port: 0 });
    this.defer(() => proxy.close(0));
    return { proxy, port, url: `http://127.0.0.1:${port}` };
  }

  /** A raw connection to a port of this machine. */
  async raw(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1' });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    this.defer(() => socket.destroy());
    return new RawClient(socket);
  }
}

/** The open connections of a server; node's own list leaves out the upgraded ones. */
function socketsOf(server: {
  on(event: 'connection', listener: (socket: Socket) => void): unknown;
}): Set<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  return sockets;
}

/** A client that writes bytes and reads text. */
export class RawClient {
  readonly socket: Socket;
  text = '';
  #closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  write(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Waits until what was read contains the text (or matches); rejects if the connection closes first. */
  async until(found: string | RegExp): Promise<string> {
    await eventually(() => {
      const seen = typeof found === 'string' ? this.text.includes(found) : found.test(this.text);
      if (!seen && this.#closed)
        throw new Error(`closed before ${found}; read: ${JSON.stringify(this.text)}`);
      return seen;
    });
    return this.text;
  }

  /** Waits for the end of the connection; returns everything read. */
  async untilClosed(): Promise<string> {
    await eventually(() => this.#closed);
    return this.text;
  }
}

/** Polls until true. A hang ends with the test's time-out. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Reads a whole message body. */
export async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** An origin where nothing listens. */
export function deadOrigin(): string {
  // Below the ports that are given out: one that was closed a moment ago may be the proxy's own the next.
  return 'http://127.0.0.1:1';
}
