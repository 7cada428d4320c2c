import type { ServerResponse } from 'node:http';
import type { GanglionNode, NodeEvent } from '@ganglion/core';
import { GanglionError } from '@ganglion/core';
import type { HttpLimits } from './limits.ts';
import { makePlace, type Placed } from './stream-places.ts';

export const EVENT_KINDS: readonly NodeEvent['kind'][] = [
  'decision',
  'outcome',
  'status',
  'report',
  'controls',
  'audit',
];

export interface EventFilter {
  /** Undefined: all kinds. */
  readonly kinds?: ReadonlySet<string> | undefined;
  /** Undefined: all points. Events that are of no point pass. */
  readonly point?: string | undefined;
}

/**
 * One subscription to the node, shared by every reader of `GET /v1/events`, and none while nobody reads. Decisions and
 * outcomes are samples: at most 20 of each a second, points taking turns, and the outcome of a decision that was shown
 * is always shown. A slow reader loses events, is told how many (`event: lost`), and holds up nobody.
 */
export interface EventHub {
  /**
   * Before `attach`: whether there is a place, which another may have to give up.
   * @throws GanglionError `overloaded`, where as many read already as may; `closed`
   */
  check(asking: Placed): void;
  /** Takes over the response until either side ends it. */
  attach(response: ServerResponse, filter: EventFilter, placed: Placed): void;
  close(): void;
}

const HEARTBEAT_MS = 2_000;
const SAMPLE_MS = 50;
/** A reader that took nothing for this long is cut off. */
const STUCK_MS = 30_000;
const SHOWN = 1_024;

interface Reader extends Placed {
  readonly response: ServerResponse;
  readonly filter: EventFilter;
  lost: number;
  blockedMs: number;
}

export function eventHub(node: GanglionNode, limits: HttpLimits): EventHub {
  const readers = new Set<Reader>();
  const samples: Samples = { decision: new Map(), outcome: new Map(), shown: new Set() };
  let stop: (() => void) | undefined;
  let timers: NodeJS.Timeout[] = [];
  let closed = false;

  const send = (event: NodeEvent): void => {
    const text = eventText(event);
    for (const reader of readers) if (wants(reader.filter, event)) write(reader, text, limits.streamBytes);
  };

  const start = (): void => {
    if (stop !== undefined) return;
    stop = node.subscribe((event) => {
      if (!isHeld(samples, event)) send(event);
    });
    timers = [
      setInterval(() => turn(samples).forEach(send), SAMPLE_MS),
      setInterval(() => beat(readers, limits.streamBytes), HEARTBEAT_MS),
    ];
    for (const timer of timers) timer.unref();
  };

  const detach = (reader: Reader): void => {
    readers.delete(reader);
    if (readers.size > 0) return;
    stop?.();
    stop = undefined;
    for (const timer of timers) clearInterval(timer);
    for (const kept of [samples.decision, samples.outcome, samples.shown]) kept.clear();
  };

  return {
    check(asking) {
      if (closed) throw new GanglionError('closed', 'This daemon is stopping');
      const gives = makePlace(readers, limits.streams, asking);
      if (gives === undefined) return;
      readers.delete(gives);
      part(gives.response);
    },
    attach(response, filter, placed) {
      const reader: Reader = { ...placed, response, filter, lost: 0, blockedMs: 0 };
      // Gone already: nobody would say so again, and the place would stay taken.
      if (placed.socket.destroyed) return;
      const gone = (): void => {
        placed.socket.removeListener('close', gone);
        detach(reader);
      };
      response.on('close', gone);
      // An answer behind others that are still due has no socket yet, and does not hear of its end.
      placed.socket.on('close', gone);
      response.on('error', () => response.destroy());
      begin(response);
      readers.add(reader);
      start();
    },
    close() {
      closed = true;
      for (const reader of [...readers]) reader.response.end();
    },
  };
}

/** Ends the answer to one who gave up his place: what little he has not taken yet he has `STUCK_MS` to take. */
function part(response: ServerResponse): void {
  // One who takes nothing would not take this either, and would keep what waits for him.
  if (response.writableNeedDrain) {
    response.destroy();
    return;
  }
  const late = setTimeout(() => response.destroy(), STUCK_MS);
  late.unref();
  response.on('close', () => clearTimeout(late));
  response.end(': given up for another client\n\n');
}

/** `event:` is the kind, `data:` the rest, as one line of JSON. */
export function eventText(event: NodeEvent): string {
  const { kind, ...rest } = event;
  return `event: ${kind}\ndata: ${JSON.stringify(rest)}\n\n`;
}

type Sampled = Extract<NodeEvent, { kind: 'decision' | 'outcome' }>;

/** The newest decision and outcome of each point, until it is their turn. */
interface Samples {
  readonly decision: Map<string, Sampled>;
  readonly outcome: Map<string, Sampled>;
  /** Decisions that were shown: their outcomes are, too. */
  readonly shown: Set<string>;
}

/** Whether an event waits for its turn; else it is sent at once. */
function isHeld({ decision, outcome, shown }: Samples, event: NodeEvent): boolean {
  if (event.kind === 'decision') decision.set(event.decision.point, event);
  else if (event.kind === 'outcome' && !shown.delete(event.id)) outcome.set(event.point, event);
  else return false;
  return true;
}

/** One decision and one outcome at most, of the points that have waited longest. */
function turn({ decision, outcome, shown }: Samples): readonly Sampled[] {
  return [decision, outcome].flatMap((waiting) => {
    const next = waiting.entries().next();
    if (next.done) return [];
    const [point, event] = next.value;
    waiting.delete(point);
    if (event.kind === 'decision') remember(shown, event.decision.id);
    return [event];
  });
}

function begin(response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-accel-buffering': 'no',
  });
  response.write('retry: 1000\n\n');
}

function wants(filter: EventFilter, event: NodeEvent): boolean {
  if (filter.kinds !== undefined && !filter.kinds.has(event.kind)) return false;
  if (filter.point === undefined) return true;
  if (event.kind === 'decision') return event.decision.point === filter.point;
  if (event.kind === 'outcome') return event.point === filter.point;
  if (event.kind === 'report') return event.report.point === filter.point;
  return true;
}

function write(reader: Reader, text: string, most: number): void {
  const { response } = reader;
  if (response.writableLength > most) {
    reader.lost++;
    return;
  }
  if (reader.lost > 0 && response.writableLength < most / 2) {
    response.write(`event: lost\ndata: {"count":${reader.lost}}\n\n`);
    reader.lost = 0;
  }
  response.write(text);
}

function beat(readers: ReadonlySet<Reader>, most: number): void {
  for (const reader of readers) {
    const { response } = reader;
    reader.blockedMs = response.writableNeedDrain ? reader.blockedMs + HEARTBEAT_MS : 0;
    if (reader.blockedMs >= STUCK_MS) response.destroy();
    else if (response.writableLength <= most) response.write(': alive\n\n');
  }
}

function remember(shown: Set<string>, id: string): void {
  shown.add(id);
  if (shown.size > SHOWN) shown.delete(shown.values().next().value!);
}
