import type { Comparison } from '../comparison.ts';
import type { PointState } from '../decision/point-state.ts';
import type { Write } from '../ports.ts';
import { hash32, mix32 } from '../stats/hash.ts';
import { admit, halve, type UnitMemory, unitMemory } from '../stats/unit-memory.ts';
import type { NodeState } from './state.ts';

/**
 * Units that this node has counted, by comparison and phase: each counts once, also over restarts. On disk they are pieces
 * of at most doubling length, newest last, so that a unit is written a few times in all, however many there are.
 */
export interface CountedUnits {
  readonly point: string;
  readonly memory: UnitMemory;
  /** Lengths of the pieces on disk, or on their way there, by number. */
  readonly pieces: number[];
  /** Units in pieces; the rest goes into the next batch. */
  written: number;
  /** All pieces are to be written anew: some are of units that are forgotten, or came back in another order. */
  anew: boolean;
}

/** All that a node has counted, by point with epoch, comparison and phase. */
export interface UnitHouse {
  readonly sets: Map<string, CountedUnits>;
  /** Those with units that are not on disk. */
  readonly dirty: Set<string>;
  /** How many a point has in all. */
  readonly totals: Map<string, number>;
}

export const unitHouse = (): UnitHouse => ({ sets: new Map(), dirty: new Set(), totals: new Map() });

const PIECE_MAX = 65_536;
const SETS_MAX = 8192;

const keyOf = (scope: string, { key, phase }: Comparison): string => `${scope}\n${key}\n${phase}`;

/**
 * Counts a unit once: its hash within this comparison, the same on every node; undefined where it was counted already, or
 * is not of the share that is still admitted. @param scope - point and epoch
 */
export function admitUnit(
  node: NodeState,
  state: PointState,
  scope: string,
  comparison: Comparison,
  unitHash: number,
): number | undefined {
  const point = state.compiled.name;
  const key = keyOf(scope, comparison);
  const known = node.units.sets.get(key);
  const hash = mix32(unitHash, hash32(`${comparison.key}\n${comparison.phase}`));
  const units = known ?? openUnits(node, key, point);
  if (!admit(units.memory, hash)) return undefined;
  node.units.dirty.add(key);
  const total = (node.units.totals.get(point) ?? 0) + 1;
  node.units.totals.set(point, total);
  if (total >= node.tuning.countedUnitsMax) makeRoom(node, point);
  return hash;
}

function openUnits(node: NodeState, key: string, point: string): CountedUnits {
  if (node.units.sets.size >= SETS_MAX) for (const each of new Set(node.points.keys())) dropDead(node, each);
  const units = { point, memory: unitMemory(), pieces: [], written: 0, anew: false };
  node.units.sets.set(key, units);
  return units;
}

/** Those of comparisons that are over go first; then the most numerous are halved. */
function makeRoom(node: NodeState, point: string): void {
  dropDead(node, point);
  while ((node.units.totals.get(point) ?? 0) >= node.tuning.countedUnitsMax) {
    let most: [string, CountedUnits] | undefined;
    for (const entry of node.units.sets)
      if (entry[1].point === point && (most === undefined || entry[1].memory.size > most[1].memory.size))
        most = entry;
    if (most === undefined || most[1].memory.size === 0) return;
    halve(most[1].memory);
    most[1].anew = true;
    node.units.dirty.add(most[0]);
    countTotal(node, point);
  }
}

function dropDead(node: NodeState, point: string): void {
  const living = new Set<string>();
  for (const { compiled } of [...node.points.values(), ...node.joins.values()])
    if (compiled.name === point)
      for (const { key, phase } of compiled.comparisons) living.add(`${key}\n${phase}`);
  for (const [key, units] of node.units.sets) {
    if (units.point !== point || living.has(key.slice(key.indexOf('\n') + 1))) continue;
    node.units.sets.delete(key);
    node.units.dirty.delete(key);
    units.pieces.forEach((_, i) => void node.writes.push(removal(key, i)));
  }
  countTotal(node, point);
}

function countTotal(node: NodeState, point: string): void {
  let total = 0;
  for (const units of node.units.sets.values()) if (units.point === point) total += units.memory.size;
  node.units.totals.set(point, total);
}

const removal = (key: string, piece: number): Write => ({
  kind: 'delete',
  collection: 'units',
  key: `${key}\n${piece}`,
});

/** What of them is not on disk yet, for the batch that bears the counts as well. */
export function unitWrites(node: NodeState): Write[] {
  const writes: Write[] = [];
  for (const key of node.units.dirty) {
    const units = node.units.sets.get(key);
    if (units === undefined) continue;
    const { memory, pieces } = units;
    if (units.anew) {
      pieces.forEach((_, i) => void writes.push(removal(key, i)));
      pieces.length = 0;
      units.written = 0;
      units.anew = false;
    }
    // As in a binary counter: a piece goes up in the next one once that is as long.
    let from = units.written;
    while (
      pieces.length > 0 &&
      pieces[pieces.length - 1] <= memory.size - from &&
      pieces[pieces.length - 1] < PIECE_MAX
    ) {
      from -= pieces.pop() as number;
      writes.push(removal(key, pieces.length));
    }
    writes.push({
      kind: 'put',
      collection: 'units',
      key: `${key}\n${pieces.length}`,
      value: piece(memory, from),
    });
    pieces.push(memory.size - from);
    units.written = memory.size;
  }
  node.units.dirty.clear();
  return writes;
}

/** Halvings, then the hashes, least significant byte first. */
function piece({ halvings, hashes, size }: UnitMemory, from: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(1 + 4 * (size - from));
  const view = new DataView(bytes.buffer);
  bytes[0] = halvings;
  for (let i = from; i < size; i++) view.setUint32(1 + 4 * (i - from), hashes[i], true);
  return bytes;
}

/** A piece from the disk; they come in any order. */
export function recoverUnits(node: NodeState, storedKey: string, value: Uint8Array): void {
  const end = storedKey.lastIndexOf('\n');
  const key = storedKey.slice(0, end);
  const number = Number(storedKey.slice(end + 1));
  if (end < 0 || !Number.isSafeInteger(number) || number < 0 || number > 1e6 || value.length % 4 !== 1)
    return;
  const point = key.slice(0, key.indexOf('|'));
  const units = node.units.sets.get(key) ?? openUnits(node, key, point);
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  if (value[0] > units.memory.halvings) halve(units.memory, value[0]);
  for (let at = 1; at < value.length; at += 4) admit(units.memory, view.getUint32(at, true));
  while (units.pieces.length <= number) units.pieces.push(0);
  units.pieces[number] = (value.length - 1) / 4;
  units.anew = true;
  countTotal(node, point);
}
