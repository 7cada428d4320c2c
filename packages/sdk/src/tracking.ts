import type { FeedbackItem, PointSpec } from '@ganglion/core';

/** The last decision of each unit at each point: what a tracked event is about. Bounded by the number of units. */
export interface LastDecisions {
  keep(unit: string, spec: PointSpec, id: string): void;
  of(unit: string): Iterable<{ readonly spec: PointSpec; readonly id: string }>;
}

export function lastDecisions(mostUnits: number): LastDecisions {
  const units = new Map<string, Map<string, { readonly spec: PointSpec; readonly id: string }>>();
  return {
    keep(unit, spec, id) {
      const points = units.get(unit) ?? new Map<string, { readonly spec: PointSpec; readonly id: string }>();
      points.set(spec.point, { spec, id });
      // Taken out and put back: a Map keeps insertion order, so its first key is the longest unseen.
      units.delete(unit);
      units.set(unit, points);
      if (units.size > mostUnits) units.delete(units.keys().next().value!);
    },
    of: (unit) => units.get(unit)?.values() ?? [],
  };
}

/** Feedback, gathered for a moment and sent together. */
export interface Batch {
  add(item: FeedbackItem): void;
  /** Sends what is left. Resolves when all that was added has been answered. */
  close(): Promise<void>;
}

const MOST_AT_ONCE = 1_000;

/** @param onError - hears of batches that could not be sent */
export function batch(
  send: (items: readonly FeedbackItem[]) => Promise<unknown>,
  afterMs: number,
  onError: ((error: unknown) => void) | undefined,
): Batch {
  let waiting: FeedbackItem[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const underWay = new Set<Promise<unknown>>();

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length === 0) return;
    const items = waiting;
    waiting = [];
    const sent = send(items)
      .catch((error: unknown) => onError?.(error))
      .finally(() => underWay.delete(sent));
    underWay.add(sent);
  };

  return {
    add(item) {
      waiting.push(item);
      if (waiting.length >= MOST_AT_ONCE) flush();
      else timer ??= setTimeout(flush, afterMs);
    },
    async close() {
      flush();
      await Promise.all(underWay);
    },
  };
}
