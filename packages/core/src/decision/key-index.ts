import { hash32 } from '../stats/hash.ts';

/**
 * Which row a text has: open addressing with linear probing over (hash, row + 1) in one array. A Map would look at the
 * text of every candidate, wherever in memory it lies; here only one whose hash of 32 bits agrees is looked at, so that a
 * look-up among very many costs one access for the place, and one for the text.
 */
export interface KeyIndex {
  slots: Int32Array;
  /** Places less one: a power of two less one. */
  mask: number;
  size: number;
  /** By row; undefined: the row is free. */
  readonly keys: (string | undefined)[];
}

const FIRST_PLACES = 32;

export const keyIndex = (): KeyIndex => ({
  slots: new Int32Array(2 * FIRST_PLACES),
  mask: FIRST_PLACES - 1,
  size: 0,
  keys: [],
});

/** The row of a text; −1 where it has none. */
export function findKey({ slots, mask, keys }: KeyIndex, key: string): number {
  const hash = hash32(key) | 0;
  for (let place = hash & mask; ; place = (place + 1) & mask) {
    const row = slots[2 * place + 1] - 1;
    if (row < 0) return -1;
    if (slots[2 * place] === hash && keys[row] === key) return row;
  }
}

/** Gives a row to a text that has none. */
export function addKey(index: KeyIndex, key: string, row: number): void {
  index.keys[row] = key;
  index.size++;
  // Never more than half full, so that runs of taken places stay short.
  if (2 * index.size > index.mask) rebuild(index, 2 * (index.mask + 1));
  else place(index, hash32(key) | 0, row);
}

function place({ slots, mask }: KeyIndex, hash: number, row: number): void {
  let at = hash & mask;
  while (slots[2 * at + 1] !== 0) at = (at + 1) & mask;
  slots[2 * at] = hash;
  slots[2 * at + 1] = row + 1;
}

function rebuild(index: KeyIndex, places: number): void {
  const { slots: before } = index;
  index.slots = new Int32Array(2 * places);
  index.mask = places - 1;
  index.keys.forEach((key, row) => {
    if (key !== undefined) place(index, hash32(key) | 0, row);
  });
  before.fill(0);
}

/** Takes the row from a text that has it. What stood behind it in its run moves up, so that no marks are left. */
export function removeKey(index: KeyIndex, row: number): void {
  const { slots, mask, keys } = index;
  let hole = (hash32(keys[row] as string) | 0) & mask;
  while (slots[2 * hole + 1] !== row + 1) hole = (hole + 1) & mask;
  for (let next = (hole + 1) & mask; slots[2 * next + 1] !== 0; next = (next + 1) & mask) {
    const home = slots[2 * next] & mask;
    // It may not move in front of its home.
    if (((next - home) & mask) < ((next - hole) & mask)) continue;
    slots[2 * hole] = slots[2 * next];
    slots[2 * hole + 1] = slots[2 * next + 1];
    hole = next;
  }
  slots[2 * hole + 1] = 0;
  keys[row] = undefined;
  index.size--;
}
