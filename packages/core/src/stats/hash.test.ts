import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucket, fraction, hash32, mix32, saltOf } from './hash.ts';

describe('hash32', () => {
  // The vectors that circulate for MurmurHash3_x86_32 (SMHasher's reference; Boyd's list on Stack Overflow 14747343).
  it.each<[string, number, number]>([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['aaaa', 0x9747b28c, 0x5a97808a],
    ['aaa', 0x9747b28c, 0x283e0130],
    ['aa', 0x9747b28c, 0x5d211726],
    ['a', 0x9747b28c, 0x7fa09ea6],
    ['abcd', 0x9747b28c, 0xf0478627],
    ['abc', 0x9747b28c, 0xc84a62dd],
    ['ab', 0x9747b28c, 0x74875592],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['ππππππππ', 0x9747b28c, 0xd58063c1],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
    ['test', 0, 0xba6bd213],
    ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
  ])('hashes %j under %i as published', (text, seed, expected) => {
    expect(hash32(text, seed)).toBe(expected);
  });

  it('hashes the bytes an encoder would write, whatever the text', () => {
    const reference = (bytes: Uint8Array, seed: number): number => {
      // The reference, byte for byte, after the pseudo-code of the specification.
      let h = seed | 0;
      const blocks = bytes.length >> 2;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const scramble = (k: number) => {
        const x = Math.imul(k, 0xcc9e2d51);
        return Math.imul((x << 15) | (x >>> 17), 0x1b873593);
      };
      for (let i = 0; i < blocks; i++) {
        h ^= scramble(view.getInt32(4 * i, true));
        h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
      }
      let tail = 0;
      for (let i = bytes.length - 1; i >= blocks * 4; i--) tail = (tail << 8) | bytes[i];
      h ^= scramble(tail) ^ bytes.length;
      h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
      h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
      return (h ^ (h >>> 16)) >>> 0;
    };
    const encoder = new TextEncoder();
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat({ max: 0xffffffff }), (text, seed) => {
        expect(hash32(text, seed)).toBe(reference(encoder.encode(text), seed));
      }),
    );
    expect(hash32('a\ud800b')).toBe(reference(encoder.encode('a\ud800b'), 0));
    fc.assert(
      fc.property(fc.nat({ max: 0xffffffff }), fc.nat({ max: 0xffffffff }), (value, salt) => {
        const bytes = new Uint8Array(4);
        new DataView(bytes.buffer).setUint32(0, value, true);
        expect(mix32(value, salt)).toBe(reference(bytes, salt));
      }),
    );
  });
});

describe('assignment', () => {
  // For other languages: unit, salt parts, basis points. Computed with an independent implementation in Python.
  it.each<[string, (string | number)[], number]>([
    ['user-1', ['checkout', 'holdout', 0], 4344],
    ['user-2', ['checkout', 'holdout', 0], 2859],
    ['ünïcode', ['checkout', 'rollout', 3], 9878],
  ])('puts %s under %j into bucket %i', (unit, parts, expected) => {
    expect(bucket(unit, saltOf(...parts))).toBe(expected);
  });

  it('is uniform over sequential units, and independent between layers', () => {
    const n = 100_000;
    const salts = [saltOf('p', 'holdout', 0), saltOf('p', 'rollout', 0)];
    const cells = new Float64Array(400);
    for (let i = 0; i < n; i++) {
      const h = hash32(`user-${i}`);
      cells[Math.floor(fraction(h, salts[0]) * 20) * 20 + Math.floor(fraction(h, salts[1]) * 20)]++;
    }
    let chi = 0;
    for (const count of cells) chi += (count - n / 400) ** 2 / (n / 400);
    // χ² with 399 degrees of freedom: 0.00001 quantile 287, 0.99999 quantile 530 (tables).
    expect(chi).toBeGreaterThan(287);
    expect(chi).toBeLessThan(530);
  });
});
