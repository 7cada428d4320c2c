/** Standard problems of reinforcement learning, as tables: everything about them can be computed exactly. */

/** What may come of an arm in a state: with probability `p`, `reward` on average, and then state `to` (−1: the end). */
export interface Way {
  readonly p: number;
  readonly to: number;
  readonly reward: number;
}

/** A process with few states; episodes begin in `start` and are cut after `horizon` steps. */
export interface Process {
  readonly name: string;
  readonly states: number;
  /** How many arms a state has; the others do not exist there. */
  arms(state: number): number;
  readonly most: number;
  ways(state: number, arm: number): readonly Way[];
  /** Standard deviation of the reward in a state, where it is a lottery. */
  noise(state: number): number;
  readonly start: number;
  readonly horizon: number;
  readonly range: readonly [number, number];
}

const none = (): number => 0;

/** RiverSwim (Strehl, Littman 2008), episodes of 20 steps as Osband, Russo, Van Roy 2013 have them: swim up for 1, or drift for 0.005. */
export const riverSwim: Process = {
  name: 'river swim',
  states: 6,
  arms: () => 2,
  most: 2,
  ways: (s, arm) => {
    if (arm === 0) return [{ p: 1, to: Math.max(0, s - 1), reward: s === 0 ? 0.005 : 0 }];
    const reward = s === 5 ? 1 : 0;
    if (s === 0)
      return [
        { p: 0.4, to: 0, reward },
        { p: 0.6, to: 1, reward },
      ];
    if (s === 5)
      return [
        { p: 0.4, to: 4, reward },
        { p: 0.6, to: 5, reward },
      ];
    return [
      { p: 0.05, to: s - 1, reward },
      { p: 0.6, to: s, reward },
      { p: 0.35, to: s + 1, reward },
    ];
  },
  noise: none,
  start: 0,
  horizon: 20,
  range: [0, 1],
};

/** The maximisation-bias example (Sutton & Barto, 2nd ed., example 6.7): left leads to lotteries that lose 0.1 on average. */
export const bias: Process = {
  name: 'maximisation bias',
  states: 2,
  arms: (s) => (s === 0 ? 2 : 10),
  most: 10,
  ways: (s, arm) => [s === 1 ? { p: 1, to: -1, reward: -0.1 } : { p: 1, to: arm === 0 ? 1 : -1, reward: 0 }],
  noise: (s) => (s === 1 ? 1 : 0),
  start: 0,
  horizon: 10,
  range: [-6, 6],
};

/** Cliff walking (example 6.6): −1 a step, −100 and back to the start at the cliff. */
export const cliff: Process = {
  name: 'cliff walking',
  states: 48,
  arms: () => 4,
  most: 4,
  ways: (s, arm) => {
    const [dx, dy] = MOVES[arm];
    const x = Math.min(11, Math.max(0, (s % 12) + dx));
    const y = Math.min(3, Math.max(0, Math.floor(s / 12) + dy));
    if (y === 3 && x === 11) return [{ p: 1, to: -1, reward: -1 }];
    if (y === 3 && x > 0) return [{ p: 1, to: 36, reward: -100 }];
    return [{ p: 1, to: 12 * y + x, reward: -1 }];
  },
  noise: none,
  start: 36,
  horizon: 500,
  range: [-100, 0],
};

const MOVES = [
  [0, -1],
  [1, 0],
  [0, 1],
  [-1, 0],
] as const;

const LAKE = 'SFFFFHFHFFFHHFFG';

/** FrozenLake 4 × 4, slippery (Gymnasium): a third each of the way meant and of those beside it; 1 at the goal, holes end. */
export const frozenLake: Process = {
  name: 'frozen lake',
  states: 16,
  arms: () => 4,
  most: 4,
  ways: (s, arm) =>
    [3, 0, 1].map((turn) => {
      const [dx, dy] = MOVES[(arm + turn) % 4];
      const x = Math.min(3, Math.max(0, (s % 4) + dx));
      const y = Math.min(3, Math.max(0, Math.floor(s / 4) + dy));
      const cell = LAKE[4 * y + x];
      return { p: 1 / 3, to: cell === 'H' || cell === 'G' ? -1 : 4 * y + x, reward: cell === 'G' ? 1 : 0 };
    }),
  noise: none,
  start: 0,
  horizon: 100,
  range: [0, 1],
};

/** The random walk over 19 states (example 7.1): −1 at the left end, 1 at the right; there is nothing to choose. */
export const walk: Process = {
  name: 'random walk',
  states: 19,
  arms: () => 1,
  most: 1,
  ways: (s) => [
    { p: 0.5, to: s - 1, reward: s === 0 ? -1 : 0 },
    { p: 0.5, to: s === 18 ? -1 : s + 1, reward: s === 18 ? 1 : 0 },
  ],
  noise: none,
  start: 9,
  horizon: 2000,
  range: [-1, 1],
};

/**
 * What an episode earns, exactly, by dynamic programming over its steps: under the policy that gives each arm of a state its
 * share, or under the best there is.
 */
export function worth(process: Process, policy?: (state: number) => ArrayLike<number>): number {
  let v = new Float64Array(process.states);
  const fixed = policy && Array.from({ length: process.states }, (_, s) => Float64Array.from(policy(s)));
  for (let step = 0; step < process.horizon; step++) {
    const next = new Float64Array(process.states);
    for (let s = 0; s < process.states; s++) {
      let best = -Infinity;
      let mean = 0;
      for (let a = 0; a < process.arms(s); a++) {
        let q = 0;
        for (const { p, to, reward } of process.ways(s, a)) q += p * (reward + (to < 0 ? 0 : v[to]));
        if (q > best) best = q;
        if (fixed !== undefined) mean += fixed[s][a] * q;
      }
      next[s] = fixed === undefined ? best : mean;
    }
    v = next;
  }
  return v[process.start];
}
