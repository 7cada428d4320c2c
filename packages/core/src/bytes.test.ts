import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter } from './bytes.ts';
import { GanglionError } from './errors.ts';

const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return error instanceof GanglionError ? error.code : `other: ${String(error)}`;
  }
  return 'none';
};
const read = (...bytes: number[]) => new ByteReader(Uint8Array.from(bytes), 1000);

describe('bytes', () => {
  it('reads back what was written', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.double(),
        fc.float(),
        fc.string({ unit: 'grapheme' }),
        fc.uint8Array(),
        (n, d, f, s, b) => {
          const bytes = new ByteWriter(1).varint(n).float64(d).float32(f).text(s).bytes(b).byte(7).finish();
          const reader = new ByteReader(bytes, bytes.length);
          expect([reader.varint(), reader.float64(), reader.float32()]).toEqual([n, d, f]);
          expect([reader.text(1e6), reader.bytes(1e6), reader.byte()]).toEqual([s, b, 7]);
          reader.end();
        },
      ),
    );
  });

  it('writes the UTF-8 that encoders write', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (s) => {
        const reader = new ByteReader(new ByteWriter().text(s).finish(), 1e6);
        expect(reader.bytes(1e6)).toEqual(new TextEncoder().encode(s));
      }),
    );
  });

  it('accepts exactly the UTF-8 that a strict decoder accepts', () => {
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const decode = (bytes: Uint8Array): string | undefined => {
      try {
        return strict.decode(bytes);
      } catch {
        return undefined;
      }
    };
    const nasty = fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.array(
        fc.constantFrom(
          0x41,
          0x80,
          0xbf,
          0xc0,
          0xc2,
          0xdf,
          0xe0,
          0xa0,
          0x9f,
          0xed,
          0xf0,
          0x90,
          0x8f,
          0xf4,
          0xf5,
        ),
        { maxLength: 6 },
      ),
    );
    fc.assert(
      fc.property(nasty, (list) => {
        const bytes = Uint8Array.from(list);
        const reader = new ByteReader(new ByteWriter().bytes(bytes).finish(), 100);
        let text: string | undefined;
        try {
          text = reader.text(100);
        } catch (error) {
          expect((error as GanglionError).code).toBe('undecodable');
        }
        expect(text).toBe(decode(bytes));
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses what does not fit, before making anything', () => {
    expect(code(() => new ByteReader(new Uint8Array(11), 10))).toBe('undecodable');
    expect(code(() => read().byte())).toBe('undecodable');
    expect(code(() => read(1, 2, 3).float64())).toBe('undecodable');
    expect(code(() => read(0x80, 0x00).varint())).toBe('undecodable'); // padded
    expect(code(() => read(0x80).varint())).toBe('undecodable'); // cut
    expect(code(() => read(...Array(9).fill(0xff)).varint())).toBe('undecodable'); // endless
    expect(code(() => read(...Array(7).fill(0xff), 0x1f).varint())).toBe('undecodable'); // beyond 2^53
    expect(code(() => read(200, 1).varint(100))).toBe('undecodable');
    expect(code(() => read(0xff, 0xff, 0x7f).count(1e9))).toBe('undecodable'); // two million items in no bytes
    expect(code(() => read(5, 65).text(100))).toBe('undecodable');
    expect(code(() => read(1).end())).toBe('undecodable');
    expect(code(() => new ByteWriter().varint(-1))).toBe('invalid_input');
    expect(code(() => new ByteWriter().varint(0.5))).toBe('invalid_input');
    const nan = new ByteWriter().float64(Number.NaN).finish();
    expect(code(() => new ByteReader(nan, 8).finite())).toBe('undecodable');
  });

  it('never answers garbage with anything but undecodable', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const answer = code(() => {
          const reader = new ByteReader(bytes, 1000);
          for (let n = reader.count(100, 2); n > 0; n--) {
            reader.text(20);
            reader.varint();
            reader.finite();
            reader.bytes(16);
          }
          reader.end();
        });
        expect(['none', 'undecodable']).toContain(answer);
      }),
    );
  });
});
