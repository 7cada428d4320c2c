import type { Socket } from 'node:net';
import { GanglionError } from '@ganglion/core';
import { HttpProblem } from './problem.ts';

/** Somebody with a place. */
export interface Placed {
  /** See `clientOf`. */
  readonly client: string;
  readonly socket: Socket;
}

/**
 * Who a place counts for: an address, and the principal that speaks from it. So users behind one proxy are told apart by
 * their tokens, and one token that many machines use by their addresses. Of IPv6 the /64: who has one address of it has
 * all of them.
 */
export function clientOf(address: string | undefined, principal: string): string {
  // Of a connection that is gone there is no address any more.
  return `${networkOf(address ?? '')} ${principal}`;
}

function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped !== null) return mapped[1];
  if (!address.includes(':')) return address;
  const [head, tail] = address.replace(/%.*$/, '').split('::');
  const groups = head === '' ? [] : head.split(':');
  const behind = tail === undefined || tail === '' ? [] : tail.split(':');
  if (tail !== undefined) while (groups.length + behind.length < 8) groups.push('0');
  return [...groups, ...behind]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}

/**
 * Whether one more may have a place, and who gives his up for it: undefined while there are free ones. Nobody is bounded
 * while there is room, for behind a proxy without tokens everybody is one client; once all are taken, whoever has the most
 * gives up his newest to one who has fewer by two or more (max–min fairness). By one, a place would only go to and fro.
 * @throws GanglionError `overloaded` where nobody has enough more; HttpProblem `malformed_request` where the connection has one
 */
export function makePlace<R extends Placed>(
  readers: ReadonlySet<R>,
  most: number,
  asking: Placed,
): R | undefined {
  // Requests in a row on one connection are answered in a row: the answer to this one would never begin.
  for (const { socket } of readers)
    if (socket === asking.socket)
      throw new HttpProblem('malformed_request', 'This connection reads the event stream already', {
        mend: 'Open a connection for each stream.',
      });
  if (readers.size < most) return undefined;
  const held = new Map<string, number>();
  for (const { client } of readers) held.set(client, (held.get(client) ?? 0) + 1);
  const own = held.get(asking.client) ?? 0;
  let newest: R | undefined;
  let count = own + 2;
  for (const reader of readers) {
    const its = held.get(reader.client)!;
    if (its < count) continue;
    newest = reader;
    count = its;
  }
  if (newest !== undefined) return newest;
  const yours = own === 0 ? '' : `, ${own} of them yours`;
  throw new GanglionError('overloaded', `${most} readers are connected already${yours}`, {
    mend: own === 0 ? 'Try again later, or raise the limit.' : 'Close one of them, or raise the limit.',
  });
}
