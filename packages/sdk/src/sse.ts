import type { NodeEvent } from '@ganglion/core';
import { GanglionError, isGanglionError } from '@ganglion/core';
import type { Transport } from './http.ts';

/** The daemon says something every two seconds; this long without a word is a dead connection. */
const SILENCE_MS = 15_000;

/** `GET /v1/events` as it comes (WHATWG server-sent events, of which the daemon uses `event` and one line of `data`). */
export async function* readEvents(
  wire: Transport,
  path: string,
  signal: AbortSignal | undefined,
): AsyncIterable<NodeEvent> {
  const silence = new AbortController();
  const both = signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]);
  const text = new TextDecoder();
  let rest = '';
  try {
    const response = await wire.open({ method: 'GET', path, again: 'refused', signal: both });
    const reader = response.body!.getReader();
    for (;;) {
      const timer = setTimeout(() => silence.abort(), SILENCE_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      rest += text.decode(value, { stream: true });
      for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
        const event = eventOf(rest.slice(0, end));
        rest = rest.slice(end + 2);
        if (event !== undefined) yield event;
      }
    }
  } catch (cause) {
    if (signal?.aborted === true) return;
    if (isGanglionError(cause)) throw cause;
    throw new GanglionError('closed', 'The event stream broke off', {
      field: 'url',
      value: wire.url,
      mend: 'Connect again.',
      cause,
    });
  } finally {
    silence.abort();
  }
}

/** Kinds this version knows; others are passed over, so that a newer daemon can say more. */
const KINDS: ReadonlySet<string> = new Set<NodeEvent['kind']>([
  'decision',
  'outcome',
  'status',
  'report',
  'controls',
  'audit',
]);

function eventOf(block: string): NodeEvent | undefined {
  let kind = '';
  let data = '';
  for (const line of block.split('\n')) {
    if (line.startsWith('event: ')) kind = line.slice(7);
    else if (line.startsWith('data: ')) data += line.slice(6);
  }
  if (!KINDS.has(kind) || data === '') return undefined;
  return { kind, ...(JSON.parse(data) as object) } as NodeEvent;
}
