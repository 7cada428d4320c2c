import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BalancerOptions,
  balancerChoice,
  balancerDefaults,
  balancerScratch,
  balancerSent,
  balancerSettled,
  balancerState,
  bestOfDraws,
  learnedLatencies,
  rearmBalancer,
} from './balancer-choice.ts';

const DEFAULTS = balancerDefaults;

/** One thing that happened to a client: a request to an arm, how long after the last, and how it ended if it has. */
const step = fc.record({
  arm: fc.nat(7),
  gapMs: fc.double({ min: 0, max: 20_000, noNaN: true }),
  latencyMs: fc.oneof(fc.constant(Number.NaN), fc.double({ min: 0, max: 6_000, noNaN: true })),
  ends: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const options = fc.record({
  candidates: fc.integer({ min: 1, max: 64 }),
  sharpness: fc.integer({ min: 0, max: 16 }),
  halfLifeMs: fc.double({ min: 1, max: 1e6, noNaN: true }),
  maxWeight: fc.double({ min: 1, max: 1e3, noNaN: true }),
  priorWeight: fc.double({ min: 0.01, max: 10, noNaN: true }),
  warnFactor: fc.double({ min: 0, max: 10, noNaN: true }),
  expectedMs: fc.double({ min: 0.01, max: 1e4, noNaN: true }),
  deadlineMs: fc.double({ min: 1, max: 1e5, noNaN: true }),
});

const some = fc.uint8Array({ min: 0, max: 1, minLength: 8, maxLength: 8 }).filter((a) => a.includes(1));

/** A client that has lived through the steps, and the time now. */
function lived(steps: readonly Step[], opts: BalancerOptions) {
  const state = balancerState(8);
  const inFlight = new Int32Array(8);
  let nowMs = 0;
  for (const { arm, gapMs, latencyMs, ends } of steps) {
    nowMs += gapMs;
    balancerSent(state, arm, nowMs);
    if (ends) balancerSettled(state, arm, nowMs, latencyMs, opts, nowMs + 1);
    else inFlight[arm]++;
  }
  return { state, inFlight, nowMs: nowMs + 1 };
}

function chosen(life: ReturnType<typeof lived>, opts: BalancerOptions, allowed: Uint8Array): Float64Array {
  const p = new Float64Array(8).fill(Number.NaN);
  balancerChoice(life.state, 8, allowed, life.inFlight, opts, life.nowMs, balancerScratch(8), p);
  return p;
}

const all = new Uint8Array(8).fill(1);
const sum = (p: Float64Array): number => p.reduce((a, b) => a + b, 0);
const histories = fc.array(step, { maxLength: 40 });

/** A seeded generator for the Monte Carlo check (mulberry32). */
function chance(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function law(score: number[], mass: number[], d: number): Float64Array {
  const p = new Float64Array(score.length);
  const order = Int32Array.from(score.keys());
  bestOfDraws(Float64Array.from(score), Float64Array.from(mass), score.length, d, order, p);
  return p;
}

describe('the law of the best of d draws', () => {
  it('equals going through every possible sequence of draws, ties to the first drawn', () => {
    const arms = fc.array(fc.record({ score: fc.integer({ min: 1, max: 4 }), mass: fc.nat(9) }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(arms, fc.integer({ min: 1, max: 5 }), (list, d) => {
        const mass = list.map((a) => a.mass);
        const total = mass.reduce((a, b) => a + b, 0);
        fc.pre(total > 0);
        const score = list.map((a) => a.score);
        const exact = new Float64Array(list.length);
        const draw = (left: number, best: number, probability: number): void => {
          if (left === 0) {
            exact[best] += probability;
            return;
          }
          for (let i = 0; i < list.length; i++)
            draw(left - 1, best < 0 || score[i] < score[best] ? i : best, (probability * mass[i]) / total);
        };
        draw(d, -1, 1);
        law(score, mass, d).forEach((p, i) => {
          expect(p).toBeCloseTo(exact[i], 12);
        });
      }),
    );
  });

  it('equals a Monte Carlo of 16 draws over 20 arms within 5 standard errors', () => {
    const random = chance(7);
    const score = Array.from({ length: 20 }, () => random());
    const mass = Array.from({ length: 20 }, () => random() ** 8);
    const total = mass.reduce((a, b) => a + b, 0);
    const p = law(score, mass, 16);
    const hits = new Float64Array(20);
    const trials = 100_000;
    for (let t = 0; t < trials; t++) {
      let best = -1;
      for (let k = 0; k < 16; k++) {
        let left = random() * total;
        let arm = 0;
        while (arm < 19 && (left -= mass[arm]) >= 0) arm++;
        if (best < 0 || score[arm] < score[best]) best = arm;
      }
      hits[best]++;
    }
    hits.forEach((n, i) => {
      const error = Math.sqrt((p[i] * (1 - p[i])) / trials);
      expect(Math.abs(n / trials - p[i])).toBeLessThanOrEqual(5 * error + 1e-5);
    });
  });

  it('is the power of two choices for d = 2 and equal masses: ((n−r)² − (n−r−1)²) / n²', () => {
    const p = law([1, 2, 3, 4, 5], [1, 1, 1, 1, 1], 2);
    expect([...p]).toEqual([9, 7, 5, 3, 1].map((x) => expect.closeTo(x / 25, 14)));
  });

  it('is the draw itself for d = 1, and the least score alone for very many draws', () => {
    expect([...law([3, 1, 2], [1, 2, 5], 1)]).toEqual([0.125, 0.25, 0.625].map((x) => expect.closeTo(x, 14)));
    expect(law([3, 1, 2], [1, 1, 1], 4096)[1]).toBe(1);
  });
});

describe('the balancer’s choice', () => {
  it('is a distribution with nothing outside the allowed arms, whatever the client lived through', () => {
    fc.assert(
      fc.property(histories, options, some, (steps, opts, allowed) => {
        const p = chosen(lived(steps, opts), opts, allowed);
        expect(sum(p)).toBeCloseTo(1, 12);
        p.forEach((x, i) => {
          expect(x).toBeGreaterThanOrEqual(0);
          if (allowed[i] === 0) expect(x).toBe(0);
        });
      }),
    );
  });

  it('does not depend on the order that the scratch was left in', () => {
    const orders = fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 8 });
    fc.assert(
      fc.property(histories, options, orders, (steps, opts, order) => {
        const life = lived(steps, opts);
        const scratch = balancerScratch(8);
        scratch.order.set(order);
        const p = new Float64Array(8);
        balancerChoice(life.state, 8, all, life.inFlight, opts, life.nowMs, scratch, p);
        expect([...p]).toEqual([...chosen(life, opts, all)]);
      }),
    );
  });

  it('never likes an arm better for a greater latency of its own, all else equal', () => {
    const slower = fc.double({ min: 0, max: 5_000, noNaN: true });
    fc.assert(
      fc.property(histories, options, some, fc.nat(7), slower, (steps, opts, allowed, arm, moreMs) => {
        const life = lived(steps, opts);
        const before = chosen(life, opts, allowed);
        life.state.sumMs[arm] += moreMs;
        expect(chosen(life, opts, allowed)[arm]).toBeLessThanOrEqual(before[arm] + 1e-12);
      }),
      { numRuns: 500 },
    );
  });

  it('never likes an arm better for having one more request in flight', () => {
    fc.assert(
      fc.property(histories, options, some, fc.nat(7), (steps, opts, allowed, arm) => {
        const life = lived(steps, opts);
        const before = chosen(life, opts, allowed);
        life.inFlight[arm]++;
        expect(chosen(life, opts, allowed)[arm]).toBeLessThanOrEqual(before[arm] + 1e-12);
      }),
    );
  });

  it('is uniform while nothing is known', () => {
    const p = chosen({ state: balancerState(8), inFlight: new Int32Array(8), nowMs: 123 }, DEFAULTS, all);
    expect([...p]).toEqual(Array(8).fill(expect.closeTo(1 / 8, 14)));
  });

  it('leaves an arm that fails at once: an error counts as the deadline', () => {
    const life = lived([], DEFAULTS);
    for (let t = 0; t < 80; t++) {
      balancerSent(life.state, t % 8, t);
      balancerSettled(life.state, t % 8, t, t % 8 === 5 ? Number.NaN : 20, DEFAULTS, t + 1);
    }
    expect(chosen({ ...life, nowMs: 100 }, DEFAULTS, all)[5]).toBeLessThan(1e-9);
  });
});

describe('what the balancer learns', () => {
  const learned = (life: ReturnType<typeof lived>, opts: BalancerOptions, nowMs: number): Float64Array => {
    const out = new Float64Array(8);
    learnedLatencies(life.state, 8, opts, nowMs, out);
    return out;
  };

  it('is the posterior mean of an exponential law: (Σ latency + prior) / (answers + prior weight)', () => {
    const steady = { ...DEFAULTS, halfLifeMs: 1e12, priorWeight: 2, expectedMs: 8, warnFactor: 0 };
    const life = lived([], steady);
    life.state.elsewhereMs[3] = 40;
    for (const ms of [10, 20, 30]) {
      balancerSent(life.state, 3, 0);
      balancerSettled(life.state, 3, 0, ms, steady, 0);
    }
    const latencies = learned(life, steady, 0);
    expect(latencies[3]).toBeCloseTo((10 + 20 + 30 + 2 * 40) / (3 + 2), 9);
    // An arm that was never tried is what the client gets on average, expectation included.
    expect(latencies[0]).toBeCloseTo((60 + 8) / (3 + 1), 9);
  });

  it('takes what others saw as a warning of bad arms, never as a ranking of good ones', () => {
    const life = lived([], DEFAULTS);
    life.state.elsewhereMs.set([1, 5, 20, 39, 41, 5000]);
    const [tiny, low, high, below, above, dead] = learned(life, DEFAULTS, 0);
    expect([tiny, low, high, below]).toEqual([10, 10, 10, 10]);
    expect(above).toBeCloseTo(41, 9);
    expect(dead).toBeCloseTo(5000, 9);
  });

  it('counts time in flight as it passes: silence makes an arm slower before anything times out', () => {
    const life = lived([], DEFAULTS);
    balancerSent(life.state, 2, 1000);
    const at = (nowMs: number): number => learned(life, DEFAULTS, nowMs)[2];
    expect(at(1000)).toBeCloseTo(10, 9);
    expect(at(1100)).toBeCloseTo(10 + 100 / DEFAULTS.priorWeight, 9);
    expect(at(1200)).toBeGreaterThan(at(1100));
  });

  it('halves the weight of an answer in a half-life', () => {
    const life = lived([], DEFAULTS);
    balancerSent(life.state, 1, 0);
    balancerSettled(life.state, 1, 0, 100, DEFAULTS, 0);
    const prior = DEFAULTS.priorWeight;
    const mean = (50 + 10) / (0.5 + 1);
    expect(learned(life, DEFAULTS, DEFAULTS.halfLifeMs)[1]).toBeCloseTo(
      (50 + mean * prior) / (0.5 + prior),
      9,
    );
  });

  it('reacts to a busy arm within its greatest weight in answers, however many came before', () => {
    const life = lived([], DEFAULTS);
    const answer = (ms: number): void => {
      balancerSent(life.state, 0, 0);
      balancerSettled(life.state, 0, 0, ms, DEFAULTS, 0);
    };
    for (let i = 0; i < 10_000; i++) answer(10);
    for (let i = 0; i < DEFAULTS.maxWeight; i++) answer(1000);
    expect(learned(life, DEFAULTS, 0)[0]).toBeGreaterThan(500);
  });

  it('stays within the deadline per request when times of sending are wrong', () => {
    const life = lived([], DEFAULTS);
    balancerSent(life.state, 4, -1e15);
    balancerSent(life.state, 5, 1e15);
    const [dead, fresh] = learned(life, DEFAULTS, 0).subarray(4, 6);
    expect(dead).toBeCloseTo(10 + DEFAULTS.deadlineMs / DEFAULTS.priorWeight, 6);
    expect(fresh).toBeCloseTo(10, 6);
  });

  it('comes to rest at exactly nothing in flight, and ignores outcomes it never saw sent', () => {
    const life = lived([], DEFAULTS);
    for (const sentMs of [0.1, 0.2, 0.3]) balancerSent(life.state, 6, sentMs);
    for (const sentMs of [0.3, 0.1, 0.7, 0.2]) balancerSettled(life.state, 6, sentMs, 5, DEFAULTS, 1);
    expect(life.state.open[6]).toBe(0);
    expect(life.state.openSinceMs[6]).toBe(0);
  });

  it('keeps what it knows of arms that stay when others come and go', () => {
    const life = lived([{ arm: 7, gapMs: 1, latencyMs: 90, ends: true }], DEFAULTS);
    const next = rearmBalancer(life.state, Int32Array.of(-1, 7));
    expect([...next.weight]).toEqual([0, 1]);
    expect([...next.sumMs]).toEqual([0, 90]);
    expect(next.elsewhereMs[0]).toBeNaN();
    expect(next.overall).toEqual(life.state.overall);
  });
});
