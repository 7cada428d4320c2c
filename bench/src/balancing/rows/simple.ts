import type { Row } from '../balancer.ts';

/** Each client takes the servers in turn, from a start of its own. */
export const roundRobin: Row = {
  name: 'round robin',
  about: 'each client in turn, from a start of its own',
  create({ clients, servers, random }) {
    const next = Int32Array.from({ length: clients }, () => random.below(servers));
    return {
      choose(client) {
        const server = next[client];
        next[client] = server + 1 === servers ? 0 : server + 1;
        return server;
      },
    };
  },
};

/** The better of two servers drawn at random, by the client's own requests in flight (Mitzenmacher 2001). */
export const p2cInFlight: Row = {
  name: 'P2C in flight',
  about: "the better of two by the client's own requests in flight",
  create({ servers, random, inFlight }) {
    return {
      choose(client) {
        const a = random.below(servers);
        const b = (a + 1 + random.below(servers - 1)) % servers;
        return inFlight[client * servers + b] < inFlight[client * servers + a] ? b : a;
      },
    };
  },
};

/** Knows every server's cores and requests, its own in transit among them: no row can know more. */
export const oracle: Row = {
  name: 'oracle',
  about: 'knows the true cores and requests of every server, but of no pause',
  create({ servers, pool }) {
    const coming = new Int32Array(servers);
    return {
      choose() {
        let best = 0;
        let least = Infinity;
        for (let s = 0; s < servers; s++) {
          const crowd = (pool.present[s] + coming[s] + 1) / pool.cores[s];
          if (crowd < least) {
            least = crowd;
            best = s;
          }
        }
        coming[best]++;
        return best;
      },
      arrived(server) {
        coming[server]--;
      },
    };
  },
};
