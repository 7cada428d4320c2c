import type { Scenario } from './engine.ts';

/** Cores that a server of the recipe is sure of: its allocation. */
const ALLOCATION = 2;
/** E[max(0, N(10, 10))] in core-ms: 10·Φ(1) + 10·φ(1). */
const MEAN_WORK_MS = 10.83315470587686;

/** The loads that the table shows: offered work over the sum of the allocations. */
export const loads = [0.75, 1.14, 1.41, 1.74] as const;

/**
 * The recipe: servers whose spare cores come and go, as beside noisy neighbours (after Prequal, NSDI 2024). A quarter
 * of the time a server has its allocation only, else 1 to 3 times that: 3.5 cores on average, so that 1.75 is all
 * there is, and near it even an oracle must queue.
 */
export const noisyNeighbours = (load: number, measureMs: number, warmUpMs: number): Scenario => ({
  clients: 100,
  servers: 100,
  ratePerMs: (load * 100 * ALLOCATION) / MEAN_WORK_MS,
  deadlineMs: 5000,
  roundTripMs: 1,
  warmUpMs,
  measureMs,
  work: (random) => Math.max(0, random.normal(10, 10)),
  cores: (random) => ALLOCATION * (random.uniform() < 0.25 ? 1 : 1 + 2 * random.uniform()),
  coresLastMs: 10_000,
});

/** Clients that share Linkerd's traffic: one as published; the more there are, the less each of them knows. */
export const linkerdClients = [1, 10, 100] as const;

const SLOW_FROM_MS = 15_000;
const SLOW_FOR_MS = 30_000;

/**
 * Linkerd's test of 2016: 11 backends, one of which answers in 2 s for 30 s out of 60, and clients that give up after
 * 1 s, so that blind rotation loses 1/11 for half of the time. 1,000 requests a second in all; nobody queues.
 * @param clients how many share the traffic
 */
export const linkerdPause = (clients: number): Scenario => ({
  clients,
  servers: 11,
  ratePerMs: 1,
  deadlineMs: 1000,
  roundTripMs: 1,
  warmUpMs: 10_000,
  measureMs: 60_000,
  work: (random) => Math.max(0, random.normal(10, 10)),
  workAt: (server, drawnMs, nowMs) => {
    const sinceMs = nowMs - 10_000 - SLOW_FROM_MS;
    return server === 3 && sinceMs >= 0 && sinceMs < SLOW_FOR_MS ? 2000 : drawnMs;
  },
  cores: () => 64,
  coresLastMs: Infinity,
});
