import type { IncomingMessage } from 'node:http';
import { GanglionError } from '@ganglion/core';
import { certificateMend } from '@ganglion/sdk';
import type { Logger } from '../log.ts';
import { rarely } from './rarely.ts';

/** A child that is refused tries again for ever: of each at most one line in so long, ms. */
export const NEWS_EVERY_MS = 60_000;
/** Of what a peer says its origin is, characters that are logged. */
const LONGEST_ORIGIN = 256;
/** Lines that the origins of one machine have among them: they are the other side's word, and as many as it likes. */
const PLACES_OF_ORIGINS = 8;

/** Lines of a parent about links. Whoever looks for a child that does not come, or comes twice, looks into its parent's log. */
export interface LinkNews {
  /** Its token was not taken, or the origin of the page that it is in. */
  readonly refused: (request: IncomingMessage, error: unknown) => void;
  /** It spoke as another node than its token's. */
  readonly otherName: (request: IncomingMessage, as: string, speaksAs: string | undefined) => void;
  /** Two nodes of one name are linked. */
  readonly twins: (name: string) => void;
}

export function linkNews(logger: Logger): LinkNews {
  const [tokens, names, twins] = [rarely(NEWS_EVERY_MS), rarely(NEWS_EVERY_MS), rarely(NEWS_EVERY_MS)];
  return {
    refused({ socket, headers }, error) {
      const known = error instanceof GanglionError ? error : undefined;
      // Of a page the origin tells it apart: there may be others on this machine.
      const origin = known?.field === 'origin' ? headers.origin?.slice(0, LONGEST_ORIGIN) : undefined;
      const times = tokens(`${socket.remoteAddress ?? ''} ${origin === undefined ? '' : placeOf(origin)}`);
      if (times === undefined) return;
      logger.warn(
        {
          from: socket.remoteAddress,
          ...(origin === undefined ? {} : { origin }),
          code: known?.code ?? 'internal',
          detail: known?.message ?? String(error),
          times,
          // That of the HTTP API names the header, and the command's own variable.
          mend:
            known?.code === 'unauthorized'
              ? 'Start the child with GANGLION_PARENT_TOKEN (embedded: parent.token) set to a token of the role node that is known here.'
              : known?.mend,
        },
        'the link of a child was refused',
      );
    },
    otherName({ socket }, as, speaksAs) {
      const times = names(`${speaksAs} ${socket.remoteAddress}`);
      if (times === undefined) return;
      logger.warn(
        {
          from: socket.remoteAddress,
          as,
          speaksAs,
          times,
          mend: speaksAs?.endsWith('*')
            ? `Give it a name that begins with ${speaksAs.slice(0, -1)}, or a token of node:${as}.`
            : `Start it with --name ${speaksAs}, or give it a token of node:${as}.`,
        },
        'a child spoke under another name than its token’s',
      );
    },
    twins(name) {
      const times = twins(name);
      if (times === undefined) return;
      logger.warn(
        { child: name, times, mend: 'Stop one of them, and start it under another --name.' },
        'two nodes of one name are linked: each takes the other’s place',
      );
    },
  };
}

/** The same of an origin each time, so that two pages of one machine are mostly told apart. */
function placeOf(origin: string): number {
  let hash = 0;
  for (let i = 0; i < origin.length; i++) hash = (Math.imul(hash, 31) + origin.charCodeAt(i)) | 0;
  return (hash >>> 0) % PLACES_OF_ORIGINS;
}

/** What to do about a link to the parent that could not be had; undefined where nobody knows. */
export function mendOfLink(error: Error): string | undefined {
  const certificate = certificateMend(error);
  if (certificate !== undefined) return certificate;
  const status = /^Unexpected server response: (\d{3})$/.exec(error.message)?.[1];
  if (status === '401' || status === '403')
    return 'Set GANGLION_PARENT_TOKEN to a token of the role node that the parent knows; its log says why it was refused.';
  if (status !== undefined)
    return 'Give --parent the URL that the daemon above prints at its start; a proxy before it must pass on WebSocket upgrades.';
  return undefined;
}
