import type { Aggregate, Aggregator, ClientUpdate, Round } from '../aggregator.ts';
import { GanglionError } from '../errors.ts';

/** A round in progress: plain data. */
export interface WeightedMeanState {
  readonly round: Round;
  /** Σ weight × delta, in double precision. */
  readonly sum: Float64Array;
  weight: number;
  /** Who has been counted. */
  readonly clients: Set<string>;
}

/**
 * Federated averaging's aggregate (McMahan et al. 2017): Σ wᵢ Δᵢ / Σ wᵢ, with wᵢ the examples a client trained on. Summed
 * in double precision, so that the order of arrival does not show. A client counts once a round.
 */
export function weightedMean(): Aggregator<WeightedMeanState> {
  return {
    name: 'weighted-mean/1',
    begin: (round) => {
      if (!Number.isSafeInteger(round.parameters) || round.parameters < 1)
        throw refusal('parameters', round.parameters, 'Give the length of the parameter buffer.');
      return { round, sum: new Float64Array(round.parameters), weight: 0, clients: new Set() };
    },
    accept: (state, update) => {
      check(state, update);
      if (state.clients.has(update.client)) return state;
      const { sum } = state;
      const { delta, weight } = update;
      for (let i = 0; i < sum.length; i++) sum[i] += weight * delta[i];
      state.weight += weight;
      state.clients.add(update.client);
      return state;
    },
    finish: (state): Aggregate => {
      const { round, sum, weight, clients } = state;
      if (clients.size < Math.max(1, round.minimum))
        throw refusal('clients', clients.size, `Wait for ${Math.max(1, round.minimum)} clients.`);
      const delta = new Float32Array(sum.length);
      for (let i = 0; i < sum.length; i++) delta[i] = sum[i] / weight;
      return { round: round.id, delta, weight, clients: clients.size };
    },
  };
}

// Everything is checked before anything is added: a malformed update leaves the round as it was.
function check(state: WeightedMeanState, update: ClientUpdate): void {
  const { client, delta, weight } = update;
  if (typeof client !== 'string' || client === '') throw refusal('client', client, 'Name the client.');
  if (!(weight > 0 && weight <= 1e12))
    throw refusal('weight', weight, 'Give the number of examples, above 0.');
  if (!(delta instanceof Float32Array) || delta.length !== state.sum.length)
    throw refusal('delta', delta?.length, `Send ${state.sum.length} float32 parameters.`);
  for (let i = 0; i < delta.length; i++)
    if (!Number.isFinite(delta[i])) throw refusal(`delta[${i}]`, delta[i], 'Send finite parameters.');
}

function refusal(field: string, value: unknown, mend: string): GanglionError {
  return new GanglionError('invalid_input', `${field} does not fit the round`, { field, value, mend });
}
