import type { ServerResponse } from 'node:http';
import type { GanglionNode, NodeEvent } from '@ganglion/core';
import { GanglionError } from '@ganglion/core';
import type { HttpLimits } from './limits.ts';

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
  /** @throws GanglionError `overloaded`, where as many read already as may; `closed` */
  check(): void;
  /** Takes over the response until either side ends it. */
  attach(response: ServerResponse, filter: EventFilter): void;
  close(): void;
}

const HEARTBEAT_MS = 2_000;
const SAMPLE_MS = 50;
/** A reader that took nothing for this long is cut off. */
const STUCK_MS = 30_000;
const SHOWN = 1_024;

interface Reader {
  readonly response: ServerResponse;
  readonly filter: EventFilter;
  lost: number;
  blockedMs: number;
}

type Sampled = Extract<NodeEvent, { kind: 'decision' | 'outcome' }>;

export function eventHub(node: GanglionNode, limits: HttpLimits): EventHub {
  const readers = new Set<Reader>();
  const samples = { decision: new Map<string, Sampled>(), outcome: new Map<string, Sampled>() };
  const shown = new Set<string>();
  let stop: (() => void) | undefined;
  let timers: NodeJS.Timeout[] = [];
  let closed = false;

  const send = (event: NodeEvent): void => {
    const text = eventText(event);
    for (const reader of readers) if (wants(reader.filter, event)) write(reader, text, limits.streamBytes);
  };

  const hear = (event: NodeEvent): void => {
    if (event.kind === 'decision') samples.decision.set(event.decision.point, event);
    else if (event.kind === 'outcome' && !shown.delete(event.id)) samples.outcome.set(event.point, event);
    else send(event);
  };

  const flush = (): void => {
    for (const waiting of [samples.decision, samples.outcome]) {
      const next = waiting.entries().next();
      if (next.done) continue;
      const [point, event] = next.value;
      waiting.delete(point);
      if (event.kind === 'decision') remember(shown, event.decision.id);
      send(event);
    }
  };

  const start = (): void => {
    if (stop !== undefined) return;
    stop = node.subscribe(hear);
    timers = [
      setInterval(flush, SAMPLE_MS),
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
    for (const kept of [samples.decision, samples.outcome, shown]) kept.clear();
  };

  return {
    check() {
      if (closed) throw new GanglionError('closed', 'This daemon is stopping');
      if (readers.size >= limits.streams)
        throw new GanglionError('overloaded', `${limits.streams} readers are connected already`, {
          mend: 'Close one of them, or raise the limit.',
        });
    },
    attach(response, filter) {
      const reader: Reader = { response, filter, lost: 0, blockedMs: 0 };
      response.on('close', () => detach(reader));
      response.on('error', () => response.destroy());
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-accel-buffering': 'no',
      });
      response.write('retry: 1000\n\n');
      readers.add(reader);
      start();
    },
    close() {
      closed = true;
      for (const reader of [...readers]) reader.response.end();
    },
  };
}

/** `event:` is the kind, `data:` the rest, as one line of JSON. */
export function eventText(event: NodeEvent): string {
  const { kind, ...rest } = event;
  return `event: ${kind}\ndata: ${JSON.stringify(rest)}\n\n`;
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
