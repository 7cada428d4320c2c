import type { FeatureFactory } from '../feature.ts';
import { rejectUnknown, share, text } from '../options.ts';
import { distinctHashes, estimate, observe, registerBits, standardError } from '../stats/hyperloglog.ts';

/** Two words of 32 bits. */
const HASH_BYTES = 8;

/**
 * `{ distinct: item, of: view, error: 5% }`: how many different values of a property since the entity was first seen.
 * Exact (but for equal 64-bit hashes) while they fit the room that the estimate takes: 63 values at 5 %, 511 at 2 %. Then
 * estimated by HyperLogLog to that relative standard error. The count is kept beside it, so that reading is free.
 */
export const distinct: FeatureFactory = (options, path) => {
  rejectUnknown(options, ['distinct', 'of', 'error'], path);
  const property = text(options, 'distinct', undefined, path);
  const bits = registerBits(share(options, 'error', { min: 0.01, max: 0.1, default: 0.05 }, path));
  const room = 2 ** bits;
  return {
    name: 'distinct/1',
    gives: 'number',
    on: text(options, 'of', undefined, path),
    numbers: 1,
    others: 1,
    fold(cell, { data }) {
      if (!Object.hasOwn(data, property)) return false;
      const [first, second] = distinctHashes(data[property]);
      const held = cell.others[cell.other];
      const known = held instanceof Uint8Array ? held : NOTHING;
      if (known.length === room) {
        if (!observe(known, first, second)) return false;
        cell.numbers[cell.at] = estimate(known);
        return true;
      }
      const at = placeOf(known, first, second);
      if (at < 0) return false;
      const grown =
        known.length + HASH_BYTES < room ? inserted(known, at, first, second) : estimated(known, room);
      if (grown.length === room) observe(grown, first, second);
      cell.others[cell.other] = grown;
      cell.numbers[cell.at] = grown.length === room ? estimate(grown) : grown.length / HASH_BYTES;
      return true;
    },
    read: ({ numbers, at }) => numbers[at],
    error: ({ others, other }) =>
      (others[other] as Uint8Array | undefined)?.length === room ? standardError(bits) : 0,
  };
};

const NOTHING = new Uint8Array(0);

const word = (bytes: Uint8Array, at: number): number =>
  (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;

/** Where it belongs in the list, which is in order so that the way there leaves no trace; −1 where it is there already. */
function placeOf(known: Uint8Array, first: number, second: number): number {
  let low = 0;
  let high = known.length / HASH_BYTES;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const a = word(known, middle * HASH_BYTES);
    const b = word(known, middle * HASH_BYTES + 4);
    if (a === first && b === second) return -1;
    if (a < first || (a === first && b < second)) low = middle + 1;
    else high = middle;
  }
  return low * HASH_BYTES;
}

function inserted(known: Uint8Array, at: number, first: number, second: number): Uint8Array {
  const grown = new Uint8Array(known.length + HASH_BYTES);
  grown.set(known.subarray(0, at));
  grown.set(known.subarray(at), at + HASH_BYTES);
  for (let i = 0; i < 4; i++) {
    grown[at + i] = first >>> (8 * i);
    grown[at + 4 + i] = second >>> (8 * i);
  }
  return grown;
}

function estimated(known: Uint8Array, room: number): Uint8Array {
  const registers = new Uint8Array(room);
  for (let i = 0; i < known.length; i += HASH_BYTES) observe(registers, word(known, i), word(known, i + 4));
  return registers;
}
