import type { ServerResponse } from 'node:http';
import { forwardResponseHeaders, type ResponseFields } from './response-head.ts';

/**
 * Passes an interim answer (102, 103, 104 …; never 100 or 101) on to the client, with its end-to-end fields (RFC 9110
 * §15.2). One that would have to wait, for the client to read or for an earlier request to be answered, is dropped: interim
 * answers are hints, and a backend that sends them without end must not fill our memory.
 */
export function writeInterim(response: ServerResponse, status: number, fields: ResponseFields): void {
  const { socket } = response;
  if (socket === null || socket.writableNeedDrain) return;
  try {
    // From node 24.18 on; before that it writes no others, and of the fields of 103 `Link` alone.
    if (typeof response.writeInformation === 'function')
      response.writeInformation(status, forwardResponseHeaders(status, fields, false));
    else if (status === 102) response.writeProcessing();
    else if (status === 103 && fields.link !== undefined)
      response.writeEarlyHints({ link: fields.link as string | string[] });
  } catch {
    // A hint that node will not write is a hint lost, and nothing else.
  }
}
