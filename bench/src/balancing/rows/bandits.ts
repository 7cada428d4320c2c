import type { Row, World } from '../balancer.ts';
import type { Random } from '../random.ts';

const EPSILON = 0.05;
const HALF_LIFE_MS = 10_000;
/** A prior of one answer, rather slow: a prior faster than what is usual sends everything to the unknown. */
const PRIOR_MS = 20;

/** Mean latency of each client and server with forgetting, read with one prior answer: what all three bandits learn. */
function learned({ clients, servers }: World) {
  const weight = new Float64Array(clients * servers);
  const sum = new Float64Array(clients * servers);
  const squares = new Float64Array(clients * servers);
  const heardMs = new Float64Array(clients * servers);
  const keep = (at: number, nowMs: number): number =>
    Math.exp((Math.LN2 / HALF_LIFE_MS) * (heardMs[at] - nowMs));
  return {
    mean(at: number, nowMs: number): number {
      const k = keep(at, nowMs);
      return (k * sum[at] + PRIOR_MS) / (k * weight[at] + 1);
    },
    /** One draw of the mean from its posterior, as Gaussian. */
    draw(at: number, nowMs: number, random: Random): number {
      const k = keep(at, nowMs);
      const n = k * weight[at] + 1;
      const mean = (k * sum[at] + PRIOR_MS) / n;
      const variance = (k * squares[at] + 2 * PRIOR_MS * PRIOR_MS) / n - mean * mean;
      return random.normal(mean, Math.sqrt(Math.max(1, variance) / n));
    },
    learn(at: number, latencyMs: number, nowMs: number): void {
      const k = keep(at, nowMs);
      weight[at] = k * weight[at] + 1;
      sum[at] = k * sum[at] + latencyMs;
      squares[at] = k * squares[at] + latencyMs * latencyMs;
      heardMs[at] = nowMs;
    },
  };
}

/** ε-greedy on the learned latency, ε = 5 %. */
export const epsilonGreedy: Row = {
  name: 'ε-greedy on latency',
  about: 'the least learned latency, 5 % at random; half-life 10 s',
  create(world) {
    const memory = learned(world);
    return {
      choose(client, nowMs) {
        if (world.random.uniform() < EPSILON) return world.random.below(world.servers);
        return leastOf(world.servers, (s) => memory.mean(client * world.servers + s, nowMs));
      },
      outcome: (client, server, latencyMs, _ok, _load, nowMs) =>
        memory.learn(client * world.servers + server, latencyMs, nowMs),
    };
  },
};

/** Thompson sampling on the learned latency: the least of one Gaussian draw a server. */
export const thompson: Row = {
  name: 'Thompson on latency',
  about: 'the least of one Gaussian posterior draw a server; half-life 10 s',
  create(world) {
    const memory = learned(world);
    return {
      choose: (client, nowMs) =>
        leastOf(world.servers, (s) => memory.draw(client * world.servers + s, nowMs, world.random)),
      outcome: (client, server, latencyMs, _ok, _load, nowMs) =>
        memory.learn(client * world.servers + server, latencyMs, nowMs),
    };
  },
};

/** Four servers at random; the least Gaussian posterior draw × (requests in flight + 1) wins. */
export const thompsonInFlight: Row = {
  name: 'Thompson × in flight, d=4',
  about: 'four at random; the least posterior draw × (in flight + 1)',
  create(world) {
    const memory = learned(world);
    const { servers, random, inFlight } = world;
    return {
      choose(client, nowMs) {
        let best = 0;
        let least = Infinity;
        for (let i = 0; i < 4; i++) {
          const s = random.below(servers);
          const at = client * servers + s;
          const latency = Math.max(1, memory.draw(at, nowMs, random));
          const score = latency * (inFlight[at] + 1);
          if (score < least) {
            least = score;
            best = s;
          }
        }
        return best;
      },
      outcome: (client, server, latencyMs, _ok, _load, nowMs) =>
        memory.learn(client * servers + server, latencyMs, nowMs),
    };
  },
};

function leastOf(servers: number, score: (server: number) => number): number {
  let best = 0;
  let least = Infinity;
  for (let s = 0; s < servers; s++) {
    const value = score(s);
    if (value < least) {
      least = value;
      best = s;
    }
  }
  return best;
}
