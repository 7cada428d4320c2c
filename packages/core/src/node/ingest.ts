import { checkEvent } from '../decision/check-event.ts';
import { cellOf, type EntityStore, findRow, foldEvent, timeAt, valueAt } from '../decision/entities.ts';
import type { StoredEvent } from '../decision/event-journal.ts';
import { GanglionError } from '../errors.ts';
import { INGEST_LIMITS } from '../limits.ts';
import type {
  EntityCounts,
  EntityView,
  FeatureValue,
  IngestCounts,
  IngestEvent,
  IngestResult,
} from '../node-api.ts';
import { showDuration } from '../options.ts';
import { durable } from './durability.ts';
import { type EventCounts, storeKey, waits } from './features.ts';
import { checkList } from './intake.ts';
import { type NodeState, readClocks } from './state.ts';

const DEFAULT_DOMAIN = 'default';
/** Domains counted by name; those of others go under one. */
const DOMAINS_MAX = 1000;
const OTHERS = 'other';

/** Takes events: folded at once, and on disk when it resolves. */
export async function takeEvents(
  node: NodeState,
  events: readonly IngestEvent[],
): Promise<readonly IngestResult[]> {
  if (node.closed) throw new GanglionError('closed', 'this node has been stopped');
  checkList(events, 'events');
  if (node.features.waitingSum + events.length > node.tuning.ingestMax)
    throw new GanglionError('overloaded', 'too many events wait for the disk', {
      mend: 'Send them again later; each counts once.',
    });
  readClocks(node);
  const results = events.map((event) => takeOne(node, event));
  // A duplicate is durable when what it repeats is.
  if (results.some(({ status }) => status === 'taken' || status === 'duplicate')) await durable(node);
  return results;
}

function takeOne(node: NodeState, event: IngestEvent): IngestResult {
  const problem = checkEvent(event);
  const id = typeof event?.id === 'string' ? event.id.slice(0, INGEST_LIMITS.idLength) : '';
  if (problem !== undefined) {
    countsOf(node, DEFAULT_DOMAIN).rejected++;
    return { id, status: 'rejected', problem };
  }
  const domain = event.domain ?? DEFAULT_DOMAIN;
  const result = takeValid(node, event, domain);
  countsOf(node, domain)[result.status]++;
  return result;
}

function takeValid(node: NodeState, event: IngestEvent, domain: string): IngestResult {
  const { features: house, moment, tuning } = node;
  const { id, type, source = '', data = {} } = event;
  const nowMs = moment.wallMs;
  const stampedMs = event.atMs ?? nowMs;
  if (stampedMs > nowMs + tuning.eventAheadMs || stampedMs < nowMs - tuning.eventLateMs)
    return untimely(node, id, stampedMs);
  const entities = typeof event.entity === 'string' ? [event.entity] : event.entity;
  const moved = entities.flatMap((each) => {
    const colon = each.indexOf(':');
    const store = house.stores.get(storeKey(domain, each.slice(0, colon)));
    return store?.plan.byType.has(type) === true ? [{ store, key: each.slice(colon + 1) }] : [];
  });
  if (moved.length === 0) return { id, status: 'unused' };
  const mark = `${domain}\n${source}\n${id}`;
  if (house.ids.has(mark) || house.idsBefore.has(mark)) return { id, status: 'duplicate' };
  if ((house.waiting.get(domain) ?? 0) >= tuning.ingestMax / 2)
    return refusal(
      id,
      'overloaded',
      'domain',
      `too many events of ${domain} wait for the disk`,
      'Send it again later.',
    );
  remember(node, mark);
  // An event from a clock that is a little ahead has happened by now: none rests on the future.
  const taken: StoredEvent = {
    domain,
    type,
    entities,
    source,
    id,
    atMs: Math.min(stampedMs, nowMs),
    knownMs: nowMs,
    data,
  };
  for (const { store, key } of moved) foldEvent(store, key, taken, nowMs);
  if (node.ports.storage === undefined) for (const { store } of moved) store.dirty.clear();
  else {
    house.accepted.push(taken);
    waits(house, taken);
    house.dirty = true;
  }
  return { id, status: 'taken' };
}

