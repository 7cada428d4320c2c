import type { IncomingMessage } from 'node:http';

/**
 * Whether an offer to upgrade that is ignored (RFC 9110 §7.8) may have cost what came behind its request. Node's parser
 * stops at such a request for good and drops the rest of what it was reading, so a connection that may have lost
 * something has to close with this answer: its client then knows that nothing behind it was heard.
 *
 * Clients that offer h2c with the first request of each connection (Java's, `curl --http2`) send nothing behind it, and
 * keep their connection. Ask as soon as the head has arrived: only where all that the connection ever brought is this one
 * request, written as everybody writes it, is it known that nothing was lost.
 */
export function mayHaveLost(request: IncomingMessage): boolean {
  const { headers, rawHeaders, socket } = request;
  if (headers.upgrade === undefined || !/\bupgrade\b/i.test(headers.connection ?? '')) return false;
  if (headers['transfer-encoding'] !== undefined) return true;
  let bytes =
    `${request.method} ${request.url} HTTP/1.1\r\n\r\n`.length + Number(headers['content-length'] ?? 0);
  for (let i = 0; i < rawHeaders.length; i += 2) bytes += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`.length;
  return socket.bytesRead !== bytes;
}
