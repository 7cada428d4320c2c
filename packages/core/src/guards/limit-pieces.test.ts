import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGanglionError } from '../errors.ts';
import type { Guard, JsonValue } from '../guard.ts';
import { stream } from '../stats/random.ts';
import { guardInput, pointOf } from '../testing/guard-laws.ts';
import { guards } from './index.ts';
import { type LimitState, PIECE_ROWS } from './limit-state.ts';

const ids = ['a', 'b'];
const make = (units: number, more: object = {}) =>
  guards.limit(
    { of: 'cost', max: 20, per: 1000, cost: 2, scope: 'unit', units, ...more },
    pointOf(ids),
  ) as Guard<LimitState>;

/** What a disk has of a limit: the head, and each piece as it was last written. */
function saved(guard: Guard<LimitState>) {
  let head: JsonValue = null;
  const pieces = new Map<number, Uint8Array>();
  return {
    pieces,
    /** How many pieces it took. */
    save(state: LimitState): number {
      const changed = guard.pieces!.changed(state);
      for (const number of changed) {
        const bytes = guard.pieces!.piece(state, number);
        if (bytes === undefined) pieces.delete(number);
        else pieces.set(number, bytes);
      }
      head = JSON.parse(JSON.stringify(guard.pieces!.head(state))) as JsonValue;
      return changed.length;
    },
    read: (): LimitState => guard.pieces!.restore(head, pieces, ids.length),
  };
}

/** A decision of a unit, if the limit lets it. */
function decide(guard: Guard<LimitState>, state: LimitState, nowMs: number, unitHash: number): boolean {
  const input = guardInput(ids, { nowMs, unit: 'u', unitHash });
  if (guard.check(state, input).kind !== 'pass') return false;
  guard.chosen!(state, input, 0);
  return true;
}

describe('a limit by unit that is saved by pieces', () => {
  it('is, whenever it is read back, what a whole snapshot would be: over time, restarts and clocks that begin anew', () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffffffff }), (seed) => {
        const random = stream(0x11, seed);
        const units = 40 + random.integer(200);
        const guard = make(units);
        const disk = saved(guard);
        let own = guard.initial(2);
        let twin = guard.initial(2);
        let nowMs = random.integer(2) === 0 ? 5e8 : 0;
        for (let step = 0; step < 600; step++) {
          nowMs += random.integer(40) === 0 ? random.integer(3000) : random.integer(4);
          const unitHash = random.integer(300) - 150;
          const let1 = decide(guard, own, nowMs, unitHash);
          expect(decide(guard, twin, nowMs, unitHash)).toBe(let1);
          if (let1 && random.integer(3) === 0) {
            const outcome = {
              arm: 0,
              startedMs: nowMs - random.integer(50),
              latencyMs: 1,
              failed: false,
              unitHash,
            };
            for (const state of [own, twin])
              guard.settled!(state, { ...outcome, nowMs, metrics: { cost: (unitHash & 3) as number } });
          }
          if (random.integer(30) !== 0) continue;
          disk.save(own);
          if (random.integer(3) !== 0) continue;
          own = disk.read();
          twin = guard.restore!(JSON.parse(JSON.stringify(guard.snapshot!(twin))) as JsonValue, 2);
          // A clock that begins anew is behind.
          if (random.integer(2) === 0) nowMs = random.integer(2000);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('writes what changed: a few pieces for a few units, none for none', () => {
    const guard = make(10_000);
    const disk = saved(guard);
    const state = guard.initial(2);
    for (let unit = 0; unit < 10_000; unit++) decide(guard, state, 1, unit);
    expect(disk.save(state)).toBe(Math.ceil(10_000 / PIECE_ROWS));
    for (const unit of [3, 5_000, 5_001, 9_999]) decide(guard, state, 2, unit);
    expect(disk.save(state)).toBe(3);
    expect(disk.save(state)).toBe(0);
    expect(disk.read().rows.size).toBe(10_000);
  });

  it('leaves no row of a unit behind where it stood before: it was given back, and came back elsewhere', () => {
    const guard = make(2 * PIECE_ROWS);
    const disk = saved(guard);
    const state = guard.initial(2);
    for (let unit = 1; unit <= 2 * PIECE_ROWS; unit++) decide(guard, state, 0, unit);
    for (let unit = 1; unit <= 2 * PIECE_ROWS; unit++)
      guard.check(state, guardInput(ids, { nowMs: 900, unit: 'u', unitHash: unit }));
    disk.save(state);
    // One more makes room, and the first then gets another row.
    for (const unit of [1_000, 1]) expect(decide(guard, state, 1150, unit)).toBe(true);
    disk.save(state);
    expect([...disk.read().rows.keys()].sort()).toEqual([1, 1_000]);
  });

  it('refuses pieces that are no pieces, or not of this limit, and nothing else is thrown', () => {
    const guard = make(100);
    const disk = saved(guard);
    const state = guard.initial(2);
    for (let unit = 0; unit < 90; unit++) decide(guard, state, 900 + unit, unit);
    disk.save(state);
    const random = stream(0x12, 1);
    const good = new Map(disk.pieces);
    let refused = 0;
    const read = (): void => {
      try {
        const back = disk.read();
        decide(guard, back, 1000, 7);
      } catch (error) {
        expect(isGanglionError(error, 'undecodable')).toBe(true);
        refused++;
      }
    };
    for (let i = 0; i < 500; i++) {
      const [number, bytes] = [...good][random.integer(good.size)];
      const bad = bytes.slice(0, random.integer(3) === 0 ? random.integer(bytes.length) : bytes.length);
      if (bad.length > 0) bad[random.integer(bad.length)] = random.integer(256);
      disk.pieces.set(number, bad);
      read();
      disk.pieces.set(number, bytes);
    }
    // The same rows twice, and rows beyond those that there may be.
    for (const number of [1, 5, 1e9]) {
      disk.pieces.set(number, good.get(0)!);
      read();
      disk.pieces.delete(number);
      if (good.has(number)) disk.pieces.set(number, good.get(number)!);
    }
    expect(refused).toBeGreaterThan(100);
    expect(disk.read().rows.size).toBe(90);
  });
});
