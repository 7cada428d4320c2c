import { type GanglionNode, INGEST_LIMITS, type IngestEvent, type IngestResult } from '@ganglion/core';
import type { IngestAnswer, RejectedItem } from '@ganglion/sdk';
import { eventOf } from './cloud-events.ts';
import { tooMany } from './decide.ts';
import { rejection } from './feedback.ts';
import type { HttpLimits } from './limits.ts';
import { RejectedList } from './problem.ts';

/**
 * Takes events for features, one or a list. Resolves once all that is counted as accepted is durable. Each is judged by
 * itself: some refused, they are listed in the answer; all refused, it throws with the code of the first.
 * @throws RejectedList; GanglionError `invalid_input` (too many items), `storage_failed`, `overloaded`
 */
export async function takeEvents(
  node: GanglionNode,
  body: unknown,
  limits: HttpLimits,
): Promise<IngestAnswer> {
  const items: readonly unknown[] = Array.isArray(body) ? body : [body];
  if (items.length > limits.items) tooMany(items.length, limits.items);
  const results: IngestResult[] = new Array(items.length);
  const events: IngestEvent[] = [];
  const places: number[] = [];
  for (const [i, item] of items.entries()) {
    const read = eventOf(item);
    if ('event' in read) {
      places.push(i);
      events.push(read.event);
    } else results[i] = { id: idOf(item), status: 'rejected', problem: read.problem };
  }
  if (events.length > 0)
    for (const [nth, result] of (await node.ingest(events)).entries()) results[places[nth]] = result;
  return answer(results, Array.isArray(body));
}

function idOf(item: unknown): string {
  const { id } = item as { readonly id?: unknown };
  return typeof id === 'string' ? id.slice(0, INGEST_LIMITS.idLength) : '';
}

function answer(results: readonly IngestResult[], asList: boolean): IngestAnswer {
  const counts = { taken: 0, duplicate: 0, unused: 0 };
  const rejected: RejectedItem[] = [];
  for (const [i, result] of results.entries()) {
    if (result.status === 'rejected') rejected.push(rejection(i, result.id, result.problem, asList));
    else counts[result.status]++;
  }
  const { taken, duplicate, unused } = counts;
  const accepted = taken + duplicate + unused;
  if (accepted === 0 && rejected.length > 0) throw new RejectedList(rejected);
  return { accepted, taken, duplicates: duplicate, unused, rejected };
}
