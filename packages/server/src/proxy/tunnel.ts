import type { Socket } from 'node:net';
import type { Failure } from './failure.ts';
import { forwardResponseHeaders, type ResponseFields } from './response-head.ts';

/** A client that asked for another protocol: its connection, and what it already sent over it. */
export interface ClientTunnel {
  readonly socket: Socket;
  readonly firstBytes: Buffer;
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
  if (client.firstBytes.length > 0) backend.write(client.firstBytes);
  backend.pipe(client.socket);
  client.socket.pipe(backend);
}

function switchingHead(fields: ResponseFields): string {
  const headers = forwardResponseHeaders(fields, false);
  let head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${head}\r\n`;
}
