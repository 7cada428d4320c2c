import type { CompiledPoint } from '../decision/define.ts';
import {
  declareFeatures,
  type EntityStore,
  entityStore,
  forgetAll,
  markRecent,
  sweepEntities,
} from '../decision/entities.ts';
import { decodeEntity, encodeEntity } from '../decision/entity-codec.ts';
import { chunksOfEvents, roomOf, type StoredEvent } from '../decision/event-journal.ts';
import type { FeatureSet } from '../decision/features.ts';
import { findKey } from '../decision/key-index.ts';
import type { PointState } from '../decision/point-state.ts';
import { bindFeatures } from '../decision/shown.ts';
import type { StoredEntry, Write } from '../ports.ts';

/** What a node keeps for features. It is local: nothing of it goes up or down the tree (ADR 20). */
export interface FeatureHouse {
  /** By `domain\nkind`. */
  readonly stores: Map<string, EntityStore>;
  /** Taken, and in no batch yet. */
  accepted: StoredEvent[];
  /** Room of those taken and not on disk (`roomOf`), by domain, and in all. */
  readonly waiting: Map<string, number>;
  waitingSum: number;
  /** Ids of events, of this part of their window and of the one before. */
  ids: Set<string>;
  idsBefore: Set<string>;
  idsSinceMs: number;
  readonly counts: Map<string, EventCounts>;
  /** Something waits for the disk. */
  dirty: boolean;
}

export interface EventCounts {
  taken: number;
  duplicate: number;
  unused: number;
  rejected: number;
}

export const featureHouse = (): FeatureHouse => ({
  stores: new Map(),
  accepted: [],
  waiting: new Map(),
  waitingSum: 0,
  ids: new Set(),
  idsBefore: new Set(),
  idsSinceMs: Number.NEGATIVE_INFINITY,
  counts: new Map(),
  dirty: false,
});

export const storeKey = (domain: string, entity: string): string => `${domain}\n${entity}`;

/** Stores as the points declare them now, and the points bound to them. What no point declares any more is forgotten. */
export function syncFeatures(house: FeatureHouse, points: ReadonlyMap<string, PointState>): void {
  const declared = new Map<string, { domain: string; entity: string; sets: FeatureSet[] }>();
  for (const { compiled } of points.values())
    for (const set of compiled.features) {
      const key = storeKey(compiled.domain, set.entity);
      const known = declared.get(key) ?? { domain: compiled.domain, entity: set.entity, sets: [] };
      known.sets.push(set);
      declared.set(key, known);
    }
  for (const [key, store] of house.stores)
    if (!declared.has(key)) {
      forgetAll(store);
      if (store.dirty.size === 0) house.stores.delete(key);
      else house.dirty = true;
    }
  for (const [key, { domain, entity, sets }] of declared) {
    const store = house.stores.get(key) ?? entityStore(domain, entity);
    house.stores.set(key, store);
    declareFeatures(store, sets);
  }
  for (const state of points.values()) state.features = bind(house, state.compiled);
}

function bind(house: FeatureHouse, { fields, features, domain }: CompiledPoint): PointState['features'] {
  return bindFeatures(
    fields,
    features,
    (entity) => house.stores.get(storeKey(domain, entity)) as EntityStore,
  );
}

interface EntityWrites {
  readonly writes: readonly Write[];
  readonly entities: readonly { readonly store: EntityStore; readonly keys: readonly string[] }[];
}

/** Events and the entities that they moved, for one atomic batch: so a restart counts each exactly once. */
export function entityWrites(house: FeatureHouse, atMs: number): EntityWrites {
  const writes: Write[] = [];
  for (const chunk of chunksOfEvents(house.accepted))
    writes.push({ kind: 'append', journal: 'events', atMs, chunk });
  house.accepted = [];
  house.dirty = false;
  const entities: { store: EntityStore; keys: string[] }[] = [];
  for (const [prefix, store] of house.stores) {
    if (store.dirty.size === 0) continue;
    const keys = [...store.dirty];
    store.dirty.clear();
    entities.push({ store, keys });
    for (const entity of keys) {
      const row = findKey(store.index, entity);
      const key = `${prefix}\n${entity}`;
      writes.push(
        row < 0
          ? { kind: 'delete', collection: 'entity', key }
          : { kind: 'put', collection: 'entity', key, value: encodeEntity(store, row) },
      );
    }
  }
  return { writes, entities };
}

/** The batch did not reach the disk: its entities are written again, as they are then; its events are kept as they are. */
export function restoreEntities(house: FeatureHouse, { entities }: EntityWrites): void {
  for (const { store, keys } of entities) {
    for (const key of keys) store.dirty.add(key);
    house.dirty = true;
  }
}

/** Counts an event that waits for the disk. */
export function waits(house: FeatureHouse, event: StoredEvent): void {
  const room = roomOf(event);
  house.waiting.set(event.domain, (house.waiting.get(event.domain) ?? 0) + room);
  house.waitingSum += room;
}

/** All that was taken before the batch is on disk. */
export function settleEvents(house: FeatureHouse): void {
  if (house.waitingSum === 0) return;
  house.waiting.clear();
  house.waitingSum = 0;
  for (const event of house.accepted) waits(house, event);
}

/** Entities looked at in one tick: a hundred thousand are round in some seconds. */
const SWEPT = 200;

export function sweepFeatures(house: FeatureHouse, nowMs: number): void {
  for (const [key, store] of house.stores) {
    if (store.index.size > 0) sweepEntities(store, nowMs, SWEPT);
    else if (store.dirty.size === 0 && store.maxEntities === 0) house.stores.delete(key);
    if (store.dirty.size > 0) house.dirty = true;
  }
}

/** An entity from the disk; where nobody declares its kind, the write that deletes it. @throws GanglionError `undecodable` */
export function recoverEntity(house: FeatureHouse, { key: at, value }: StoredEntry): Write | undefined {
  const [domain, kind] = at.split('\n', 2);
  const store = house.stores.get(storeKey(domain, kind));
  if (store === undefined) return { kind: 'delete', collection: 'entity', key: at };
  decodeEntity(store, at.slice(domain.length + kind.length + 2), value);
  return undefined;
}

/** Those heard of the longest ago are the first in line to go. */
export function orderEntities(house: FeatureHouse): void {
  for (const store of house.stores.values()) markRecent(store);
}
