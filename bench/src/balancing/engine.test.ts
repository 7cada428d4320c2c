import { describe, expect, it } from 'vitest';
import type { Row } from './balancer.ts';
import { type Scenario, simulate } from './engine.ts';
import { quantile } from './latencies.ts';
import { epsilonGreedy } from './rows/bandits.ts';
import { ganglion, ganglionHerd } from './rows/ours.ts';
import { p2cInFlight, roundRobin } from './rows/simple.ts';
import { linkerdPause, noisyNeighbours } from './scenarios.ts';

/** Sums what the clients are told, beside the counts of the engine. */
function listening(row: Row) {
  const heard = { answers: 0, errors: 0, sumMs: 0 };
  const listener: Row = {
    ...row,
    create(world) {
      const balancer = row.create(world);
      return {
        ...balancer,
        outcome(client, server, latencyMs, ok, load, nowMs) {
          if (nowMs >= 1000) {
            heard.answers++;
            heard.sumMs += latencyMs;
            if (!ok) heard.errors++;
          }
          balancer.outcome?.(client, server, latencyMs, ok, load, nowMs);
        },
      };
    },
  };
  return { listener, heard };
}

const oneServer = (utilisation: number, work: Scenario['work']): Scenario => ({
  clients: 1,
  servers: 2,
  // Round robin over two servers of one core each; with Poisson arrivals each sees every second one.
  ratePerMs: (2 * utilisation) / 10,
  deadlineMs: 5000,
  roundTripMs: 1,
  warmUpMs: 1000,
  measureMs: 2_000_000,
  work,
  cores: () => 1,
  coresLastMs: Infinity,
});

const atRandom: Row = {
  name: 'random',
  about: 'splits the Poisson stream into Poisson streams',
  create: ({ random, servers }) => ({ choose: () => random.below(servers) }),
};

describe('the simulation', () => {
  it.each([
    ['exponential', (random) => random.exponential(10)],
    ['fixed', () => 10],
    ['two-point', (random) => (random.uniform() < 0.9 ? 5 : 55)],
  ] satisfies [string, Scenario['work']][])(
    'gives M/G/1 processor sharing its mean E[S] / (1 − ρ), whatever the law of the work: %s',
    (_, work) => {
      const { listener, heard } = listening(atRandom);
      simulate(listener, oneServer(0.6, work), 1);
      const mean = heard.sumMs / heard.answers;
      expect(Math.abs(mean - (10 / (1 - 0.6) + 1))).toBeLessThan(0.05 * 26);
    },
  );

  it('counts what the clients are told, and charges errors the deadline', () => {
    const { listener, heard } = listening(roundRobin);
    const seen = simulate(listener, { ...noisyNeighbours(1.74, 1000, 1000), deadlineMs: 200 }, 3);
    expect(seen.total).toBe(heard.answers);
    expect(seen.errors).toBe(heard.errors);
    expect(seen.errors).toBeGreaterThan(0);
    expect(quantile(seen, 0.9999)).toBe(200);
  });

  it('is the same for the same seed and another for another', () => {
    const run = (seed: number) => simulate(p2cInFlight, noisyNeighbours(1.14, 300, 300), seed).counts.join();
    expect(run(5)).toBe(run(5));
    expect(run(5)).not.toBe(run(6));
  });

  it('loses 1/11 of half the time to a pause under round robin, as Linkerd published: 95 %', () => {
    const seen = simulate(roundRobin, linkerdPause(1), 1);
    expect(1 - seen.errors / seen.total).toBeCloseTo(1 - 0.5 / 11, 2);
  });
});

describe('the learning balancer in it', () => {
  it('keeps 99.9 % through the pause, where Linkerd published 99.9 % for Peak-EWMA', () => {
    for (const clients of [1, 10]) {
      const seen = simulate(ganglion, linkerdPause(clients), 2001);
      expect(1 - seen.errors / seen.total).toBeGreaterThan(0.999);
    }
  });

  it('keeps p99 within 70 ms at 1.41×, where ε-greedy on latency herds', () => {
    const scenario = noisyNeighbours(1.41, 2000, 3000);
    const ours = simulate(ganglion, scenario, 2001);
    expect(ours.errors).toBe(0);
    expect(quantile(ours, 0.99)).toBeLessThanOrEqual(70);
    expect(quantile(simulate(epsilonGreedy, scenario, 2001), 0.99)).toBeGreaterThan(1000);
  });

  it('herds too once shared totals outweigh what each client sees for itself', () => {
    const scenario = noisyNeighbours(1.41, 2000, 3000);
    const alone = quantile(simulate(ganglion, scenario, 2001), 0.99);
    expect(quantile(simulate(ganglionHerd, scenario, 2001), 0.99)).toBeGreaterThan(2 * alone);
  });
});
