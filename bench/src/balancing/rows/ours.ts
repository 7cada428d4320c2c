import {
  type BalancerOptions,
  balancerChoice,
  balancerDefaults,
  balancerScratch,
  balancerSent,
  balancerSettled,
  balancerState,
} from '../../../../packages/core/src/policies/balancer-choice.ts';
import type { Balancer, Row, World } from '../balancer.ts';

/** Period in which a region hands its totals down, ms, and the half-life of what it keeps. */
const SYNC_MS = 1000;
const TOTALS_HALF_LIFE_MS = 4000;

/** A row that runs the shipped policy's own functions: the clients share nothing. */
export const ganglionRow = (name: string, about: string, changes: Partial<BalancerOptions> = {}): Row => ({
  name,
  about,
  create: (world) =>
    clientsOf(world, { ...balancerDefaults, deadlineMs: world.deadlineMs, ...changes }).balancer,
});

/** The learning balancer as it ships. */
export const ganglion: Row = ganglionRow('Ganglion', 'best of 16 learned draws, each client by itself');

/** The same in the limit of many draws: the least score, without a spread to learn from afterwards. */
export const ganglionLeast: Row = ganglionRow('Ganglion, least score', 'candidates 1024: hardly any spread', {
  candidates: 1024,
});

/** The same with the region's mean latencies handed down every second, which the policy takes as warnings. */
export const ganglionTotals: Row = ganglionTotalsRow(
  'Ganglion + region totals',
  'what all clients saw, every second, as a warning of slow servers',
);

/** What not to do: totals that rank every arm, and outweigh what a client sees for itself. */
export const ganglionHerd: Row = ganglionTotalsRow(
  'Ganglion, totals as ranking (herds)',
  'what all clients saw, every second, as the estimate of every server',
  { warnFactor: 0, priorWeight: 16 },
);

function ganglionTotalsRow(name: string, about: string, changes: Partial<BalancerOptions> = {}): Row {
  return {
    name,
    about,
    create(world) {
      const options = { ...balancerDefaults, deadlineMs: world.deadlineMs, ...changes };
      const { balancer, states } = clientsOf(world, options);
      const answers = new Float64Array(world.servers);
      const sumMs = new Float64Array(world.servers);
      const keep = 2 ** (-SYNC_MS / TOTALS_HALF_LIFE_MS);
      return {
        ...balancer,
        tickMs: SYNC_MS,
        tick() {
          for (let s = 0; s < world.servers; s++) {
            if (answers[s] > 0) for (const state of states) state.elsewhereMs[s] = sumMs[s] / answers[s];
            answers[s] *= keep;
            sumMs[s] *= keep;
          }
        },
        outcome(client, server, latencyMs, ok, load, nowMs) {
          answers[server]++;
          sumMs[server] += latencyMs;
          balancer.outcome?.(client, server, latencyMs, ok, load, nowMs);
        },
      };
    },
  };
}

function clientsOf({ clients, servers, inFlight, random }: World, options: BalancerOptions) {
  const states = Array.from({ length: clients }, () => balancerState(servers));
  const scratches = states.map(() => balancerScratch(servers));
  const counts = states.map((_, c) => inFlight.subarray(c * servers, (c + 1) * servers));
  const allowed = new Uint8Array(servers).fill(1);
  const p = new Float64Array(servers);
  const balancer: Balancer = {
    choose(client, nowMs) {
      balancerChoice(states[client], servers, allowed, counts[client], options, nowMs, scratches[client], p);
      let left = random.uniform();
      let server = 0;
      while (server < servers - 1 && (left -= p[server]) >= 0) server++;
      balancerSent(states[client], server, nowMs);
      return server;
    },
    outcome(client, server, latencyMs, ok, _load, nowMs) {
      const charged = ok ? latencyMs : Number.NaN;
      balancerSettled(states[client], server, nowMs - latencyMs, charged, options, nowMs);
    },
  };
  return { balancer, states };
}
