import type { Cell, Feature, FeatureEvent } from '../feature.ts';
import { hash32 } from '../stats/hash.ts';
import type { FeatureSet } from './features.ts';
import { addKey, findKey, type KeyIndex, keyIndex, removeKey } from './key-index.ts';

/** A feature of a store, and where in an entity's row its state lies. */
export interface Column {
  readonly id: string;
  /** Two hashes of the id: how it is known on disk. */
  readonly mark: readonly [number, number];
  readonly feature: Feature;
  /** Its first number in a row, behind its two times. */
  readonly at: number;
  readonly other: number;
  /** Columns that it is made of. */
  readonly of: readonly number[];
}

interface Plan {
  readonly columns: readonly Column[];
  /** Columns that events of a type move. */
  readonly byType: ReadonlyMap<string, readonly Column[]>;
  /** Numbers and others of one row. */
  readonly width: number;
  readonly others: number;
}

/**
 * What a node knows of the entities of one kind in one domain: a row of numbers each, all rows in one array, so that an
 * entity costs its numbers and a place in a map. Bounded: beyond `maxEntities` the one least recently heard of or asked
 * for goes (by second chance: being used costs a store, not a move in a list); beyond `ttlMs` without an event, any.
 */
export interface EntityStore {
  readonly domain: string;
  readonly entity: string;
  ttlMs: number;
  maxEntities: number;
  plan: Plan;
  /** Rows by the key of their entity. */
  index: KeyIndex;
  numbers: Float64Array;
  others: Cell['others'];
  readonly free: number[];
  /** Rows ever used. */
  used: number;
  /** Entities whose disk copy is old. */
  readonly dirty: Set<string>;
  readonly counters: { evicted: number; expired: number };
  readonly cell: Cell;
  /** The rows that are looked at next: for one to go, and for those whose time has passed. */
  hand: number;
  swept: number;
}

/** In front of a row: the newest event's time, and whether it was used since it was last looked at. */
const HEAD = 2;
/** In front of a feature's numbers: its newest event's time, and when that became known. 0: none yet. */
const TIMES = 2;
/** How many get a second chance before one goes all the same: the longest pause that an event can cause, about 2 ms. */
const CHANCES = 16_384;
const FIRST_ROWS = 16;

export function entityStore(domain: string, entity: string): EntityStore {
  const numbers = new Float64Array(0);
  const others: Cell['others'] = [];
  return {
    domain,
    entity,
    ttlMs: 0,
    maxEntities: 0,
    plan: planOf([]),
    index: keyIndex(),
    numbers,
    others,
    free: [],
    used: 0,
    dirty: new Set(),
    counters: { evicted: 0, expired: 0 },
    cell: { numbers, at: 0, others, other: 0 },
    hand: 0,
    swept: 0,
  };
}

function planOf(sets: readonly FeatureSet[]): Plan {
  const columns: Column[] = [];
  const places = new Map<string, number>();
  let width = HEAD;
  let others = 0;
  for (const { features } of sets)
    for (const { id, feature, of } of [...features].sort((a, b) => a.of.length - b.of.length)) {
      if (places.has(id)) continue;
      places.set(id, columns.length);
      columns.push({
        id,
        mark: [hash32(id), hash32(id, 1)],
        feature,
        at: width + TIMES,
        other: others,
        of: of.map((i) => places.get(features[i].id) as number),
      });
      width += TIMES + feature.numbers;
      others += feature.others;
    }
  const byType = new Map<string, Column[]>();
  for (const column of columns) {
    const { on } = column.feature;
    if (on !== undefined) byType.set(on, [...(byType.get(on) ?? []), column]);
  }
  return { columns, byType, width, others };
}

/** What the points of the domain declare now. Features that stay keep what they know; of bounds, the largest counts. */
export function declareFeatures(store: EntityStore, sets: readonly FeatureSet[]): void {
  const before = store.plan;
  store.ttlMs = Math.max(...sets.map(({ ttlMs }) => ttlMs));
  store.maxEntities = Math.max(...sets.map(({ maxEntities }) => maxEntities));
  const plan = planOf(sets);
  const same =
    plan.columns.length === before.columns.length &&
    plan.columns.every(({ id }, i) => id === before.columns[i].id);
  if (same) return;
  const rows = Math.max(FIRST_ROWS, store.used);
  const numbers = new Float64Array(rows * plan.width);
  const others = new Array<Cell['others'][number]>(rows * plan.others).fill(undefined);
  const kept = plan.columns.flatMap((column) => {
    const was = before.columns.find(({ id }) => id === column.id);
    return was === undefined ? [] : [{ column, was }];
  });
  for (let row = 0; row < store.used; row++) {
    for (let i = 0; i < HEAD; i++) numbers[row * plan.width + i] = store.numbers[row * before.width + i];
    for (const { column, was } of kept) {
      const from = row * before.width + was.at - TIMES;
      numbers.set(
        store.numbers.subarray(from, from + TIMES + column.feature.numbers),
        row * plan.width + column.at - TIMES,
      );
      if (column.feature.others > 0)
        others[row * plan.others + column.other] = store.others[row * before.others + was.other];
    }
  }
  store.plan = plan;
  point(store, numbers, others);
}

function point(store: EntityStore, numbers: Float64Array, others: Cell['others']): void {
  store.numbers = numbers;
  store.others = others;
  store.cell.numbers = numbers;
  store.cell.others = others;
}

/** Where a column of a row lies, for its feature. The same object every time: used before the next is asked for. */
export function cellOf(store: EntityStore, row: number, column: Column): Cell {
  const { cell, plan } = store;
  cell.at = row * plan.width + column.at;
  cell.other = row * plan.others + column.other;
  return cell;
}

