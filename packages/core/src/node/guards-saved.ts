import type { PointState } from '../decision/point-state.ts';
import type { GuardPieces, JsonValue } from '../guard.ts';
import type { StoredEntry } from '../ports.ts';
import { bytesJson, jsonBytes } from './json-bytes.ts';
import { ledgerKey } from './points.ts';
import { type NodeState, refuse } from './state.ts';
import { saveMonitor } from './validating.ts';

const JSON_MAX = 64 << 20;
const PIECES = 'guard-piece';

/** What of a guard's state is on the disk in pieces, or on its way there. */
export interface SavedPieces {
  /** The state that they are of; undefined: of none that is here, so that the next are written over all of them. */
  readonly state: unknown;
  /** There are none from this number on. */
  readonly count: number;
}

interface StoredGuards {
  readonly specVersion: number;
  readonly arms?: readonly string[];
  /** By position: a snapshot; or, of those in `pieced`, the head. */
  readonly guards: readonly (null | JsonValue)[];
  readonly pieced?: readonly number[];
}

const placeOf = (point: string, i: number): string => `${point}\n${i}`;

/**
 * Breakers and limits survive a restart: a runaway is not set free by one. Of large states only the pieces that changed
 * are written, in one batch with their head.
 */
export function saveGuards(node: NodeState): void {
  node.guardsSavedMs = node.moment.monoMs;
  if (node.guardsWaiting) return;
  node.guardsWaiting = true;
  const places = new Set<string>();
  for (const [point, state] of node.points) {
    saveMonitor(node, state);
    if (state.compiled.guards.length === 0) continue;
    const pieced: number[] = [];
    const guards = state.compiled.guards.map(({ guard }, i) => {
      if (guard.pieces === undefined) return guard.snapshot?.(state.guards[i]) ?? null;
      pieced.push(i);
      places.add(placeOf(point, i));
      savePieces(node, placeOf(point, i), guard.pieces, state.guards[i]);
      return guard.pieces.head(state.guards[i]);
    });
    const { specVersion, armKeys: arms } = state.source;
    const stored: StoredGuards = { specVersion, arms, guards, ...(pieced.length === 0 ? {} : { pieced }) };
    node.writes.push({ kind: 'put', collection: 'guards', key: point, value: jsonBytes(stored) });
  }
  for (const [place, { count }] of node.guardPieces) {
    // What stands on the disk of a point that is left out may be read by the next start.
    if (places.has(place) || node.leftOut.has(place.slice(0, place.indexOf('\n')))) continue;
    for (let n = 0; n < count; n++) remove(node, place, n);
    node.guardPieces.delete(place);
  }
}

function savePieces(node: NodeState, place: string, pieces: GuardPieces, state: unknown): void {
  const known = node.guardPieces.get(place);
  const before = known?.count ?? 0;
  const count = Math.max(pieces.count(state), before);
  const changed = pieces.changed(state);
  const numbers = known?.state === state ? changed : Array.from({ length: count }, (_, n) => n);
  for (const n of numbers) {
    const value = pieces.piece(state, n);
    if (value === undefined) remove(node, place, n);
    else node.writes.push({ kind: 'put', collection: PIECES, key: `${place}\n${n}`, value });
  }
  node.guardPieces.set(place, { state, count });
}

function remove(node: NodeState, place: string, n: number): void {
  node.writes.push({ kind: 'delete', collection: PIECES, key: `${place}\n${n}` });
}

/** Pieces by place and number, as the disk has them. */
export type StoredPieces = ReadonlyMap<string, ReadonlyMap<number, Uint8Array>>;

/** Reads the pieces of all guards; whatever is found no guard for is written over, or taken away, at the next save. */
export function piecesOf(node: NodeState, stored: readonly StoredEntry[] = []): StoredPieces {
  const places = new Map<string, Map<number, Uint8Array>>();
  for (const { key, value } of stored) {
    const end = key.lastIndexOf('\n');
    const place = key.slice(0, end);
    const number = Number(key.slice(end + 1));
    if (end < 0 || !Number.isSafeInteger(number) || number < 0 || number > 1e6) continue;
    const pieces = places.get(place) ?? new Map<number, Uint8Array>();
    places.set(place, pieces.set(number, value));
    const count = Math.max(node.guardPieces.get(place)?.count ?? 0, number + 1);
    node.guardPieces.set(place, { state: undefined, count });
  }
  return places;
}

/** Brings back what the guards of a point had come to. */
export function recoverGuards(node: NodeState, entry: StoredEntry, pieces: StoredPieces): void {
  const state = node.points.get(entry.key);
  if (state === undefined) return;
  const stored = bytesJson(entry.value, JSON_MAX) as StoredGuards;
  if (stored.specVersion !== state.source.specVersion) return;
  // The versions of a model may have changed since.
  if (stored.arms !== undefined && stored.arms.join() !== state.source.armKeys.join()) return;
  state.compiled.guards.forEach(({ guard }, i) => {
    const snapshot = stored.guards[i];
    if (snapshot === null || snapshot === undefined || guard.restore === undefined) return;
    try {
      if (stored.pieced?.includes(i) === true) recoverPieces(node, state, i, snapshot, pieces);
      else state.guards[i] = guard.restore(snapshot, state.compiled.arms.length);
      const ledger = ledgerKey(state, guard);
      if (ledger !== undefined) node.ledgers.set(ledger, state.guards[i]);
    } catch {
      refuse(node, 'guard_state_not_understood'); // other options than when it was saved: it starts afresh
    }
  });
}

function recoverPieces(
  node: NodeState,
  { compiled, guards }: PointState,
  i: number,
  head: JsonValue,
  pieces: StoredPieces,
): void {
  const { guard } = compiled.guards[i];
  if (guard.pieces === undefined) return;
  const place = placeOf(compiled.name, i);
  guards[i] = guard.pieces.restore(head, pieces.get(place) ?? new Map(), compiled.arms.length);
  node.guardPieces.set(place, { state: guards[i], count: node.guardPieces.get(place)?.count ?? 0 });
}
