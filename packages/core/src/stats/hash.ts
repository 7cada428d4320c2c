/**
 * Stable hashing of names: the same on every node and in every language.
 *
 * MurmurHash3 x86_32 (Appleby, public domain) over UTF-8. Assignment is
 * `fraction = murmur3(le32(murmur3(utf8(unit), 0)), salt) / 2³²` with `salt = murmur3(utf8(layer name), 0)`: the unit
 * is read once, and every layer (holdout, rollout, experiment) then costs one round. Test vectors are in `hash.test.ts`.
 */

const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;

/**
 * MurmurHash3 x86_32 of the text's UTF-8 bytes, in [0, 2³²). A lone surrogate counts as U+FFFD, as encoders write it.
 * A salt given as a name stands for the name's hash: where speed matters, hash it once.
 */
export function hash32(text: string, salt: number | string = 0): number {
  const length = text.length;
  let h = (typeof salt === 'string' ? hash32(salt) : salt) | 0;
  let block = 0;
  let shift = 0;
  let bytes = 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) {
      block |= code << shift;
      shift += 8;
      bytes++;
      if (shift === 32) {
        h = mixBlock(h, block);
        block = 0;
        shift = 0;
      }
      continue;
    }
    // Up to four bytes, lowest first, pushed one by one: rare, so kept simple.
    let point = code;
    if (code >= 0xd800 && code <= 0xdfff) {
      const low = code < 0xdc00 && i + 1 < length ? text.charCodeAt(i + 1) : 0;
      if (low >= 0xdc00 && low <= 0xdfff) {
        point = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        i++;
      } else point = 0xfffd;
    }
    const size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (let at = 0; at < size; at++) {
      block |= utf8Byte(point, size, at) << shift;
      shift += 8;
      bytes++;
      if (shift === 32) {
        h = mixBlock(h, block);
        block = 0;
        shift = 0;
      }
    }
  }
  if (shift > 0) h ^= scramble(block);
  return finish(h ^ bytes);
}

/** MurmurHash3 x86_32 of the four little-endian bytes of `value` under `salt`: one layer's view of a unit's hash. */
export function mix32(value: number, salt = 0): number {
  return finish(mixBlock(salt | 0, value | 0) ^ 4);
}

/** The salt of a layer: the hash of its parts, told apart by a character that no name contains. */
export function saltOf(...parts: readonly (string | number)[]): number {
  return hash32(parts.join('\n'));
}

/** Where a unit falls under a salt: a fraction in [0, 1), uniform over units, unrelated between salts. */
export function fraction(unitHash: number, salt: number): number {
  return mix32(unitHash, salt) / 4294967296;
}

/** The same for a text and a layer's name, where speed does not matter. */
export function fraction32(unit: string, layer: string): number {
  return fraction(hash32(unit), saltOf(layer));
}

/** The same as basis points: a whole number in [0, 10000). */
export function bucket(unit: string, salt: number): number {
  return Math.floor(fraction(hash32(unit), salt) * 10_000);
}

function scramble(block: number): number {
  const k = Math.imul(block, C1);
  return Math.imul((k << 15) | (k >>> 17), C2);
}

function mixBlock(h: number, block: number): number {
  const mixed = h ^ scramble(block);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(h: number): number {
  let x = h ^ (h >>> 16);
  x = Math.imul(x, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

function utf8Byte(point: number, size: number, at: number): number {
  const bits = point >>> (6 * (size - 1 - at));
  if (at > 0) return 0x80 | (bits & 0x3f);
  return size === 2 ? 0xc0 | bits : size === 3 ? 0xe0 | bits : 0xf0 | bits;
}
