import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGanglionError } from '../errors.ts';
import { type Guard, type GuardOutcome, type JsonValue, PASS } from '../guard.ts';
import { stream } from '../stats/random.ts';
import { guardInput, pointOf } from '../testing/guard-laws.ts';
import type { BreakerState } from './breaker-state.ts';
import { paceFor } from './circuit.ts';
import { guards } from './index.ts';

const ids = ['a', 'b', 'c'];

/** A breaker with its state, driven by hand. */
function bench(options: Record<string, unknown>, share = 1) {
  const guard = guards.breaker(options, pointOf(ids)) as Guard<BreakerState>;
  let state = guard.initial(ids.length);
  const at = (nowMs: number, change = {}) => guardInput(ids, { nowMs, share, ...change });
  const ask = (nowMs: number, change = {}) => guard.check(state, at(nowMs, change));
  const out = (nowMs: number, change = {}) => {
    const { exclude } = ask(nowMs, change);
    return ids.filter((_, arm) => exclude?.[arm] === 1).join('');
  };
  const send = (nowMs: number, arm: number) => {
    ask(nowMs);
    guard.chosen!(state, at(nowMs), arm);
  };
  const back = (outcome: Partial<GuardOutcome>) =>
    guard.settled!(state, {
      arm: 1,
      nowMs: 0,
      startedMs: outcome.nowMs ?? 0,
      latencyMs: Number.NaN,
      failed: false,
      metrics: {},
      unitHash: 0,
      ...outcome,
    });
  /** Calls of an arm that come back at once, the first `failures` of them failed. */
  const calls = (nowMs: number, arm: number, count: number, failures: number, change = {}) => {
    for (let i = 0; i < count; i++) {
      send(nowMs, arm);
      back({ arm, nowMs, failed: i < failures, ...change });
    }
  };
  const restart = () => {
    state = guard.restore!(JSON.parse(JSON.stringify(guard.snapshot!(state))) as JsonValue, ids.length);
  };
  const rearm = (from: number[]) => guard.rearm!(state, from);
  const isClosed = (arm: number) => state.circuits[arm].untilMs === 0;
  return { ask, out, send, back, calls, restart, rearm, isClosed };
}

const usual = { failureRate: 0.5, minCalls: 10, window: '10s', openFor: '5s', probes: 3 };

describe('breaker, closed', () => {
  it('trips at the rate, once there are calls enough, and says why', () => {
    const few = bench(usual);
    few.calls(0, 1, 9, 9);
    expect(few.ask(0)).toBe(PASS);
    const bad = bench(usual);
    bad.calls(0, 1, 13, 8);
    expect(bad.ask(0)).toEqual({
      kind: 'restrict',
      guard: 'breaker',
      why: 'open: b (80 % of 10 failed)',
      exclude: Uint8Array.of(0, 1, 0),
    });
    const good = bench(usual);
    good.calls(0, 1, 6, 0);
    good.calls(0, 1, 5, 5);
    expect(good.ask(0)).toBe(PASS); // 5 of 11
    good.calls(0, 1, 1, 1);
    expect(good.out(0)).toBe('b'); // 6 of 12
  });

  it('forgets what has left the window', () => {
    const b = bench(usual);
    b.calls(0, 1, 9, 9);
    b.calls(10_500, 1, 8, 4);
    expect(b.ask(10_500)).toBe(PASS);
    b.calls(10_600, 1, 2, 2);
    expect(b.out(10_600)).toBe('b'); // 6 of 10, the nine are gone
  });

  it('counts slow calls apart from failed ones', () => {
    const b = bench({ ...usual, slowCall: '200ms', slowRate: 0.6 });
    b.calls(0, 1, 5, 0, { latencyMs: 199 });
    b.calls(0, 1, 7, 0, { latencyMs: 200 });
    expect(b.ask(0)).toBe(PASS); // 7 of 12
    b.calls(0, 1, 1, 0, { latencyMs: 4000 });
    expect(b.ask(0).why).toBe('open: b (61.5 % of 13 slow)');
  });

  it('does not take silence for success or failure', () => {
    const b = bench(usual);
    b.calls(0, 1, 9, 9);
    b.calls(0, 1, 500, 0, { failed: undefined });
    expect(b.ask(0)).toBe(PASS);
    b.calls(0, 1, 1, 0);
    expect(b.ask(0).why).toBe('open: b (90 % of 10 failed)');
  });
});

