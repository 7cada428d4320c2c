import type { Row } from '../balancer.ts';

const DECAY_MS = 10_000;
/** The load of a server that has never answered but has requests in flight: anything known is better. */
const PENALTY = 1e9;

/**
 * Peak-EWMA over two random servers, as in Finagle and Linkerd: the average jumps up to a slower answer at once and
 * comes down with a time constant of 10 s, to zero when nothing is heard; load = average × (requests in flight + 1).
 */
export const peakEwma: Row = {
  name: 'Peak-EWMA P2C',
  about: 'as in Finagle: decay 10 s, cost × (in flight + 1), the better of two',
  create({ clients, servers, random, inFlight }) {
    const cost = new Float64Array(clients * servers);
    const heardMs = new Float64Array(clients * servers);
    const observe = (at: number, latencyMs: number, nowMs: number): void => {
      const keep = Math.exp((heardMs[at] - nowMs) / DECAY_MS);
      cost[at] = latencyMs > cost[at] ? latencyMs : latencyMs * (1 - keep) + cost[at] * keep;
      heardMs[at] = nowMs;
    };
    const load = (at: number, nowMs: number): number => {
      observe(at, 0, nowMs);
      return cost[at] === 0 && inFlight[at] > 0 ? PENALTY + inFlight[at] : cost[at] * (inFlight[at] + 1);
    };
    return {
      choose(client, nowMs) {
        const base = client * servers;
        const a = random.below(servers);
        const b = (a + 1 + random.below(servers - 1)) % servers;
        return load(base + b, nowMs) < load(base + a, nowMs) ? b : a;
      },
      outcome(client, server, latencyMs, _ok, _load, nowMs) {
        observe(client * servers + server, latencyMs, nowMs);
      },
    };
  },
};
