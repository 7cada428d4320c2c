import type { JsonValue } from '../guard.ts';
import {
  addAt,
  growRing,
  type Ring,
  ring,
  rowFromJson,
  rowToJson,
  shiftRing,
  takeBack,
  totalAt,
} from './ring.ts';
import { thawList, thawNumber, thawNumbers, thawObject, thawRow, unfit } from './thaw.ts';

/**
 * What a limit has counted: a sliding window for each key (one key, or one a unit), and the shares this node had while
 * the window lasts. It knows nothing of arms, so that points can share it.
 */
export interface LimitState {
  /** Number of the newest slot seen. */
  slot: number;
  /** Restored and not used since: the monotonic clock may have begun anew. */
  resumed: boolean;
  /** Row by key: the unit's hash as a signed integer, or 0 where there is one row only. */
  readonly rows: Map<number, number>;
  /** Rows given back. */
  readonly free: number[];
  /** Key by row. */
  keys: Int32Array;
  /** Pieces of `PIECE_ROWS` rows that were written to since they were last saved. */
  readonly touched: Set<number>;
  readonly window: Ring;
  /** Most keys. */
  readonly capacity: number;
  /** Slot in which rows were last looked through for empty ones. */
  sweptSlot: number;
  /** The last share heard (0: none yet); the smallest in each slot; and the smallest in the window, which counts. */
  lastShare: number;
  readonly shares: Float64Array;
  share: number;
}

/** One slot more than the window has, so that nothing within it is forgotten while the newest slot is partly over. */
export const LIMIT_SLOTS = 11;
/** Rows that are saved together. */
export const PIECE_ROWS = 32;
const NEVER = Number.NEGATIVE_INFINITY;
const FEW = 16;

/** Nothing counted yet. */
export function emptyLimit(perMs: number, capacity: number): LimitState {
  return {
    slot: NEVER,
    resumed: false,
    rows: new Map(),
    free: [],
    keys: new Int32Array(Math.min(capacity, FEW)),
    touched: new Set(),
    window: ring(Math.min(capacity, FEW), LIMIT_SLOTS, perMs / (LIMIT_SLOTS - 1)),
    capacity,
    sweptSlot: NEVER,
    lastShare: 0,
    shares: new Float64Array(LIMIT_SLOTS),
    share: 0,
  };
}

/** Moves on to a slot. The slots passed over had the last share known. */
export function reach(state: LimitState, slot: number): void {
  if (state.resumed) {
    state.resumed = false;
    if (slot < state.slot) rewind(state, slot);
  }
  if (slot <= state.slot) return;
  const passed = Math.min(LIMIT_SLOTS, slot - state.slot);
  for (let i = 0; i < passed; i++) state.shares[mod(slot - i)] = state.lastShare;
  state.slot = slot;
  state.share = Math.min(...state.shares);
}

/**
 * Hears this node's share. A smaller one counts at once, a larger one only once no smaller one was heard for a whole
 * window. So if the shares that all nodes hold sum to at most 1 at every instant, what they spend in any window keeps to
 * the limit though shares move: each spends within the share it held at the window's beginning. The first counts at once.
 */
export function hearShare(state: LimitState, share: number): void {
  const at = mod(state.slot);
  if (state.lastShare === 0) state.shares.fill(share);
  else state.shares[at] = Math.min(state.shares[at], share);
  state.lastShare = share;
  state.share = Math.min(...state.shares);
}

/** What a key has spent in the window. */
export function spent(state: LimitState, key: number): number {
  const row = state.rows.get(key);
  return row === undefined ? 0 : totalAt(state.window, row, state.slot);
}

/** Whether a key can be counted: it has a row, or one can be had. */
export function hasRoom(state: LimitState, key: number): boolean {
  if (state.rows.size < state.capacity || state.rows.has(key)) return true;
  if (state.sweptSlot !== state.slot) sweep(state);
  return state.rows.size < state.capacity;
}

/** Counts an amount now. Where there is no room for another key, it is lost: `hasRoom` says so beforehand. */
export function spend(state: LimitState, key: number, amount: number): void {
  let row = state.rows.get(key);
  if (row === undefined) {
    if (!hasRoom(state, key)) return;
    row = state.free.pop() ?? state.rows.size;
    name(state, row, key);
  }
  addAt(state.window, row, state.slot, amount);
  touch(state, row);
}

/** Gives a row to a key; there is room for it. */
function name(state: LimitState, row: number, key: number): void {
  const { window, capacity } = state;
  if (row >= window.totals.length) {
    growRing(window, Math.min(capacity, Math.max(row + 1, window.totals.length * 2)));
    const { keys } = state;
    state.keys = new Int32Array(window.totals.length);
    state.keys.set(keys);
  }
  state.rows.set(key, row);
  state.keys[row] = key;
}