describe('breaker, open and half-open', () => {
  const tripped = (options = {}, share = 1) => {
    const b = bench({ ...usual, ...options }, share);
    b.calls(0, 1, 10, 10);
    return b;
  };

  it('stays open for its time, then lets through as many probes as declared', () => {
    const b = tripped();
    expect([b.out(0), b.out(4999), b.out(5000)]).toEqual(['b', 'b', '']);
    for (let i = 0; i < 3; i++) {
      expect(b.out(5000)).toBe('');
      b.send(5000, 1);
    }
    expect(b.ask(5000)).toMatchObject({ kind: 'restrict', why: 'half-open: b (3 of 3 probes sent)' });
  });

  it('closes once the probes cannot be too bad any more, and opens once they must be', () => {
    const b = tripped();
    for (let i = 0; i < 3; i++) b.send(5000, 1);
    b.back({ nowMs: 5010, startedMs: 5000, failed: true });
    b.back({ nowMs: 5020, startedMs: 5000 });
    expect(b.out(5020)).toBe('b');
    b.back({ nowMs: 5030, startedMs: 5000 });
    expect(b.ask(5030)).toBe(PASS); // 1 of 3

    const c = tripped();
    for (let i = 0; i < 3; i++) c.send(5000, 1);
    c.back({ nowMs: 5010, startedMs: 5000, failed: true });
    c.back({ nowMs: 5020, startedMs: 5000, failed: true });
    expect(c.ask(5020).why).toBe('open: b (2 of 3 probes failed)');
    expect([c.out(10_019), c.out(10_020)]).toEqual(['b', '']);
  });

  it('opens again on probes that are too slow', () => {
    const b = tripped({ slowCall: '1s', slowRate: 0.5 });
    for (let i = 0; i < 2; i++) b.send(5000, 1);
    for (let i = 0; i < 2; i++) b.back({ nowMs: 6500, startedMs: 5000, latencyMs: 1500 });
    expect(b.ask(6500).why).toBe('open: b (2 of 3 probes slow)');
  });

  it('neither closes, trips nor is counted by calls that started before it opened', () => {
    const b = tripped();
    for (let i = 0; i < 50; i++) b.back({ nowMs: 5001, startedMs: -10, failed: i % 2 === 0 });
    expect(b.out(5001)).toBe('');
    for (let i = 0; i < 3; i++) b.send(5001, 1);
    for (let i = 0; i < 50; i++) b.back({ nowMs: 5002, startedMs: -10 });
    expect(b.out(5002)).toBe('b'); // no probe’s place was freed, and nothing closed
    for (let i = 0; i < 2; i++) b.back({ nowMs: 5003, startedMs: 5001 });
    expect(b.ask(5003)).toBe(PASS);
    for (let i = 0; i < 50; i++) b.back({ nowMs: 5004, startedMs: 5002, failed: true });
    expect(b.ask(5004)).toBe(PASS); // they tell of the arm before it had closed
  });

  it('takes probes that never return for lost, opens again, and probes anew', () => {
    const b = tripped({ probeFor: '2s' });
    b.send(5000, 1);
    b.send(5500, 1);
    expect(b.out(7499)).toBe('');
    expect(b.ask(7500).why).toBe('open: b (2 of 3 probes lost)');
    expect([b.out(12_499), b.out(12_500)]).toEqual(['b', '']);
    for (let i = 0; i < 3; i++) b.send(12_500, 1);
    // A probe of the lost round comes back after all: it is late.
    b.back({ nowMs: 12_600, startedMs: 5000 });
    b.back({ nowMs: 12_600, startedMs: 5500 });
    expect(b.out(12_600)).toBe('b');
  });

  it('is right at the first look after any time without one', () => {
    const b = tripped({ probeFor: '2s' });
    b.send(5000, 1);
    // Lost at 7000, open until 12000, half-open since.
    expect(b.out(1e9)).toBe('');
    const c = tripped();
    expect(c.out(1e9)).toBe('');
  });

  it('waits for traffic: a half-open arm that nobody calls is not lost', () => {
    const b = tripped({ probeFor: '2s' });
    for (const t of [5000, 50_000, 500_000]) {
      expect(b.out(t)).toBe('');
      b.send(t, 1);
      b.back({ nowMs: t + 10, startedMs: t });
    }
    expect(b.ask(500_010)).toBe(PASS);
  });
});

