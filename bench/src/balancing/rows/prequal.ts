import type { Row } from '../balancer.ts';
import { serverEstimate } from './prequal-server.ts';

const POOL = 16;
const MAX_AGE_MS = 1000;
const PROBES = 3;
const HOT_QUANTILE = 0.84;
/** Probes that a client remembers to know the distribution of requests in flight, and the most it tells apart. */
const SAMPLE = 128;
const LEVELS = 4096;

/**
 * Prequal (Wydrowski et al., NSDI 2024), asynchronous mode with the paper's parameters: pool of 16 probes, age at
 * most 1 s, 3 probes a query to distinct random servers, one removed a query (oldest and worst in turn), reuse budget
 * by its equation 1 with δ = 1; the hot–cold rule at Q_RIF 0.84; own choices count onto the pooled probe.
 */
export const prequal: Row = {
  name: 'Prequal',
  about: 'hot–cold rule over pooled probes: pool 16, age 1 s, 3 probes a query, Q_RIF 0.84',
  create({ clients, servers, pool, random, probe }) {
    const pools = Array.from({ length: clients }, probePool);
    const estimate = serverEstimate(servers);
    const reuse = Math.max(1, 2 / ((1 - POOL / servers) * PROBES - 1));
    const probeDistinct = (client: number): void => {
      const a = random.below(servers);
      const b = (a + 1 + random.below(servers - 1)) % servers;
      let c = random.below(servers);
      while (c === a || c === b) c = random.below(servers);
      probe(client, a);
      probe(client, b);
      probe(client, c);
    };
    return {
      choose(client, nowMs) {
        const known = pools[client];
        probeDistinct(client);
        known.expire(nowMs - MAX_AGE_MS);
        const server = known.size() < 2 ? random.below(servers) : known.take();
        known.removeOne();
        return server;
      },
      probed(client, server, load, latencyMs, nowMs) {
        const uses = Math.floor(reuse) + (random.uniform() < reuse % 1 ? 1 : 0);
        pools[client].add({ server, load, latencyMs, atMs: nowMs, uses });
      },
      latencyAt: (server) => estimate.at(server, pool.present[server]),
      served: (server, found, sojournMs) => estimate.seen(server, found, sojournMs),
    };
  },
};

interface Probe {
  readonly server: number;
  load: number;
  readonly latencyMs: number;
  readonly atMs: number;
  uses: number;
}

/** The probes of one client, oldest first. */
function probePool() {
  const probes: Probe[] = [];
  const loads = loadSample();
  let removeOldest = true;
  const better = (a: Probe, b: Probe, hotAbove: number): boolean => {
    const hotA = a.load > hotAbove;
    const hotB = b.load > hotAbove;
    if (hotA !== hotB) return hotB;
    return hotA ? a.load < b.load : a.latencyMs < b.latencyMs;
  };
  return {
    size: () => probes.length,
    expire(beforeMs: number): void {
      while (probes.length > 0 && probes[0].atMs < beforeMs) probes.shift();
    },
    add(probe: Probe): void {
      if (probes.length === POOL) probes.shift();
      probes.push(probe);
      loads.add(probe.load);
    },
    take(): number {
      const hotAbove = loads.quantile();
      let best = 0;
      for (let i = 1; i < probes.length; i++) if (better(probes[i], probes[best], hotAbove)) best = i;
      const chosen = probes[best];
      chosen.load++;
      if (--chosen.uses <= 0) probes.splice(best, 1);
      return chosen.server;
    },
    removeOne(): void {
      if (probes.length === 0) return;
      removeOldest = !removeOldest;
      const hotAbove = loads.quantile();
      let worst = 0;
      if (!removeOldest)
        for (let i = 1; i < probes.length; i++) if (better(probes[worst], probes[i], hotAbove)) worst = i;
      probes.splice(worst, 1);
    },
  };
}

/** The hot quantile of the last loads that probes brought: a sliding histogram with a cursor that moves with it. */
function loadSample() {
  const recent = new Int32Array(SAMPLE);
  const counts = new Int32Array(LEVELS);
  let seen = 0;
  let cursor = 0;
  let below = 0;
  const change = (level: number, by: number): void => {
    counts[level] += by;
    if (level < cursor) below += by;
  };
  return {
    add(load: number): void {
      const level = Math.min(LEVELS - 1, load);
      if (seen >= SAMPLE) change(recent[seen % SAMPLE], -1);
      recent[seen++ % SAMPLE] = level;
      change(level, 1);
    },
    /** The load that a share of HOT_QUANTILE of the sample lies at or below. */
    quantile(): number {
      const rank = HOT_QUANTILE * Math.min(seen, SAMPLE);
      while (below >= rank && cursor > 0) below -= counts[--cursor];
      while (below + counts[cursor] < rank && cursor < LEVELS - 1) below += counts[cursor++];
      return cursor;
    },
  };
}
