import type { CompiledPoint } from '../decision/define.ts';
import { declareFeatures, type EntityStore, entityStore, foldEvent } from '../decision/entities.ts';
import { decodeEvents, type StoredEvent } from '../decision/event-journal.ts';
import { bindFeatures, showFeatures } from '../decision/shown.ts';
import type { Storage } from '../ports.ts';
import { contextOf, type LoggedDecision, type LoggedFeature, loggedFeatures } from './log-reader.ts';
import { pages } from './pages.ts';

/** What a decision would have seen: by field of the context, as a log has it; what is absent is left out. */
export interface SeenFeatures {
  readonly values: LoggedDecision['context'];
  readonly features: Readonly<Record<string, LoggedFeature>>;
}

/** The features of a point as a node keeps them, fed by hand. */
export interface FeatureReplay {
  /** In the order in which the events became known. */
  take(event: StoredEvent): void;
  /** What a decision at that time sees. */
  see(unit: string, context: Readonly<Record<string, unknown>>, atMs: number): SeenFeatures;
}

/**
 * The very code that a node runs: what it computes from the journal of a node is, to the bit, what that node showed its
 * decisions. Only of the point's own domain; entities are bounded as declared.
 */
export function featureReplay(point: CompiledPoint): FeatureReplay {
  const { fields, features, domain } = point;
  const stores = new Map<string, EntityStore>();
  for (const set of features) {
    const store = entityStore(domain, set.entity);
    declareFeatures(store, [set]);
    stores.set(set.entity, store);
  }
  const shown = bindFeatures(fields, features, (entity) => stores.get(entity) as EntityStore);
  const context = new Float64Array(fields.length);
  const showing = new Set(fields.flatMap(({ name, feature }) => (feature === undefined ? [] : [name])));
  return {
    take(event) {
      if (event.domain !== domain) return;
      for (const each of event.entities) {
        const colon = each.indexOf(':');
        const store = stores.get(each.slice(0, colon));
        if (store !== undefined) foldEvent(store, each.slice(colon + 1), event, event.knownMs);
        store?.dirty.clear();
      }
    },
    see(unit, given, atMs) {
      if (shown === undefined) return { values: {}, features: {} };
      context.fill(Number.NaN);
      showFeatures(shown, context, { unit, context: given }, atMs, () => {});
      return {
        values: Object.fromEntries(
          Object.entries(contextOf(fields, Array.from(context))).filter(([name]) => showing.has(name)),
        ),
        features: loggedFeatures(point, Array.from(shown.times), unit, shown.keys),
      };
    },
  };
}

/** The events in a node's journal, in the order in which they became known, from a time of its journal on. */
export async function readEvents(storage: Storage, sinceMs: number): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const chunks of pages(storage, 'events', sinceMs))
    for (const chunk of chunks) for (const event of decodeEvents(chunk)) events.push(event);
  return events;
}