describe('breaker, at rest', () => {
  it('keeps one verdict as long as the answer stands, whatever time passes and whoever’s turn it is', () => {
    const b = bench(usual, 0.001);
    b.calls(0, 1, 10, 10);
    const open = b.ask(0);
    b.calls(1000, 0, 5, 1);
    expect(b.ask(4999)).toBe(open);
    const waiting = b.ask(5000, { chance: 0.9 });
    expect(waiting.why).toBe('half-open: b (others probe)');
    for (let t = 5000; t < 60_000; t += 500) expect(b.ask(t, { chance: 0.9 })).toBe(waiting);
  });

  it('says null in a snapshot of a time that never was, and takes it back', () => {
    const guard = guards.breaker(usual, pointOf(ids));
    const told = JSON.parse(JSON.stringify(guard.snapshot!(guard.initial(ids.length))));
    expect(told.atMs).toBeNull();
    expect(told.arms.map((arm: { sinceMs: unknown }) => arm.sinceMs)).toEqual(ids.map(() => null));
    expect(guard.snapshot!(guard.restore!(told, ids.length))).toEqual(told);
  });

  it('refuses a snapshot of another window or other arms', () => {
    const snapshot = guards.breaker(usual, pointOf(ids)).snapshot!(
      guards.breaker(usual, pointOf(ids)).initial(3),
    );
    const other = guards.breaker({ ...usual, window: '11s' }, pointOf(ids));
    expect(() => other.restore!(snapshot, 3)).toThrow(
      expect.toSatisfy((e) => isGanglionError(e, 'undecodable')),
    );
    const fewer = guards.breaker(usual, pointOf(['a', 'b']));
    expect(() => fewer.restore!(snapshot, 2)).toThrow(
      expect.toSatisfy((e) => isGanglionError(e, 'undecodable')),
    );
  });
});

describe('breaker, many arms', () => {
  const trip = (b: ReturnType<typeof bench>, arms: number[]) => {
    for (const arm of arms) b.calls(0, arm, 10, 10);
  };

  it('withholds none where every allowed arm is open, and says so; or blocks where that was asked for', () => {
    const b = bench(usual);
    trip(b, [0, 1]);
    expect(b.out(0)).toBe('ab');
    const only = { allowed: Uint8Array.of(1, 1, 0), allowedCount: 2 };
    expect(b.ask(0, only)).toEqual({
      kind: 'pass',
      guard: 'breaker',
      why: 'every allowed arm is open: none withheld',
    });
    trip(b, [2]);
    expect(b.ask(0).kind).toBe('pass');
    const strict = bench({ ...usual, whenAllOpen: 'block' });
    trip(strict, [0, 1, 2]);
    expect(strict.ask(0).kind).toBe('block');
  });

  it('never trips more than its part of the arms, though always one may be', () => {
    const one = bench({ ...usual, maxEjected: '10%' });
    trip(one, [0, 1, 2]);
    expect(one.out(0)).toBe('a');
    const two = bench({ ...usual, maxEjected: 0.67 });
    trip(two, [2, 1, 0]);
    expect(two.out(0)).toBe('bc');
  });

  it('keeps what it knows of the arms that stay, and starts new ones closed', () => {
    const b = bench(usual);
    trip(b, [1]);
    b.calls(0, 2, 9, 9);
    const state = b.rearm([-1, 2, 1]);
    const next = guards.breaker(usual, pointOf(['n', 'c', 'b']));
    const input = guardInput(['n', 'c', 'b']);
    expect(next.check(state, input)).toMatchObject({
      why: 'open: b (100 % of 10 failed)',
      exclude: Uint8Array.of(0, 0, 1),
    });
    next.settled!(state, {
      arm: 1,
      nowMs: 0,
      startedMs: 0,
      latencyMs: 1,
      failed: true,
      metrics: {},
      unitHash: 0,
    });
    expect(next.check(state, input)).toMatchObject({ exclude: Uint8Array.of(0, 1, 1) });
  });

  it('survives a restart whose monotonic clock begins anew: open for the rest of its time', () => {
    const b = bench(usual);
    b.calls(1e9, 1, 10, 10);
    expect(b.out(1e9 + 2000)).toBe('b');
    b.restart();
    expect(b.out(40)).toBe('b');
    expect([b.out(3039), b.out(3040)]).toEqual(['b', '']);
  });
});

