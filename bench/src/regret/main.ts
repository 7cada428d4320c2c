/** `npm run bench -- regret`: what learning costs, beside the published rules and on tables turned into bandits. */

import { figure, type Goal, type Table } from '../lib/report.ts';
import { tell } from '../lib/story.ts';
import { type Learner, ours, type Problem, type Run, run } from './drive.ts';
import { type Estimate, estimate, interval } from './estimates.ts';
import { evenly, linearThompson, linUcb } from './published.ts';
import { linearProblem } from './synthetic.ts';
import { asBandit, type Loaded, load, TABLES } from './tables.ts';

interface Row {
  readonly name: string;
  make(problem: Problem, seed: number): Learner;
}

const kind = (name: string, options: Readonly<Record<string, unknown>>): Row => ({
  name,
  make: (problem, seed) => ours(options, problem, seed),
});

const CONTEXTUAL: readonly Row[] = [
  kind('linear-thompson', { kind: 'linear-thompson' }),
  kind('lin-ucb', { kind: 'lin-ucb' }),
  kind('square-cb', { kind: 'square-cb' }),
  kind('epsilon-greedy, linear, 5 %', { kind: 'epsilon-greedy', model: 'linear', epsilon: '5%' }),
  kind('epsilon-greedy, logistic, 5 %', { kind: 'epsilon-greedy', model: 'logistic', epsilon: '5%' }),
];
const WITHOUT: readonly Row[] = [
  kind('thompson, no context', { kind: 'thompson' }),
  { name: 'evenly', make: (problem) => evenly(problem.arms) },
];
const features = (problem: Problem): number => Object.keys(problem.context).length;
const PUBLISHED: readonly Row[] = [
  {
    name: 'published LinUCB, α = ½, exact at every step',
    make: (problem) => linUcb(problem.arms, features(problem), 0.5),
  },
  {
    name: 'published linear Thompson, v = ½, exact at every step',
    make: (problem, seed) => linearThompson(problem.arms, features(problem), 0.5, seed),
  },
];

await tell({
  name: 'regret',
  title: 'What learning costs',
  help: 'Expected regret over seeds on linear problems; share of right answers on tables turned into bandits.',
  async measure({ quick, say }) {
    const seeds = quick ? 5 : 50;
    const steps = quick ? 2000 : 10_000;
    const problems = Array.from({ length: seeds }, (_, i) => linearProblem(i + 1, 10, 8, steps));
    const regrets = [...CONTEXTUAL, ...WITHOUT, ...PUBLISHED].map((row) => {
      say(row.name);
      return estimate(
        row.name,
        problems.map((problem, i) => run(problem, row.make(problem, i + 1), i + 1).regret),
      );
    });
    const loaded = TABLES.flatMap((table) => {
      const found = load(table);
      if (found === undefined)
        say(`${table.name} is not here: set GANGLION_DATA to the folder of ${table.file}`);
      return found ?? [];
    });
    const shuffles = quick ? 1 : 5;
    return {
      tables: [regretTable(regrets, steps, seeds), ...tableOfTables(loaded, shuffles, say)],
      goals: goals(regrets),
      notes: [
        'Regret is in expectation given the contexts: Σ of the best arm’s mean less the proposal’s. Intervals are 95 % over seeds (t).',
        'Ours see their outcomes as a node does: views are made anew after 32 of them. The published rules are made anew after every one.',
        'On tables a class is an arm and only the chosen one is seen. The last row learns the same model from all labels: the limit where the world stands still, which that of Elec2 does not.',
        ...(loaded.length < TABLES.length ? ['Some tables were not on this machine.'] : []),
      ],
    };
  },
});

function regretTable(rows: readonly Estimate[], steps: number, seeds: number): Table {
  const reference = rows.find(({ name }) => name.startsWith('published linear Thompson'))!;
  return {
    title: `Linear rewards, 10 arms, 8 features, ${figure(steps)} steps, ${seeds} seeds`,
    head: ['', 'expected regret', 'beside published Thompson'],
    rows: [
      ...rows.map((row) => [row.name, interval(row), `${figure(row.mean / reference.mean)}×`]),
      ['limit: knows every mean', '0', '0×'],
    ],
  };
}

function tableOfTables(loaded: readonly Loaded[], shuffles: number, say: (what: string) => void): Table[] {
  if (loaded.length === 0) return [];
  const rows = [...CONTEXTUAL, ...WITHOUT].map((row) => [
    row.name,
    ...loaded.map((table) => {
      say(`${table.table.name}: ${row.name}`);
      return percent(
        rewards(table, shuffles, (problem, seed) => run(problem, row.make(problem, seed), seed)),
      );
    }),
  ]);
  rows.push([
    'always the most frequent class',
    ...loaded.map((table) => {
      const counts = table.classes.map((_, c) => table.rows.filter(({ label }) => label === c).length);
      return `${figure((100 * Math.max(...counts)) / table.rows.length)} %`;
    }),
  ]);
  rows.push([
    'the same model told every label',
    ...loaded.map((table) => percent(rewards(table, shuffles, everyLabel))),
  ]);
  return [
    {
      title: `Right answers on tables turned into bandits, one pass, ${shuffles} runs`,
      head: ['', ...loaded.map(({ table, classes }) => `${table.name}, ${classes.length} arms`)],
      rows,
    },
  ];
}

function rewards(table: Loaded, runs: number, go: (problem: Problem, seed: number) => Run): number[] {
  return Array.from({ length: runs }, (_, i) => go(asBandit(table, i + 1), i + 1).reward);
}

function percent(values: readonly number[]): string {
  const { mean } = estimate('', values);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return values.length === 1
    ? `${(100 * mean).toFixed(1)} %`
    : `${(100 * mean).toFixed(1)} % (${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)})`;
}

/** The same linear model with nothing to explore: it is told of every arm what it would have paid. */
function everyLabel(problem: Problem, seed: number): Run {
  const learner = ours({ kind: 'epsilon-greedy', model: 'linear', epsilon: 0 }, problem, seed);
  const mean = new Float64Array(problem.arms);
  let step = 0;
  const followed: Problem = {
    ...problem,
    at: (now, context, means) => {
      step = now;
      problem.at(now, context, means);
    },
  };
  const told: Learner = {
    propose: learner.propose,
    learn: (context) => {
      problem.at(step, context, mean);
      for (let a = 0; a < problem.arms; a++) learner.learn(context, a, 1, mean[a]);
    },
  };
  return run(followed, told, seed);
}

function goals(rows: readonly Estimate[]): Goal[] {
  const of = (name: string): Estimate => rows.find((row) => row.name.startsWith(name))!;
  const pairs = [
    ['linear-thompson', 'published linear Thompson'],
    ['lin-ucb', 'published LinUCB'],
  ];
  return pairs.map(([mine, theirs]) => ({
    goal: `${mine} within 10 % of ${of(theirs).name}`,
    figure: `${interval(of(mine))} to ${interval(of(theirs))}`,
    met: of(mine).mean <= 1.1 * of(theirs).mean,
  }));
}
