/** `npm run bench -- rl`: decisions that change what comes next, beside Q-learning, double Q-learning and posterior sampling. */
import { stream } from '@ganglion/core/testing';
import { figure, type Goal, type Table } from '../lib/report.ts';
import { tell } from '../lib/story.ts';
import { type Estimate, estimate, interval } from '../regret/estimates.ts';
import { costTable } from './cost.ts';
import { episode, ours } from './drive.ts';
import { merged } from './merged.ts';
import { netTable } from './net.ts';
import { bias, cliff, frozenLake, type Process, riverSwim, walk, worth } from './problems.ts';
import { type Agent, doubleQ, psrl, qLearning } from './references.ts';
import { walkTable } from './walk.ts';

interface Row {
  readonly name: string;
  make(process: Process, seed: number): Agent;
}

/** How every table of values is used on a problem. */
interface Setting {
  readonly process: Process;
  readonly episodes: number;
  readonly gamma: number;
  readonly epsilon: number;
  readonly alpha: number;
  /** Only tables of values: sampling processes takes long here, and explores what need not be. */
  readonly tables?: boolean;
  /** Options of ours beside these. */
  readonly more?: Readonly<Record<string, unknown>>;
}

const SETTINGS: readonly Setting[] = [
  { process: riverSwim, episodes: 500, gamma: 0.95, epsilon: 0.1, alpha: 0.1 },
  {
    process: cliff,
    episodes: 200,
    tables: true,
    gamma: 1,
    epsilon: 0.1,
    alpha: 0.5,
    more: { episode: { horizon: 500 } },
  },
  { process: frozenLake, episodes: 400, gamma: 0.99, epsilon: 0.1, alpha: 0.1 },
];

const rowsOf = ({ gamma, epsilon, alpha, more, tables }: Setting): readonly Row[] => {
  const mine = (options: object) => (process: Process, seed: number) =>
    ours(process, { gamma, ...more, ...options }, seed);
  const table = { gamma, epsilon, alpha };
  const rows: Row[] = [
    { name: 'q-learning, ε-greedy, double', make: mine({ epsilon, estimator: 'double' }) },
    { name: 'q-learning, ε-greedy, single', make: mine({ epsilon }) },
    { name: 'q-learning, posterior', make: mine({ explore: 'posterior' }) },
    { name: 'published Q-learning', make: (process, seed) => qLearning(process, { ...table, seed }) },
    { name: 'published double Q-learning', make: (process, seed) => doubleQ(process, { ...table, seed }) },
    { name: 'published posterior sampling', make: psrl },
  ];
  return tables === true ? rows.filter(({ name }) => !name.includes('posterior')) : rows;
};

/** What a run came to: earned an episode on the way, and what the learned policy is worth, exactly. */
function run({ process, episodes }: Setting, agent: Agent, seed: number) {
  const random = stream(seed, 7);
  let all = 0;
  for (let e = 0; e < episodes; e++) all += episode(process, agent, random).earned;
  return { earned: all / episodes, learned: worth(process, agent.greedy) };
}

interface Measured {
  readonly setting: Setting;
  readonly best: number;
  readonly rows: readonly { readonly earned: Estimate; readonly learned: Estimate }[];
}

function measureAll(seeds: number, say: (what: string) => void): Measured[] {
  return SETTINGS.map((setting) => {
    say(setting.process.name);
    const rows = rowsOf(setting).map(({ name, make }) => {
      const runs = Array.from({ length: seeds }, (_, i) => run(setting, make(setting.process, i + 1), i + 1));
      return {
        earned: estimate(
          name,
          runs.map(({ earned }) => earned),
        ),
        learned: estimate(
          name,
          runs.map(({ learned }) => learned),
        ),
      };
    });
    return { setting, best: worth(setting.process), rows };
  });
}

function tableOf({ setting, best, rows }: Measured, seeds: number): Table {
  const { process, episodes, gamma, epsilon, alpha } = setting;
  return {
    title: `${process.name}: ${figure(episodes)} episodes, ${seeds} seeds, γ ${gamma}, ε ${epsilon}, published tables at rate ${alpha}`,
    head: ['', 'earned an episode while learning', 'worth of what was learned'],
    rows: [
      ...rows.map(({ earned, learned }) => [earned.name, interval(earned), interval(learned)]),
      ['limit: the best policy, exactly', figure(best), figure(best)],
    ],
  };
}