/**
 * The breaker as its documentation tells it, written naively: it keeps every call for ever and counts anew at each
 * question. One node, so that all probes are its own.
 */
function referenceBreaker(
  arms: number,
  rules: {
    failureRate: number;
    minCalls: number;
    slotMs: number;
    slots: number;
    slowCallMs: number | undefined;
    slowRate: number;
    openForMs: number;
    probeForMs: number;
    probes: number;
    maxTripped: number;
  },
) {
  type Back = { atMs: number; failed: boolean; slow: boolean };
  type Arm =
    | { is: 'closed'; sinceMs: number; calls: Back[] }
    | { is: 'open'; sinceMs: number }
    | { is: 'half-open'; sinceMs: number; sentMs: number[]; calls: Back[] };
  const all: Arm[] = Array.from({ length: arms }, () => ({ is: 'closed', sinceMs: -1e12, calls: [] }));

  /** Lets time pass for an arm, until nothing more would have happened. */
  const pass = (arm: number, nowMs: number): Arm => {
    for (;;) {
      const it = all[arm];
      if (it.is === 'open' && nowMs >= it.sinceMs + rules.openForMs)
        all[arm] = { is: 'half-open', sinceMs: it.sinceMs + rules.openForMs, sentMs: [], calls: [] };
      else if (
        it.is === 'half-open' &&
        it.sentMs.length > it.calls.length &&
        nowMs >= it.sentMs.at(-1)! + rules.probeForMs
      )
        all[arm] = { is: 'open', sinceMs: it.sentMs.at(-1)! + rules.probeForMs };
      else return it;
    }
  };

  return {
    withholds(arm: number, nowMs: number): boolean {
      const it = pass(arm, nowMs);
      return it.is === 'open' || (it.is === 'half-open' && it.sentMs.length >= rules.probes);
    },
    send(arm: number, nowMs: number): void {
      const it = pass(arm, nowMs);
      if (it.is === 'half-open' && it.sentMs.length < rules.probes) it.sentMs.push(nowMs);
    },
    settle(
      arm: number,
      startedMs: number,
      nowMs: number,
      failed: boolean | undefined,
      latencyMs: number,
    ): void {
      const timed = rules.slowCallMs !== undefined && latencyMs >= 0;
      if (failed === undefined && !timed) return;
      const it = pass(arm, nowMs);
      if (it.is === 'open' || startedMs < it.sinceMs) return;
      it.calls.push({ atMs: nowMs, failed: failed === true, slow: timed && latencyMs >= rules.slowCallMs! });
      const slot = (ms: number) => Math.floor(ms / rules.slotMs);
      if (it.is === 'closed') {
        const calls = it.calls.filter(({ atMs }) => slot(atMs) > slot(nowMs) - rules.slots);
        const failures = calls.filter((call) => call.failed).length / calls.length;
        const slow = calls.filter((call) => call.slow).length / calls.length;
        if (
          calls.length < rules.minCalls ||
          all.filter((each) => each.is !== 'closed').length >= rules.maxTripped
        )
          return;
        if (failures >= rules.failureRate || (rules.slowCallMs !== undefined && slow >= rules.slowRate))
          all[arm] = { is: 'open', sinceMs: nowMs };
        return;
      }
      const missing = Math.max(0, rules.probes - it.calls.length);
      const failures = it.calls.filter((call) => call.failed).length;
      const slow = it.calls.filter((call) => call.slow).length;
      const bad = (n: number, rate: number) => n / rules.probes >= rate;
      if (bad(failures, rules.failureRate) || bad(slow, rules.slowRate))
        all[arm] = { is: 'open', sinceMs: nowMs };
      else if (
        !bad(failures + missing, rules.failureRate) &&
        (rules.slowCallMs === undefined || !bad(slow + missing, rules.slowRate))
      )
        all[arm] = { is: 'closed', sinceMs: nowMs, calls: [] };
    },
  };
}

