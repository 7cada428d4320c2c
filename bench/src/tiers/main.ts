/** `npm run bench -- tiers`: what an hour of lag costs a tree that learns together, beside the same lag at one node. */

import { figure, type Goal, type Table } from '../lib/report.ts';
import { tell } from '../lib/story.ts';
import type { Problem } from '../regret/drive.ts';
import { estimate, interval } from '../regret/estimates.ts';
import { idealRegret } from '../regret/ideal.ts';
import { type Merging, mergedRegret } from '../regret/merged.ts';
import { linearProblem } from '../regret/synthetic.ts';

const HOUR = 3_600_000;
const TREE = { devices: 6, regions: 2 } as const;

/** Decisions of the whole tree in an hour, in a run, and how many runs. */
export interface Setting {
  readonly perHour: number;
  readonly steps: number;
  readonly seeds: number;
  /** Whether the limit is measured beside it. */
  readonly limit: boolean;
}

const SETTINGS: readonly Setting[] = [
  { perHour: 60, steps: 20_000, seeds: 100, limit: false },
  { perHour: 360, steps: 20_000, seeds: 40, limit: true },
  { perHour: 360, steps: 120_000, seeds: 24, limit: false },
];

/** A hop takes a twelfth of the lag; four there and back, and before each a wait of half a round trip on average. */
const MEAN_LAG_MS = (HOUR * 8) / 12;

type Way = (problem: Problem, seed: number, perHour: number) => number | Promise<number>;
const POLICY = { kind: 'linear-thompson' };
const nodes =
  (how: Pick<Merging, 'lagMs' | 'feedbackAfterMs'>): Way =>
  (problem, seed, perHour) =>
    mergedRegret(problem, POLICY, seed, { ...TREE, perHour, ...how });

/** Who decides, and when they hear of it. The first is what the others are compared with. */
const WAYS: readonly { readonly name: string; readonly regret: Way }[] = [
  { name: 'all decisions at one node, feedback at once', regret: nodes({ lagMs: 0 }) },
  {
    name: 'all decisions at one node, feedback an hour late',
    regret: nodes({ lagMs: 0, feedbackAfterMs: HOUR }),
  },
  {
    name: 'three tiers: own feedback at once, that of others an hour late at worst',
    regret: nodes({ lagMs: HOUR }),
  },
  {
    name: 'limit: no tree, others heard after its mean lag of 40 minutes',
    regret: (problem, seed, perHour) =>
      idealRegret(problem, POLICY, seed, { devices: TREE.devices, perHour, lagMs: MEAN_LAG_MS }),
  },
];

await tell({
  name: 'tiers',
  title: 'What an hour of lag costs a tree',
  help: 'Regret of linear Thompson sampling over cloud, two regions and six devices, beside one node. Half an hour.',
  async measure({ quick, say }) {
    const settings = quick ? [{ perHour: 360, steps: 4000, seeds: 2, limit: true }] : SETTINGS;
    const found: number[][][] = [];
    for (const setting of settings) found.push(await measured(setting, say));
    return findings(settings, found);
  },
});

function waysOf({ limit }: Setting): readonly (typeof WAYS)[number][] {
  return limit ? WAYS : WAYS.slice(0, -1);
}

/** By way, the regret of each seed. */
async function measured(setting: Setting, say: (what: string) => void): Promise<number[][]> {
  const { perHour, steps, seeds } = setting;
  const ways = waysOf(setting);
  const all: number[][] = ways.map(() => []);
  for (let seed = 1; seed <= seeds; seed++) {
    say(`${perHour} an hour, ${figure(steps)} decisions, seed ${seed}`);
    const problem = linearProblem(seed, 5, 5, steps);
    for (const [i, { regret }] of ways.entries())
      all[i].push(await regret(problem, seed, perHour / TREE.devices));
  }
  return all;
}

function findings(
  settings: readonly Setting[],
  found: readonly (readonly number[][])[],
): { tables: Table[]; goals: Goal[]; notes: string[] } {
  const more = settings.map((_, s) => found[s].map((values) => relative(values, found[s][0])));
  return {
    tables: settings.map((setting, s) => ({
      title: `${setting.perHour} decisions an hour in all, ${figure(setting.steps)} decisions, ${setting.seeds} seeds`,
      head: ['', 'expected regret', 'more than at one node'],
      rows: waysOf(setting).map(({ name }, i) => [
        name,
        interval(estimate(name, found[s][i])),
        i === 0 ? '' : `${interval(more[s][i])} %`,
      ]),
    })),
    goals: settings.flatMap(({ perHour, steps }, s) => {
      const [, late, tree] = more[s];
      const where = `${perHour} an hour, ${figure(steps)} decisions`;
      return [
        {
          goal: `${where}: within 5 % of one node that hears at once`,
          figure: `${interval(tree)} %`,
          met: tree.mean <= 5,
        },
        {
          goal: `${where}: no worse than one node that hears as late`,
          figure: `${interval(tree)} % to ${interval(late)} %`,
          met: tree.mean <= late.mean,
        },
      ];
    }),
    notes: [
      'Linear Thompson sampling, 5 arms, 5 features. Real nodes in one process on a clock of our own: whole pipeline, feedback by id, messages that take their time; one cloud, two regions, six devices. Regret is in expectation given the contexts; differences are of the same seed, intervals 95 % over seeds (t). The clock is simulated, so a crowded machine changes no figure.',
      'A delay costs about the regret of the decisions that are made before the first word of others comes, and that once (Joulani, György & Szepesvári, ICML 2013: an additive term, the delay times the gaps), so its share falls as the horizon grows. The limit is what the same learners come to when they are told by hand, without nodes, slots or messages: what a tree adds to the delay itself is the difference to it.',
    ],
  };
}

/** Per cent of the mean of `reference`, seed by seed. */
function relative(values: readonly number[], reference: readonly number[]) {
  const { mean } = estimate('', reference);
  return estimate(
    '',
    values.map((value, seed) => (100 * (value - reference[seed])) / mean),
  );
}
