import type { Row } from '../balancer.ts';

/** Weight of a new value in the averages: the 0.9 of the authors' code. */
const ALPHA = 0.9;
/** A server time of zero would make a server perfect however crowded: no clock is that fine. */
const FLOOR_MS = 1;

/**
 * C3's replica ranking (Suresh et al., NSDI 2015) over all servers: R − 1/μ + q̂³/μ with
 * q̂ = 1 + own in flight × clients + reported queue; R the response time, 1/μ the server's own time, all averaged.
 * Its rate control is left out: it paces clients, and here every request must go at once.
 */
export const c3: Row = {
  name: 'C3',
  about: 'cubic ranking of all servers by reported requests and times; no rate control',
  create({ clients, servers, random, inFlight }) {
    const response = new Float64Array(clients * servers);
    const service = new Float64Array(clients * servers);
    const queue = new Float64Array(clients * servers);
    const average = (old: number, seen: number): number =>
      old === 0 ? seen : ALPHA * seen + (1 - ALPHA) * old;
    return {
      choose(client) {
        const base = client * servers;
        const from = random.below(servers);
        let best = from;
        let least = Infinity;
        for (let i = 0, s = from; i < servers; i++, s = s + 1 === servers ? 0 : s + 1) {
          const at = base + s;
          const crowd = 1 + inFlight[at] * clients + queue[at];
          const score = response[at] - service[at] + crowd * crowd * crowd * service[at];
          if (score < least) {
            least = score;
            best = s;
          }
        }
        return best;
      },
      outcome(client, server, latencyMs, ok, load) {
        const at = client * servers + server;
        response[at] = average(response[at], latencyMs);
        service[at] = average(service[at], Math.max(FLOOR_MS, latencyMs - 1));
        if (ok) queue[at] = ALPHA * load + (1 - ALPHA) * queue[at];
      },
    };
  },
};