function untimely(node: NodeState, id: string, stampedMs: number): IngestResult {
  const { moment, tuning } = node;
  const byMs = Math.abs(Math.round(stampedMs - moment.wallMs));
  return stampedMs > moment.wallMs
    ? refusal(
        id,
        'invalid_input',
        'atMs',
        `the event is stamped ${byMs} ms ahead of this node's clock, which takes ${showDuration(tuning.eventAheadMs)}`,
        'Set the clock of the sender.',
      )
    : refusal(
        id,
        'invalid_input',
        'atMs',
        `the event is ${byMs} ms old, and at most ${showDuration(tuning.eventLateMs)} is taken`,
        'Leave it out: what it says is of no use to decisions of today.',
      );
}

function refusal(id: string, code: string, field: string, message: string, mend: string): IngestResult {
  return { id, status: 'rejected', problem: { code, field, message, mend } };
}

function countsOf(node: NodeState, domain: string): EventCounts {
  const { counts } = node.features;
  const name = counts.has(domain) || counts.size < DOMAINS_MAX ? domain : OTHERS;
  let own = counts.get(name);
  if (own === undefined) counts.set(name, (own = { taken: 0, duplicate: 0, unused: 0, rejected: 0 }));
  return own;
}

/** Two parts, each of a whole window: what is forgotten is at least one window old. */
export function remember(node: NodeState, mark: string): void {
  const { features: house, moment, tuning } = node;
  if (moment.monoMs - house.idsSinceMs >= tuning.eventIdsMs || house.ids.size >= tuning.eventIdsMax) {
    house.idsBefore = house.ids;
    house.ids = new Set();
    house.idsSinceMs = moment.monoMs;
  }
  house.ids.add(mark);
}

/** What is known here of an entity, now. */
export function viewEntity(node: NodeState, domain: string, entity: string): EntityView {
  const nowMs = readClocks(node).wallMs;
  const colon = entity.indexOf(':');
  const kind = entity.slice(0, Math.max(0, colon));
  const store = node.features.stores.get(storeKey(domain, kind));
  if (colon < 1)
    throw new GanglionError('invalid_input', 'entity is not KIND:KEY', {
      field: 'entity',
      value: entity,
      mend: 'Write it as user:alice.',
    });
  if (store === undefined || store.plan.columns.length === 0)
    throw new GanglionError('unknown_entity', `no point of ${domain} declares features of ${kind}`, {
      field: 'entity',
      value: entity,
      mend: 'Declare them under `features` of a point, or name another domain.',
    });
  const row = findRow(store, entity.slice(colon + 1), nowMs);
  const features: FeatureValue[] = [];
  for (const { id, feature, names, points } of declaredIn(node, domain, kind)) {
    const column = store.plan.columns.find((each) => each.id === id);
    if (column === undefined) continue;
    const number = row < 0 ? Number.NaN : valueAt(store, row, column, nowMs);
    const text = row < 0 ? undefined : feature.text?.(cellOf(store, row, column));
    const [eventMs, knownMs] =
      row < 0 ? [0, 0] : [timeAt(store, row, column, 0), timeAt(store, row, column, 1)];
    features.push({
      feature: names,
      value: text ?? (Number.isNaN(number) ? null : number),
      eventAtMs: eventMs === 0 ? null : eventMs,
      knownAtMs: knownMs === 0 ? null : knownMs,
      ...(feature.error === undefined || row < 0 ? {} : { error: feature.error(cellOf(store, row, column)) }),
      points,
    });
  }
  return { node: node.name, domain, entity, known: row >= 0, atMs: nowMs, features };
}

/** What is declared of a kind of entity, by name and by what it computes: two points may mean different things by a name. */
function declaredIn(node: NodeState, domain: string, kind: string) {
  const all = new Map<
    string,
    {
      id: string;
      names: string;
      feature: EntityStore['plan']['columns'][number]['feature'];
      points: string[];
    }
  >();
  for (const [point, { compiled }] of node.points) {
    if (compiled.domain !== domain) continue;
    for (const set of compiled.features)
      if (set.entity === kind)
        for (const { name, id, feature } of set.features) {
          const known = all.get(`${name}\n${id}`);
          if (known === undefined)
            all.set(`${name}\n${id}`, { id, names: `${kind}.${name}`, feature, points: [point] });
          else known.points.push(point);
        }
  }
  return all.values();
}

export function countEntities(node: NodeState): {
  readonly stores: readonly EntityCounts[];
  readonly events: readonly IngestCounts[];
} {
  return {
    stores: [...node.features.stores.values()].map(({ domain, entity, index, maxEntities, counters }) => ({
      domain,
      entity,
      entities: index.size,
      maxEntities,
      ...counters,
    })),
    events: [...node.features.counts].map(([domain, counts]) => ({ domain, ...counts })),
  };
}
