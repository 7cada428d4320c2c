import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mix32 } from './hash.ts';
import { admit, halve, unitMemory } from './unit-memory.ts';

describe('a memory of units', () => {
  it('admits each once, as a set would, until it is halved', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 300 })), (units) => {
        const memory = unitMemory();
        const seen = new Set<number>();
        for (const unit of units) {
          expect(admit(memory, mix32(unit))).toBe(!seen.has(unit));
          seen.add(unit);
        }
        expect(memory.size).toBe(seen.size);
      }),
    );
  });

  it('never admits anybody twice, however often it is halved, and turns away without regard', () => {
    const memory = unitMemory();
    const times = new Uint8Array(200_000);
    const halves = [0, 0];
    for (let round = 0; round < 2; round++)
      for (let unit = 0; unit < times.length; unit++) {
        if (!admit(memory, mix32(unit, 7))) continue;
        times[unit]++;
        if (unit >= 100_000) halves[mix32(unit, 8) & 1]++;
        if (memory.size >= 1024) halve(memory);
      }
    expect(Math.max(...times.subarray(0, 50_000), ...times.subarray(150_000))).toBe(1);
    expect(memory.size).toBeLessThan(1024);
    expect(memory.hashes.length).toBeLessThanOrEqual(1024);
    // Another layer's hash splits those that were admitted evenly: within four standard errors.
    const n = halves[0] + halves[1];
    expect(Math.abs(halves[0] - n / 2)).toBeLessThan(2 * Math.sqrt(n));
  });
});
