import { type Stream, stream } from '@ganglion/core/testing';
import type { Process } from './problems.ts';

/** Who decides: one of ours, or a published algorithm. */
export interface Agent {
  /** Fills p with a share for each arm of the state. */
  act(state: number, p: Float64Array): void;
  /** `to` −1: the end. Called step by step. */
  see(state: number, arm: number, reward: number, to: number): void;
  /** An episode begins. */
  begin(): void;
  /** Share of each arm without exploration. */
  greedy(state: number): ArrayLike<number>;
}

/** How a table of values is made and used. */
interface TableOptions {
  readonly gamma: number;
  readonly epsilon: number;
  readonly alpha: number;
  readonly seed: number;
}

const sharesOf = (values: (arm: number) => number, arms: number): Float64Array => {
  let best = -Infinity;
  for (let a = 0; a < arms; a++) best = Math.max(best, values(a));
  let ties = 0;
  for (let a = 0; a < arms; a++) if (values(a) === best) ties++;
  return Float64Array.from({ length: arms }, (_, a) => (values(a) === best ? 1 / ties : 0));
};

function exploring(arms: number, epsilon: number, greedy: ArrayLike<number>, p: Float64Array): void {
  p.fill(0);
  for (let a = 0; a < arms; a++) p[a] = epsilon / arms + (1 - epsilon) * greedy[a];
}

/** Q-learning (Watkins 1989; Sutton & Barto §6.5), step by step, from Q = 0. */
export function qLearning(process: Process, { gamma, epsilon, alpha }: TableOptions): Agent {
  const q = Array.from({ length: process.states }, (_, s) => new Float64Array(process.arms(s)));
  const greedy = (s: number) => sharesOf((a) => q[s][a], process.arms(s));
  return {
    begin: () => {},
    act: (s, p) => exploring(process.arms(s), epsilon, greedy(s), p),
    see: (s, a, reward, to) => {
      const next = to < 0 ? 0 : Math.max(...q[to]);
      q[s][a] += alpha * (reward + gamma * next - q[s][a]);
    },
    greedy,
  };
}

/** Double Q-learning (van Hasselt 2010; Sutton & Barto §6.7): a coin says which table learns, the other values its choice. */
export function doubleQ(process: Process, { gamma, epsilon, alpha, seed }: TableOptions): Agent {
  const table = () => Array.from({ length: process.states }, (_, s) => new Float64Array(process.arms(s)));
  const tables = [table(), table()];
  const coin = stream(seed, 77);
  const greedy = (s: number) => sharesOf((a) => tables[0][s][a] + tables[1][s][a], process.arms(s));
  return {
    begin: () => {},
    act: (s, p) => exploring(process.arms(s), epsilon, greedy(s), p),
    see: (s, a, reward, to) => {
      const side = coin.integer(2);
      const [q, other] = [tables[side], tables[1 - side]];
      let next = 0;
      if (to >= 0) {
        const best = Math.max(...q[to]);
        const among = Array.from(q[to].keys()).filter((b) => q[to][b] === best);
        next = other[to][among[coin.integer(among.length)]];
      }
      q[s][a] += alpha * (reward + gamma * next - q[s][a]);
    },
    greedy,
  };
}

/**
 * Posterior sampling (Osband, Russo, Van Roy 2013): before each episode a process is sampled, transitions from a Dirichlet over all
 * states and the end with weight 1/(S + 1) each, rewards from a normal about the mean, and solved over the horizon exactly.
 */
export function psrl(process: Process, seed: number): Agent {
  const { states } = process;
  const random = stream(seed, 78);
  const led = Array.from({ length: states }, (_, s) =>
    Array.from({ length: process.arms(s) }, () => new Float64Array(states + 1)),
  );
  const sums = led.map((arms) => arms.map(() => ({ n: 0, sum: 0 })));
  const [low, high] = process.range;
  const prior = (low + high) / 2;
  let best: Float64Array[][] = [];
  let step = 0;
  return {
    begin: () => {
      step = 0;
      best = solve(process, sample(random, led, sums, prior, (high - low) / 2));
    },
    act: (s, p) => {
      p.fill(0);
      const shares = best[Math.min(step, best.length - 1)][s];
      for (let a = 0; a < shares.length; a++) p[a] = shares[a];
    },
    see: (s, a, reward, to) => {
      led[s][a][to < 0 ? states : to]++;
      sums[s][a].n++;
      sums[s][a].sum += reward;
      step++;
    },
    greedy: (s) => best[0][s],
  };
}

interface Sampled {
  readonly p: Float64Array;
  readonly reward: number;
}

function sample(
  random: Stream,
  led: readonly (readonly Float64Array[])[],
  sums: readonly (readonly { readonly n: number; readonly sum: number }[])[],
  prior: number,
  sd: number,
): Sampled[][] {
  return led.map((arms, s) =>
    arms.map((counts, a) => {
      const p = counts.map((count) => random.gamma(count + 1 / counts.length));
      const all = p.reduce((sum, each) => sum + each, 0);
      const { n, sum } = sums[s][a];
      return {
        p: p.map((each) => each / all),
        reward: (prior + sum) / (n + 1) + (sd * random.normal()) / Math.sqrt(n + 1),
      };
    }),
  );
}

function solve(process: Process, model: readonly (readonly Sampled[])[]): Float64Array[][] {
  const { states } = process;
  // Beyond so many steps the best of the rest hardly changes; episodes of a cliff may last 500.
  const steps = Math.min(process.horizon, 100);
  const policy: Float64Array[][] = new Array(steps);
  let v = new Float64Array(states);
  for (let left = 0; left < steps; left++) {
    const next = new Float64Array(states);
    policy[steps - 1 - left] = model.map((arms, s) => {
      const q = arms.map(({ p, reward }) => {
        let value = reward;
        for (let to = 0; to < states; to++) value += p[to] * v[to];
        return value;
      });
      next[s] = Math.max(...q);
      return sharesOf((a) => q[a], arms.length);
    });
    v = next;
  }
  return policy;
}
