import type { Socket } from 'node:net';
import type { Failure } from './failure.ts';
import { forwardResponseHeaders, type ResponseFields } from './response-head.ts';

/** A client that asked for another protocol, and waits for the backend to agree. */
export interface ClientTunnel {
  readonly socket: Socket;
  /** Stops waiting; returns what the client sent meanwhile. */
  takeOver(): Buffer;
}

/** What a client may send before the backend has agreed; beyond, it is read no further. */
const EARLY_BYTES = 65_536;

/**
 * Waits on behalf of the backend. The connection is read all the time, because a connection that nobody reads does
 * not show that the client has left.
 */
export function awaitTunnel(socket: Socket, firstBytes: Buffer): ClientTunnel {
  const early = [firstBytes];
  let size = firstBytes.length;
  const keep = (chunk: Buffer): void => {
    early.push(chunk);
    size += chunk.length;
    if (size > EARLY_BYTES) socket.pause();
  };
  const leave = (): void => {
    socket.destroy();
  };
  socket.on('data', keep);
  socket.on('end', leave);
  socket.resume();
  return {
    socket,
    takeOver() {
      socket.removeListener('data', keep);
      socket.removeListener('end', leave);
      return Buffer.concat(early);
    },
  };
}

/**
 * Answers 101 and joins the two connections until both directions have ended, one breaks, or nothing has passed
 * either way for `idleMs` (0: no bound).
 *
 * @param ended - called once, with the bytes that came from the backend
 */
export function joinTunnel(
  client: ClientTunnel,
  backend: Socket,
  fields: ResponseFields,
  idleMs: number,
  ended: (failure: Failure | undefined, bytes: number) => void,
): void {
  let failure: Failure | undefined;
  let bytes = 0;
  let open = 2;
  const closed = (): void => {
    open -= 1;
    // One side being gone, what the other still sends has nowhere to go.
    client.socket.destroySoon();
    backend.destroySoon();
    if (open === 0) ended(failure, bytes);
  };
  client.socket.on('error', () => {
    failure ??= { error: 'client_gone', fault: 'client' };
  });
  backend.on('error', () => {
    failure ??= { error: 'backend_cut', fault: 'backend' };
  });
  client.socket.once('close', closed);
  backend.once('close', closed);
  const expired = (): void => {
    client.socket.destroy();
    backend.destroy();
  };
  client.socket.setTimeout(idleMs, expired);
  backend.setTimeout(idleMs, expired);
  client.socket.write(switchingHead(fields), 'latin1');
  backend.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  const early = client.takeOver();
  if (early.length > 0) backend.write(early);
  backend.pipe(client.socket);
  client.socket.pipe(backend);
}

function switchingHead(fields: ResponseFields): string {
  const headers = forwardResponseHeaders(101, fields, false);
  let head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${head}\r\n`;
}
