/**
 * Who was seen already, in bounded memory and without ever forgetting: exact up to a capacity, and beyond it of a known
 * share. When it is full it is halved: from then on only hashes below half as much are admitted and remembered (adaptive
 * sampling: Flajolet, "On adaptive sampling", Computing 1990). So nobody is ever admitted twice, and whoever is turned
 * away is so by a hash that knows nothing of him. (Forgetting the oldest would admit again who comes back.)
 *
 * Two of a million share a hash with probability 1 in 4,000: the second is then turned away, which is as blind.
 */
export interface UnitMemory {
  /** Hashes below 2³² / 2^halvings are admitted; 0 to 31. */
  halvings: number;
  size: number;
  /** The first `size` are what is remembered, in order of admission. */
  hashes: Uint32Array<ArrayBuffer>;
  /** Open addressing: index into `hashes` + 1; 0: free. Twice as long as `hashes`. */
  table: Int32Array<ArrayBuffer>;
}

const FIRST = 32;

export const unitMemory = (): UnitMemory => ({
  halvings: 0,
  size: 0,
  hashes: new Uint32Array(FIRST),
  table: new Int32Array(2 * FIRST),
});

/** Whether this hash, in [0, 2³²), is one of those that are admitted and has not been; from now on it has. In place. */
export function admit(memory: UnitMemory, hash: number): boolean {
  if (hash >= 4294967296 / 2 ** memory.halvings) return false;
  if (memory.size === memory.hashes.length) resize(memory, 2 * memory.size);
  const at = placeOf(memory, hash);
  if (memory.table[at] !== 0) return false;
  memory.hashes[memory.size++] = hash;
  memory.table[at] = memory.size;
  return true;
}

/** Admits half as many from now on, and forgets those that could not be admitted again anyway. In place. */
export function halve(memory: UnitMemory, halvings = memory.halvings + 1): void {
  memory.halvings = Math.min(31, halvings);
  const below = 4294967296 / 2 ** memory.halvings;
  const kept = memory.hashes.subarray(0, memory.size).filter((hash) => hash < below);
  memory.size = kept.length;
  memory.hashes.set(kept);
  let capacity = FIRST;
  while (capacity < kept.length) capacity *= 2;
  resize(memory, capacity);
}

function resize(memory: UnitMemory, capacity: number): void {
  const hashes = new Uint32Array(capacity);
  hashes.set(memory.hashes.subarray(0, memory.size));
  memory.hashes = hashes;
  memory.table = new Int32Array(2 * capacity);
  for (let i = 0; i < memory.size; i++) memory.table[placeOf(memory, hashes[i])] = i + 1;
}

/** Where it is, or where it would be. */
function placeOf({ table, hashes }: UnitMemory, hash: number): number {
  const mask = table.length - 1;
  // The low bits are the bucket: the high ones decide who is admitted.
  let at = hash & mask;
  while (table[at] !== 0 && hashes[table[at] - 1] !== hash) at = (at + 1) & mask;
  return at;
}