describe('breaker beside a reference state machine', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ op: fc.constant('decide' as const), arm: fc.nat(2) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        op: fc.constant('settle' as const),
        call: fc.nat(30),
        failed: fc.option(fc.boolean(), { nil: undefined, freq: 12 }),
        latencyMs: fc.constantFrom(1, 99, 100, 500, Number.NaN),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        op: fc.constant('wait' as const),
        ms: fc.constantFrom(1, 7, 90, 100, 333, 1000, 4000),
      }),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('restart' as const) }) },
  );

  it('withholds the same arms at every step of any history', () => {
    let restrictions = 0;
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 30, maxLength: 250, size: 'max' }),
        fc.record({
          slow: fc.boolean(),
          probes: fc.integer({ min: 1, max: 4 }),
          cap: fc.constantFrom(0.3, 0.7, 1),
        }),
        (steps, { slow, probes, cap }) => {
          const options = {
            failureRate: 0.5,
            minCalls: 3,
            window: 2000,
            openFor: 1000,
            probeFor: 700,
            probes,
            maxEjected: cap,
            ...(slow ? { slowCall: 100, slowRate: 0.5 } : {}),
          };
          const real = bench(options);
          const reference = referenceBreaker(ids.length, {
            failureRate: 0.5,
            minCalls: 3,
            slotMs: 200,
            slots: 10,
            slowCallMs: slow ? 100 : undefined,
            slowRate: 0.5,
            openForMs: 1000,
            probeForMs: 700,
            probes,
            maxTripped: Math.max(1, Math.floor(cap * 3)),
          });
          let nowMs = 0;
          const flying: { arm: number; startedMs: number }[] = [];
          for (const s of steps) {
            if (s.op === 'wait') nowMs += s.ms;
            if (s.op === 'restart') real.restart();
            if (s.op === 'decide') {
              const withheld = ids.filter((_, arm) => reference.withholds(arm, nowMs));
              const expected = withheld.length === ids.length ? '' : withheld.join('');
              expect(real.out(nowMs)).toBe(expected);
              if (expected !== '') restrictions++;
              // As the pipeline does: another arm, where this one is withheld.
              const arm = [s.arm, 0, 1, 2].find((each) => !expected.includes(ids[each]))!;
              real.send(nowMs, arm);
              reference.send(arm, nowMs);
              flying.push({ arm, startedMs: nowMs });
            }
            if (s.op === 'settle' && flying.length > 0) {
              const [call] = flying.splice(s.call % flying.length, 1);
              const { failed, latencyMs } = s;
              real.back({ ...call, nowMs, failed, latencyMs });
              reference.settle(call.arm, call.startedMs, nowMs, failed, latencyMs);
            }
          }
        },
      ),
      { numRuns: 400 },
    );
    expect(restrictions).toBeGreaterThan(1000); // the histories are not idle ones
  });
});

