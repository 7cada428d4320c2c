import type { Aggregator, ClientUpdate, Round } from '../aggregator.ts';
import { isGanglionError } from '../errors.ts';
import type { Stream } from '../stats/random.ts';
import { copyOf, demand, difference, type Law } from './law.ts';

/** What every `Aggregator` must do (see the contract). */
export function aggregatorLaws(make: () => Aggregator): readonly Law[] {
  return [...rounds(make), ...refusals(make)];
}

function rounds(make: () => Aggregator): Law[] {
  return [
    {
      law: 'any order of accepts gives the same aggregate',
      run(random) {
        const { round, updates } = scene(random);
        const first = aggregate(make(), round, updates);
        const second = aggregate(make(), round, shuffled(updates, random));
        // float32 of sums that agree to 1e-9: at most the last bit differs.
        const found = difference(first, second, 2e-7);
        demand(found === '', found);
      },
    },
    {
      law: 'a client that sends again changes nothing',
      run(random) {
        const { round, updates } = scene(random);
        const twice = updates.flatMap((update) => (random.integer(2) === 0 ? [update, update] : [update]));
        const found = difference(aggregate(make(), round, updates), aggregate(make(), round, twice), 2e-7);
        demand(found === '', found);
      },
    },
    {
      law: 'the state is plain data: copied between any two accepts, the round goes on as before',
      run(random) {
        const { round, updates } = scene(random);
        const aggregator = make();
        let state = aggregator.begin(round);
        for (const update of updates) state = aggregator.accept(copyOf(state), update);
        const found = difference(aggregator.finish(copyOf(state)), aggregate(make(), round, updates));
        demand(found === '', found);
      },
    },
    {
      law: 'equal updates aggregate to themselves, and the aggregate names round, weight and clients',
      run(random) {
        const { round, updates } = scene(random);
        const same = updates.map((update) => ({ ...update, delta: updates[0].delta.slice() }));
        const result = aggregate(make(), round, same);
        demand(difference(result.delta, updates[0].delta, 1e-6) === '', 'the mean of equals is not theirs');
        demand(result.round === round.id && result.clients === updates.length, 'wrong round or clients');
        const weight = updates.reduce((sum, update) => sum + update.weight, 0);
        demand(Math.abs(result.weight - weight) <= 1e-9 * weight, `weight ${result.weight} is not ${weight}`);
      },
    },
    {
      law: 'updates are not changed',
      run(random) {
        const { round, updates } = scene(random);
        const before = copyOf(updates);
        aggregate(make(), round, updates);
        demand(difference(updates, before) === '', `changed at ${difference(updates, before)}`);
      },
    },
  ];
}

function refusals(make: () => Aggregator): Law[] {
  return [
    {
      law: 'a malformed update is refused and leaves the round as it was',
      run(random) {
        const { round, updates } = scene(random);
        const aggregator = make();
        let state = aggregator.begin(round);
        state = aggregator.accept(state, updates[0]);
        const before = copyOf(state);
        for (const bad of malformed(updates[0], random)) {
          demand(
            refuses(() => aggregator.accept(state, bad)),
            `accepted ${Object.keys(bad).join(', ')}`,
          );
          demand(difference(state, before) === '', `a refused update changed ${difference(state, before)}`);
        }
      },
    },
    {
      law: 'no aggregate before the fewest clients',
      run(random) {
        const { round, updates } = scene(random);
        const aggregator = make();
        let state = aggregator.begin({ ...round, minimum: updates.length });
        for (const update of updates) {
          demand(
            refuses(() => aggregator.finish(state)),
            'finished too early',
          );
          state = aggregator.accept(state, update);
        }
        aggregator.finish(state);
      },
    },
  ];
}

function scene(random: Stream): { round: Round; updates: ClientUpdate[] } {
  const parameters = 1 + random.integer(40);
  const round = { id: `round-${random.integer(100)}`, parameters, minimum: 1 };
  const updates = Array.from({ length: 1 + random.integer(12) }, (_, i) => ({
    client: `client-${i}`,
    delta: Float32Array.from({ length: parameters }, () => random.normal()),
    weight: 1 + random.integer(1000),
  }));
  return { round, updates };
}

function aggregate(aggregator: Aggregator, round: Round, updates: readonly ClientUpdate[]) {
  let state = aggregator.begin(round);
  for (const update of updates) state = aggregator.accept(state, update);
  return aggregator.finish(state);
}

function malformed(good: ClientUpdate, random: Stream): ClientUpdate[] {
  const at = random.integer(good.delta.length);
  const withValue = (value: number): Float32Array => {
    const delta = good.delta.slice();
    delta[at] = value;
    return delta;
  };
  const other = { ...good, client: 'another' };
  return [
    { ...other, weight: 0 },
    { ...other, weight: -1 },
    { ...other, weight: Number.NaN },
    { ...other, weight: Infinity },
    { ...other, delta: withValue(Number.NaN) },
    { ...other, delta: withValue(Infinity) },
    { ...other, delta: new Float32Array(good.delta.length + 1) },
    { ...other, delta: new Float32Array(0) },
    { ...other, client: '' },
  ];
}

function refuses(attempt: () => unknown): boolean {
  try {
    attempt();
    return false;
  } catch (error) {
    demand(isGanglionError(error, 'invalid_input'), `threw ${String(error)}`);
    return true;
  }
}

function shuffled<T>(items: readonly T[], random: Stream): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
