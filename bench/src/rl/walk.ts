import { stream } from '@ganglion/core/testing';
import type { Table } from '../lib/report.ts';
import { estimate, interval } from '../regret/estimates.ts';
import { episode, ours } from './drive.ts';
import { walk } from './problems.ts';
import type { Agent } from './references.ts';

const EPISODES = 10;
const STEPS = [1, 2, 4, 8, 16];
const RATES = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** Root mean square error over the 19 states, averaged over the first ten episodes, as in the book’s figure 7.2. */
export function walkTable(seeds: number): Table {
  const mine = STEPS.map((n) =>
    estimate(
      '',
      each(seeds, (seed) => errorOfOurs(n, seed)),
    ),
  );
  const theirs = STEPS.map((n) =>
    RATES.map((alpha) => ({
      alpha,
      ...estimate(
        '',
        each(seeds, (seed) => errorOfTd(n, alpha, seed)),
      ),
    })).reduce((best, next) => (next.mean < best.mean ? next : best)),
  );
  return {
    title: `n-step returns: random walk over 19 states, root mean square error of the values over the first ${EPISODES} episodes, ${seeds} seeds`,
    head: ['', ...STEPS.map((n) => `n = ${n}`)],
    rows: [
      ['q-learning', ...mine.map(interval)],
      [
        'published n-step TD, at its best rate',
        ...theirs.map((best) => `${interval(best)} (α ${best.alpha})`),
      ],
      ['limit: knows every value', ...STEPS.map(() => '0')],
    ],
  };
}

const each = (seeds: number, run: (seed: number) => number): number[] =>
  Array.from({ length: seeds }, (_, i) => run(i + 1));

const truth = (state: number): number => (state - 9) / 10;

const errorOf = (value: (state: number) => number): number => {
  let sum = 0;
  for (let s = 0; s < walk.states; s++) sum += (value(s) - truth(s)) ** 2;
  return Math.sqrt(sum / walk.states);
};

function errorOfOurs(n: number, seed: number): number {
  const agent = ours(walk, { gamma: 1, n, estimator: 'single', episode: { horizon: 2000 } }, seed);
  const random = stream(seed, 7);
  let sum = 0;
  for (let e = 0; e < EPISODES; e++) {
    episode(walk, agent, random);
    const at = { arms: [{ id: 'arm-0', key: 'arm-0#0' }], nowMs: 0, baseline: undefined, margin: 0, seed };
    const { values } = agent.policy.view(agent.own(), agent.policy.evidence.zero(), at, undefined) as {
      readonly values: readonly Float64Array[];
    };
    sum += errorOf((s) => values[0][s]);
  }
  return sum / EPISODES;
}

/** n-step TD (Sutton & Barto §7.1), from V = 0. */
function errorOfTd(n: number, alpha: number, seed: number): number {
  const v = new Float64Array(walk.states);
  let path: { readonly state: number; readonly reward: number }[] = [];
  const update = (from: number, to: number): void => {
    let target = to < 0 ? 0 : v[to];
    for (let i = from; i < Math.min(from + n, path.length); i++) target += path[i].reward;
    v[path[from].state] += alpha * (target - v[path[from].state]);
  };
  const agent: Agent = {
    begin: () => {
      path = [];
    },
    act: (_, p) => p.fill(1),
    see: (state, _, reward, to) => {
      path.push({ state, reward });
      if (to >= 0 && path.length >= n) update(path.length - n, to);
      if (to < 0) for (let from = Math.max(0, path.length - n); from < path.length; from++) update(from, -1);
    },
    greedy: () => [1],
  };
  const random = stream(seed, 7);
  let sum = 0;
  for (let e = 0; e < EPISODES; e++) {
    episode(walk, agent, random);
    sum += errorOf((s) => v[s]);
  }
  return sum / EPISODES;
}