describe('probes over replicas', () => {
  /** Replicas that all half-open together, before an arm that answers as told. Returns what was seen. */
  function storm(seed: number, shares: readonly number[], probes: number, seconds: number, heals: boolean) {
    const random = stream(seed);
    const options = { ...usual, probes, openFor: '1s', probeFor: '1s' };
    const replicas = shares.map((share) => {
      const b = bench(options, share);
      b.calls(0, 1, 10, 10);
      return { b, closed: false };
    });
    let flying: { b: (typeof replicas)[number]['b']; startedMs: number; endsMs: number }[] = [];
    let most = 0;
    let sent = 0;
    for (let nowMs = 0; nowMs < seconds * 1000; nowMs += 50) {
      for (const call of flying.filter(({ endsMs }) => endsMs <= nowMs))
        call.b.back({ nowMs, startedMs: call.startedMs, failed: !heals });
      flying = flying.filter(({ endsMs, startedMs }) => endsMs > nowMs && nowMs - startedMs < 1000);
      for (const replica of replicas) {
        const { b } = replica;
        for (let i = 0; i < 3; i++) {
          const verdict = b.ask(nowMs, { chance: random.next() });
          replica.closed = b.isClosed(1);
          if (replica.closed || verdict.exclude?.[1] === 1) continue;
          b.send(nowMs, 1);
          sent++;
          // Some hang, and some never come back at all.
          const lasts = random.integer(5) === 0 ? Number.POSITIVE_INFINITY : 1 + random.next() * 900;
          flying.push({ b, startedMs: nowMs, endsMs: nowMs + lasts });
        }
      }
      most = Math.max(most, flying.length);
    }
    return { most, sent, closed: replicas.filter(({ closed }) => closed).length };
  }
  const even = Array.from({ length: 20 }, () => 1 / 20);

  it('never exceed the cap where each replica has a whole probe or more, whatever the shares', () => {
    for (let seed = 0; seed < 10; seed++) {
      const random = stream(seed, 1);
      const weights = even.map(() => random.exponential());
      const sum = weights.reduce((a, b) => a + b);
      const uneven = weights.map((w) => Math.max(w / sum, 1 / 400));
      const total = uneven.reduce((a, b) => a + b);
      for (const shares of [even, uneven.map((s) => s / total)]) {
        const { most, sent } = storm(seed, shares, 40, 20, false);
        expect(most).toBeLessThanOrEqual(40);
        expect(sent).toBeGreaterThan(100);
      }
    }
  });

  it('never exceed it in practice where a replica has but a part of a probe, and still get sent', () => {
    for (let seed = 0; seed < 4; seed++) {
      const { most, sent } = storm(seed, even, 5, 120, false);
      expect(most).toBeLessThanOrEqual(5);
      expect(sent).toBeGreaterThan(5);
    }
  });

  it('close all replicas in the end, once the arm is well', () => {
    expect(storm(3, even, 40, 15, true).closed).toBe(20);
    // A twentieth of five: by chance, about one a second in sixty-four for each.
    expect(storm(3, even, 5, 1000, true).closed).toBe(20);
  });

  it('aim at the mean whose Poisson tail is one in a million', () => {
    // λ with P(X > n) = 10⁻⁶, from tables of the χ² distribution: λ = χ²(10⁻⁶; 2(n + 1)) / 2.
    expect(paceFor(1)).toBeCloseTo(0.0014149, 6);
    expect(paceFor(5)).toBeCloseTo(0.31303, 4);
    expect(paceFor(20)).toBeCloseTo(5.8559, 3);
  });
});

it.each<[string, Record<string, unknown>]>([
  ['failureRate', { failureRate: 0 }],
  ['failureRate', { failureRate: '101%' }],
  ['minCalls', { minCalls: 0 }],
  ['window', { window: '1ms' }],
  ['slowCall', { slowCall: 'long' }],
  ['slowRate', { slowRate: 0.5 }],
  ['openFor', { openFor: 0 }],
  ['probes', { probes: 0 }],
  ['probes', { probes: 2.5 }],
  ['probeFor', { probeFor: Number.NaN }],
  ['maxEjected', { maxEjected: 2 }],
  ['whenAllOpen', { whenAllOpen: 'pray' }],
  ['threshold', { threshold: 3 }],
])('breaker refuses a wrong %s: %j', (field, options) => {
  expect(() => guards.breaker(options, pointOf(ids))).toThrow(
    expect.toSatisfy(
      (e: { field: string }) => isGanglionError(e, 'invalid_spec') && e.field === `guards[0].${field}`,
    ),
  );
});