/** Takes an event that became known at `knownMs`. Whether any feature reads its type. */
export function foldEvent(store: EntityStore, key: string, event: FeatureEvent, knownMs: number): boolean {
  const columns = store.plan.byType.get(event.type);
  if (columns === undefined) return false;
  const row = rowFor(store, key, knownMs);
  const head = row * store.plan.width;
  store.numbers[head] = Math.max(store.numbers[head], event.atMs);
  store.numbers[head + 1] = 1;
  for (const column of columns) {
    const cell = cellOf(store, row, column);
    if (!column.feature.fold(cell, event)) continue;
    const { numbers, at } = cell;
    numbers[at - TIMES] = Math.max(numbers[at - TIMES], event.atMs);
    numbers[at - TIMES + 1] = Math.max(numbers[at - TIMES + 1], knownMs);
  }
  store.dirty.add(key);
  return true;
}

/** The row of a known entity, −1 of others. Being asked for keeps it. */
export function findRow(store: EntityStore, key: string, nowMs: number): number {
  const row = findKey(store.index, key);
  if (row < 0) return -1;
  const { numbers } = store;
  const head = row * store.plan.width;
  if (nowMs - numbers[head] > store.ttlMs) return -1;
  if (numbers[head + 1] !== 1) numbers[head + 1] = 1;
  return row;
}

/** The value of a column; NaN while it is not known, and of texts. */
export function valueAt(store: EntityStore, row: number, column: Column, nowMs: number): number {
  const { feature, of } = column;
  if (feature.combine === undefined) return feature.read(cellOf(store, row, column), nowMs);
  const { columns } = store.plan;
  const first = valueAt(store, row, columns[of[0]], nowMs);
  return feature.combine(first, valueAt(store, row, columns[of[1]], nowMs));
}

/** When the newest event that moved it happened (`which` 0), or became known (1); 0: none has. */
export function timeAt(store: EntityStore, row: number, column: Column, which: 0 | 1): number {
  const { of } = column;
  if (of.length === 0) return store.numbers[row * store.plan.width + column.at - TIMES + which];
  const { columns } = store.plan;
  return Math.max(timeAt(store, row, columns[of[0]], which), timeAt(store, row, columns[of[1]], which));
}

function rowFor(store: EntityStore, key: string, nowMs: number): number {
  const known = findKey(store.index, key);
  if (known >= 0) {
    if (nowMs - store.numbers[known * store.plan.width] <= store.ttlMs) return known;
    // It was forgotten already, as far as anybody could see.
    clear(store, known);
    store.counters.expired++;
    return known;
  }
  makeRoom(store, store.maxEntities - 1);
  return newRow(store, key);
}

/** A row of zeros for an entity that has none. */
export function newRow(store: EntityStore, key: string): number {
  const { plan } = store;
  const row = store.free.pop() ?? store.used++;
  if ((row + 1) * plan.width > store.numbers.length) {
    const rows = Math.max(FIRST_ROWS, row + 1, Math.min(row * 2, store.maxEntities));
    const numbers = new Float64Array(rows * plan.width);
    numbers.set(store.numbers);
    const others = store.others;
    for (let i = others.length; i < rows * plan.others; i++) others.push(undefined);
    point(store, numbers, others);
  }
  addKey(store.index, flat(key), row);
  return row;
}

/** A copy of its own: what was cut out of a longer text would keep all of that alive, and be reached by way of it. */
const flat = (text: string): string => text.split('').join('');

function makeRoom(store: EntityStore, most: number): void {
  let chances = CHANCES;
  while (store.index.size > most) {
    const row = store.hand;
    store.hand = row + 1 < store.used ? row + 1 : 0;
    if (store.index.keys[row] === undefined) continue;
    const head = row * store.plan.width;
    if (store.numbers[head + 1] === 1 && chances-- > 0) {
      store.numbers[head + 1] = 0;
      continue;
    }
    drop(store, row);
    store.counters.evicted++;
  }
}

function clear(store: EntityStore, row: number): void {
  const { width, others } = store.plan;
  store.numbers.fill(0, row * width, (row + 1) * width);
  store.others.fill(undefined, row * others, (row + 1) * others);
}

function drop(store: EntityStore, row: number): void {
  clear(store, row);
  store.dirty.add(store.index.keys[row] as string);
  removeKey(store.index, row);
  store.free.push(row);
}

/** No point declares its features any more. */
export function forgetAll(store: EntityStore): void {
  for (const key of store.index.keys) if (key !== undefined) store.dirty.add(key);
  store.index = keyIndex();
  store.free.length = 0;
  store.used = 0;
  store.maxEntities = 0;
  store.plan = planOf([]);
  store.hand = 0;
  store.swept = 0;
  point(store, new Float64Array(0), []);
}

/** Looks at the next `count` entities, and forgets those whose time has passed or whose number is too many. */
export function sweepEntities(store: EntityStore, nowMs: number, count: number): void {
  makeRoom(store, store.maxEntities);
  for (let i = Math.min(count, store.used); i > 0; i--) {
    const row = store.swept;
    store.swept = row + 1 < store.used ? row + 1 : 0;
    if (store.index.keys[row] === undefined) continue;
    if (nowMs - store.numbers[row * store.plan.width] <= store.ttlMs) continue;
    drop(store, row);
    store.counters.expired++;
  }
}

/** After entities were read from the disk: those heard of lately get a second chance, the others go first. */
export function markRecent(store: EntityStore): void {
  const { width } = store.plan;
  const times: number[] = [];
  for (let row = 0; row < store.used; row++) times.push(store.numbers[row * width]);
  const median = times.sort((a, b) => a - b)[times.length >> 1];
  for (let row = 0; row < store.used; row++) {
    const head = row * width;
    if (store.numbers[head] >= median) store.numbers[head + 1] = 1;
  }
}
