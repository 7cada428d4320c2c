import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serverPool } from './servers.ts';

const event = fc.record({
  kind: fc.constantFrom('arrive', 'arrive', 'arrive', 'cancel', 'resize'),
  gapMs: fc.double({ min: 0, max: 20, noNaN: true }),
  server: fc.nat(2),
  workMs: fc.double({ min: 0, max: 30, noNaN: true }),
  cores: fc.double({ min: 0.1, max: 6, noNaN: true }),
});
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

interface Job {
  readonly id: number;
  readonly server: number;
  leftMs: number;
}

/** Processor sharing the slow way: every job's remaining work is moved on at every event. */
function naive(events: readonly Event[]): Map<number, number> {
  const cores = [1, 1, 1];
  const left = new Map<number, number>();
  let jobs: Job[] = [];
  let nowMs = 0;
  const rate = (s: number): number => Math.min(1, cores[s] / jobs.filter((j) => j.server === s).length);
  const runTo = (endMs: number): void => {
    for (;;) {
      const next = Math.min(...jobs.map((j) => nowMs + j.leftMs / rate(j.server)));
      const stopMs = Math.min(next, endMs);
      const rates = [0, 1, 2].map(rate);
      for (const job of jobs) job.leftMs -= (stopMs - nowMs) * rates[job.server];
      nowMs = stopMs;
      const done = jobs.filter((j) => j.leftMs <= 1e-9);
      for (const job of done) left.set(job.id, nowMs);
      jobs = jobs.filter((j) => j.leftMs > 1e-9);
      if (next > endMs || stopMs === Infinity) return;
    }
  };
  let atMs = 0;
  events.forEach((e, id) => {
    atMs += e.gapMs;
    runTo(atMs);
    if (e.kind === 'arrive') jobs.push({ id, server: e.server, leftMs: e.workMs });
    if (e.kind === 'resize') cores[e.server] = e.cores;
    if (e.kind === 'cancel') jobs = jobs.filter((j) => j !== jobs.find((k) => k.server === e.server));
  });
  runTo(1e9);
  return left;
}

function virtual(events: readonly Event[]): Map<number, number> {
  const live = new Map<number, number>();
  const left = new Map<number, number>();
  const pool = serverPool(3, (id) => live.has(id));
  const runTo = (endMs: number): void => {
    while (pool.nextDepartureMs() <= endMs) {
      const atMs = pool.nextDepartureMs();
      const id = pool.depart();
      expect(pool.departed()).toBe(live.get(id));
      live.delete(id);
      left.set(id, atMs);
    }
  };
  let atMs = 0;
  events.forEach((e, id) => {
    atMs += e.gapMs;
    runTo(atMs);
    if (e.kind === 'arrive') {
      live.set(id, e.server);
      pool.arrive(e.server, id, e.workMs, atMs);
    }
    if (e.kind === 'resize') pool.resize(e.server, e.cores, atMs);
    if (e.kind === 'cancel') {
      const first = [...live].find(([, server]) => server === e.server)?.[0];
      if (first === undefined) return;
      live.delete(first);
      pool.cancel(e.server, atMs);
    }
  });
  runTo(1e9);
  return left;
}

describe('the processor-sharing pool', () => {
  it('lets every request go when the slow way does, through arrivals, cancellations and changes of cores', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (drawn) => {
        // Round numbers would let departures and cancellations coincide, which rounding decides either way.
        const events = drawn.map((e, i) => ({ ...e, workMs: e.workMs + 0.001 + Math.PI * 1e-4 * i }));
        const expected = naive(events);
        const seen = virtual(events);
        expect(seen.size).toBe(expected.size);
        for (const [id, atMs] of expected) expect(seen.get(id)).toBeCloseTo(atMs, 5);
      }),
      { numRuns: 300 },
    );
  });

  it('lets a request without work go at once', () => {
    const pool = serverPool(1, () => true);
    pool.arrive(0, 1, 50, 3);
    pool.arrive(0, 2, 0, 7);
    expect(pool.nextDepartureMs()).toBe(7);
    expect(pool.depart()).toBe(2);
  });
});