/** Share of episodes that begin with the arm to the left, as the book’s figure has it; the least there is is ε / 2. */
function biasTable(seeds: number, say: (what: string) => void): { table: Table; goals: Goal[] } {
  say(bias.name);
  const options = { gamma: 1, epsilon: 0.1, alpha: 0.1 };
  const mine = (more: object) => (_: Process, seed: number) =>
    ours(bias, { gamma: 1, epsilon: 0.1, episode: { horizon: 10 }, ...more }, seed);
  const rows: Row[] = [
    { name: 'q-learning, double', make: mine({ estimator: 'double' }) },
    { name: 'q-learning, single', make: mine({}) },
    { name: 'published Q-learning, rate 0.1', make: (_, seed) => qLearning(bias, { ...options, seed }) },
    { name: 'published double Q-learning, rate 0.1', make: (_, seed) => doubleQ(bias, { ...options, seed }) },
  ];
  const parts = [
    [0, 50],
    [50, 100],
    [100, 300],
  ] as const;
  const shares = rows.map(({ name, make }) => {
    const runs = Array.from({ length: seeds }, (_, i) => {
      const agent = make(bias, i + 1);
      const random = stream(i + 1, 7);
      const left = Array.from(
        { length: 300 },
        () => (episode(bias, agent, random).first === 0 ? 100 : 0) as number,
      );
      return parts.map(
        ([from, to]) => left.slice(from, to).reduce((sum, each) => sum + each, 0) / (to - from),
      );
    });
    return {
      name,
      parts: parts.map((_, i) =>
        estimate(
          name,
          runs.map((each) => each[i]),
        ),
      ),
    };
  });
  return {
    table: {
      title: `${bias.name}: share of episodes that begin to the left, %, ${seeds} seeds, ε 0.1`,
      head: ['', ...parts.map(([from, to]) => `episodes ${from + 1}–${to}`)],
      rows: [
        ...shares.map((each) => [each.name, ...each.parts.map(interval)]),
        ['limit: always right but for ε', '5', '5', '5'],
      ],
    },
    goals: [
      {
        goal: 'double goes left no more often than published double Q-learning, episodes 101–300',
        figure: `${interval(shares[0].parts[2])} to ${interval(shares[3].parts[2])}`,
        met:
          shares[0].parts[2].mean - shares[0].parts[2].half <=
          shares[3].parts[2].mean + shares[3].parts[2].half,
      },
    ],
  };
}

function goalsOf(all: readonly Measured[]): Goal[] {
  const reward = (i: number, name: string, what: 'earned' | 'learned'): Estimate =>
    all[i].rows.find((row) => row.earned.name === name)![what];
  const atLeast = (goal: string, mine: Estimate, theirs: Estimate): Goal => ({
    goal,
    figure: `${interval(mine)} to ${interval(theirs)}`,
    met: mine.mean + mine.half >= theirs.mean - theirs.half,
  });
  return [
    atLeast(
      'river swim: posterior earns as much as published posterior sampling',
      reward(0, 'q-learning, posterior', 'earned'),
      reward(0, 'published posterior sampling', 'earned'),
    ),
    ...all.map((each, i) =>
      atLeast(
        `${each.setting.process.name}: ε-greedy, double, learns as much as published double Q-learning`,
        reward(i, 'q-learning, ε-greedy, double', 'learned'),
        reward(i, 'published double Q-learning', 'learned'),
      ),
    ),
  ];
}

await tell({
  name: 'rl',
  title: 'Sequences: decisions that change what comes next',
  help: 'Returns against the exact optimum on standard problems, beside published algorithms; merged over tiers; the safety net; cost.',
  async measure({ quick, say }) {
    const seeds = quick ? 5 : 50;
    const all = measureAll(seeds, say);
    const biased = biasTable(quick ? 20 : 1000, say);
    say(walk.name);
    const walked = walkTable(quick ? 5 : 100);
    say('over tiers');
    const tiers = merged(quick ? 5 : 50);
    say('the net');
    const net = await netTable(quick ? 20 : 200);
    say('cost');
    const cost = await costTable(quick);
    return {
      tables: [
        ...all.map((each) => tableOf(each, seeds)),
        biased.table,
        walked,
        tiers.table,
        net.table,
        cost,
      ],
      goals: [...goalsOf(all), ...biased.goals, ...tiers.goals, ...net.goals],
      notes: [
        'Intervals are 95 % over seeds (t). What was learned is valued exactly, by dynamic programming over the steps of an episode, without exploration; ties are split.',
        'Ours see outcomes as a node does: views are made anew after 32 of them, and solved anew when a fiftieth more is known or a second has passed.',
        'Published tables start from 0 and learn at a fixed rate, as in the book; published posterior sampling is solved before every episode, over its horizon, which ours does not know in river swim and frozen lake.',
      ],
    };
  },
});