function touch({ touched }: LimitState, row: number): void {
  touched.add(Math.floor(row / PIECE_ROWS));
}

/** How many rows there are, those that were given back among them. */
export const rowsUsed = ({ rows, free }: LimitState): number => rows.size + free.length;

/** Whether all of a row has left the window, though it was not looked at since. */
export const past = ({ window, slot }: LimitState, row: number): boolean =>
  window.epochs[row] <= slot - LIMIT_SLOTS;

/** A decision of `slot` was charged too much. What has left the window is past. */
export function refund(state: LimitState, key: number, slot: number, amount: number): void {
  const row = state.rows.get(key);
  if (row === undefined) return;
  totalAt(state.window, row, state.slot);
  takeBack(state.window, row, slot, amount);
  touch(state, row);
  if (state.window.totals[row] === 0) forget(state, key, row);
}

/** Gives back the rows whose window is empty, and no others. They can only have become so by time: once a slot is enough. */
function sweep(state: LimitState): void {
  state.sweptSlot = state.slot;
  for (const [key, row] of state.rows)
    if (totalAt(state.window, row, state.slot) === 0) forget(state, key, row);
}

function forget(state: LimitState, key: number, row: number): void {
  state.rows.delete(key);
  state.free.push(row);
  touch(state, row);
}

/** The clock began anew: no time has passed since the snapshot, as far as anyone can tell. */
function rewind(state: LimitState, slot: number): void {
  const by = slot - state.slot;
  shiftRing(state.window, by);
  for (const row of state.rows.values()) touch(state, row);
  const shares = state.shares.slice();
  for (let i = 0; i < LIMIT_SLOTS; i++) state.shares[mod(slot - i)] = shares[mod(state.slot - i)];
  state.slot = slot;
  state.sweptSlot = NEVER;
}

function mod(slot: number): number {
  const at = slot % LIMIT_SLOTS;
  return at < 0 ? at + LIMIT_SLOTS : at;
}

/**
 * Keys with what they spent: `[key, newest slot, sums from the newest back …]`; shares from the newest back. `whole`: with
 * the rows; else there are none.
 */
export function freezeLimit(state: LimitState, whole = true): Record<string, JsonValue> {
  if (state.slot === NEVER) return { slot: null };
  const rows: number[][] = [];
  for (const [key, row] of whole ? state.rows : []) {
    totalAt(state.window, row, state.slot);
    const json = rowToJson(state.window, row, [key]);
    if (json !== null) rows.push(json);
  }
  return {
    slot: state.slot,
    slotMs: state.window.slotMs,
    share: state.lastShare,
    shares: Array.from(state.shares, (_, age) => state.shares[mod(state.slot - age)]),
    rows,
  };
}

/** The same, in which units stand for the rows of a limit that has one for each. */
export function describeLimit(state: LimitState, byUnit: boolean): JsonValue {
  if (!byUnit) return freezeLimit(state);
  const { rows: _, ...head } = freezeLimit(state, false);
  return { ...head, units: state.rows.size };
}

/** Fills an empty state. @throws GanglionError `undecodable` where the snapshot does not fit. */
export function thawLimit(snapshot: unknown, state: LimitState): LimitState {
  const json = thawObject(snapshot, 'limit');
  if (json.slot === null) return state;
  // Another window than the declared one: its slots would mean other times.
  if (json.slotMs !== state.window.slotMs) unfit('slotMs', json.slotMs);
  state.slot = thawNumber(json.slot, 'slot');
  state.resumed = true;
  state.lastShare = thawNumber(json.share, 'share', 0, 1);
  thawNumbers(json.shares, 'shares', LIMIT_SLOTS, 0).forEach((value, age) => {
    state.shares[mod(state.slot - age)] = value;
  });
  state.share = Math.min(...state.shares);
  for (const item of thawList(json.rows, 'rows', state.capacity)) {
    const [key, ...row] = thawList(item, 'rows', LIMIT_SLOTS + 2);
    const hash = thawNumber(key, 'rows', -(2 ** 31), 2 ** 31);
    if (state.rows.has(hash)) unfit('rows', item);
    const sums = thawRow(row, 'rows', LIMIT_SLOTS, state.slot);
    spend(state, hash, 0);
    rowFromJson(state.window, state.rows.get(hash)!, sums);
  }
  return state;
}

/**
 * Puts a row back where it stood. One that is past stays empty, and what is on the disk of it is to be written over: its key
 * may have another row by now. @throws GanglionError `undecodable` where it does not fit
 */
export function layRow(state: LimitState, row: number, key: number, sums: readonly number[]): void {
  thawRow(sums, 'rows', LIMIT_SLOTS, state.slot);
  if (sums[0] <= state.slot - LIMIT_SLOTS) return touch(state, row);
  if (row >= state.capacity || state.rows.has(key)) unfit('rows', key);
  name(state, row, key);
  rowFromJson(state.window, row, sums);
}
