import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ClockSources, systemChance, systemClock, systemSeals } from './system.ts';

/** A machine of which every clock can be moved. */
function machine(uptimeSlackMs = 20) {
  const now = { steady: 5000, wall: 1_700_000_000_000, uptime: 90_000 };
  const sources: ClockSources = {
    steadyMs: () => now.steady,
    wallMs: () => now.wall,
    uptimeMs: () => Math.floor(now.uptime / 10) * 10,
    uptimeSlackMs,
  };
  return {
    sources,
    run(ms: number) {
      now.steady += ms;
      now.wall += ms;
      now.uptime += ms;
    },
    /** Linux: the steady clock stands, and the wall clock is set right on waking. */
    sleep(ms: number) {
      now.wall += ms;
      now.uptime += ms;
    },
    setWall(byMs: number) {
      now.wall += byMs;
    },
  };
}

describe('systemClock', () => {
  test('counts time awake exactly, whatever happens to the wall clock', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(5000), fc.integer({ min: -1e10, max: 1e10 })), { maxLength: 50 }),
        (steps) => {
          const computer = machine();
          const clock = systemClock(computer.sources);
          let awake = 0;
          for (const [ms, wallStep] of steps) {
            computer.run(ms);
            computer.setWall(wallStep);
            awake += ms;
            expect(clock.monotonicMs()).toBeCloseTo(awake, 6);
          }
        },
      ),
    );
  });

  test('counts sleep to within two slacks and never runs ahead, by many short naps as by one long one', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(5000), fc.nat(100_000)), { maxLength: 50 }), (naps) => {
        const computer = machine();
        const clock = systemClock(computer.sources);
        let elapsed = 0;
        let before = clock.monotonicMs();
        for (const [awake, asleep] of naps) {
          computer.run(awake);
          computer.sleep(asleep);
          elapsed += awake + asleep;
          computer.run(1000);
          elapsed += 1000;
          const after = clock.monotonicMs();
          expect(after).toBeGreaterThanOrEqual(before);
          expect(after).toBeLessThanOrEqual(elapsed);
          expect(after).toBeGreaterThan(elapsed - 2 * 20 - 10);
          before = after;
        }
      }),
    );
  });

  test('sees a sleep of seconds in the first reading after it', () => {
    const computer = machine();
    const clock = systemClock(computer.sources);
    computer.run(10);
    expect(clock.monotonicMs()).toBe(10);
    computer.sleep(30_000);
    expect(clock.monotonicMs()).toBeGreaterThan(29_900);
  });

  test('sees a sleep that the wall clock hid, within a second awake', () => {
    const computer = machine();
    const clock = systemClock(computer.sources);
    computer.sleep(30_000);
    computer.setWall(-30_000);
    expect(clock.monotonicMs()).toBe(0);
    computer.run(1000);
    expect(clock.monotonicMs()).toBeGreaterThan(30_900);
  });

  test('on this machine: rises, and agrees with the wall clock over a moment', async () => {
    const clock = systemClock();
    const [steady, wall] = [clock.monotonicMs(), clock.wallMs()];
    expect(Math.abs(wall - Date.now())).toBeLessThan(1000);
    let last = steady;
    for (let i = 0; i < 100_000; i++) {
      const now = clock.monotonicMs();
      if (now < last) throw new Error(`went back from ${last} to ${now}`);
      last = now;
    }
    expect(last).toBeGreaterThan(steady);
    expect(clock.wallMs() - wall - (clock.monotonicMs() - steady)).toBeLessThan(1000);
  });
});

describe('systemChance', () => {
  test('gives unsigned 32-bit integers whose bits are fair and whose neighbours differ', () => {
    const chance = systemChance();
    const n = 65_536;
    const ones = new Array<number>(32).fill(0);
    const seen = new Set<number>();
    for (let i = 0; i < n; i++) {
      const word = chance.uint32();
      expect(Number.isInteger(word) && word >= 0 && word < 2 ** 32).toBe(true);
      seen.add(word);
      for (let bit = 0; bit < 32; bit++) ones[bit]! += (word >>> bit) & 1;
    }
    // Binomial(n, 1/2): ±8 standard deviations is exceeded once in 10^14 runs.
    for (const count of ones) expect(Math.abs(count - n / 2)).toBeLessThan(8 * Math.sqrt(n / 4));
    // Birthday: half a pair equal expected among 65,536 of 2^32.
    expect(seen.size).toBeGreaterThan(n - 30);
  });

  test('two sources do not repeat each other', () => {
    const [a, b] = [systemChance(), systemChance()];
    const first = new Set(Array.from({ length: 4096 }, () => a.uint32()));
    const common = Array.from({ length: 4096 }, () => b.uint32()).filter((word) => first.has(word));
    expect(common.length).toBeLessThan(5);
  });
});

describe('systemSeals', () => {
  const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
  const { seal, verify } = systemSeals();

  test('are HMAC-SHA-256: RFC 4231, test case 2', () => {
    const code = seal(utf8('Jefe'), utf8('what do ya want for nothing?'));
    expect(Buffer.from(code).toString('hex')).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
  });

  test('hold for what was sealed, under that key, and for nothing else', () => {
    const code = seal(utf8('key'), utf8('said'));
    expect(verify(utf8('key'), utf8('said'), code)).toBe(true);
    expect(verify(utf8('key'), utf8('sais'), code)).toBe(false);
    expect(verify(utf8('kez'), utf8('said'), code)).toBe(false);
    expect(verify(utf8('key'), utf8('said'), code.slice(1))).toBe(false);
  });
});
